//! Repositories in two parts: what gets into which, which belong together, and what happens when the hot part is lost.

use std::collections::BTreeSet;

use holdfast_model::Silent;
use holdfast_store::fault::{Effect, FaultStore, Trigger};
use holdfast_store::record::RecordStore;
use holdfast_store::{MemoryStore, Verb};
use sha2::{Digest, Sha256};

use super::*;
use crate::check::{Finding, ReadData, check};
use crate::prune::{MaxUnused, PruneOptions, PrunePlan};
use crate::testing::{CHEAP, PASSWORD, Source, TestPause, backup, contents};
use crate::{LockMode, OpenOptions, RepoErrorKind, SavedSnapshot, saved};

type Part = Arc<MemoryStore>;
type Recorded = Arc<RecordStore<Part>>;

fn options(hot: &Arc<dyn Store>) -> OpenOptions {
    OpenOptions { hot: Some(hot.clone()), ..OpenOptions::default() }
}

fn open(main: &Part, hot: &Part) -> Result<Repository, RepoError> {
    Repository::open(main.clone(), PASSWORD, options(&(hot.clone() as Arc<dyn Store>)))
}

fn open_alone(main: &Part) -> Repository {
    Repository::open(main.clone(), PASSWORD, OpenOptions::default()).unwrap()
}

/// A new repository in two parts.
fn split() -> (Part, Part) {
    let (main, hot) = (Part::default(), Part::default());
    Repository::init(main.clone(), PASSWORD, CHEAP, options(&(hot.clone() as Arc<dyn Store>))).unwrap();
    (main, hot)
}

fn source(first: u16, count: u16) -> Source {
    let blob = |n: u16| format!("content {n} ").into_bytes().repeat(50);
    let files = (first..first + count).map(|n| (format!("file {n}"), vec![blob(n), blob(n + 1)])).collect();
    [("dir".to_owned(), files)].into()
}

fn names(part: &Part, kind: FileKind) -> BTreeSet<Id> {
    part.list(kind).unwrap().into_iter().map(|file| file.id).collect()
}

/// The packs with blobs of a kind, by the index of the main part.
fn packs(main: &Part, kind: BlobKind) -> BTreeSet<Id> {
    let repository = open_alone(main);
    repository.engine().refresh().unwrap();
    repository.engine().index().blobs(kind).map(|(_, at)| at.pack.into()).collect()
}

/// The hot part has a copy of each file that should have one, and no others.
fn assert_alike(main: &Part, hot: &Part) {
    for kind in HotStore::COPIED {
        assert_eq!(names(main, kind), names(hot, kind), "{kind:?}");
        for id in names(main, kind) {
            assert_eq!(main.read(kind, &id).unwrap(), hot.read(kind, &id).unwrap());
        }
    }
    assert_eq!(names(hot, FileKind::Pack), packs(main, BlobKind::Tree));
}

fn findings(repository: &Repository, read_data: ReadData) -> Vec<Finding> {
    check(repository, read_data, &Silent, &CancelToken::new()).unwrap().findings
}

fn fill(repository: &Repository) -> Result<HotReport, RepoError> {
    repository.fill_hot(&Silent, &CancelToken::new())
}

/// Forgets a snapshot and deletes what it needed alone.
fn forget(repository: &Repository, snapshot: &SavedSnapshot) {
    repository.remove_snapshot(snapshot.id).unwrap();
    prune(repository, None);
}

fn prune(repository: &Repository, repack_cacheable_only: Option<bool>) {
    let lock = repository.lock(LockMode::Exclusive, &TestPause::new()).unwrap();
    let options = PruneOptions {
        max_unused: MaxUnused::Bytes(0),
        repack_cacheable_only,
        remove_all: true,
        ..PruneOptions::default()
    };
    let (monitor, cancel) = (Silent, CancelToken::new());
    let plan = PrunePlan::new(repository, options, &(), &[], &monitor, &cancel).unwrap();
    assert_eq!(plan.execute(&lock, &monitor, &cancel).unwrap().leftovers_swept, 0);
}

#[test]
fn the_hot_part_has_copies_of_all_but_data_through_backups_keys_and_prunes() {
    let (main, hot) = split();
    assert_alike(&main, &hot);
    let repository = open(&main, &hot).unwrap();
    let first = backup(&repository, &source(0, 40)).unwrap();
    let second = backup(&repository, &source(20, 40)).unwrap();
    assert_alike(&main, &hot);
    let data = packs(&main, BlobKind::Data);
    assert!(!data.is_empty() && data.is_disjoint(&names(&hot, FileKind::Pack)));

    let added = repository.add_key(b"another", None, CHEAP.kdf_cost).unwrap();
    assert_alike(&main, &hot);
    repository.remove_key(&added.to_string()).unwrap();
    forget(&repository, &first);
    drop(repository);
    assert_alike(&main, &hot);
    let repository = open(&main, &hot).unwrap();
    assert!(findings(&repository, ReadData::Everything).is_empty());
    assert_eq!(contents(&repository, second.snapshot.tree).unwrap(), source(20, 40));
}

#[test]
fn both_configs_are_as_rustic_writes_them() {
    let (main, hot) = split();
    let repository = open(&main, &hot).unwrap();
    let [of_main, of_hot] = [&main, &hot].map(|part| {
        let sealed = part.read(FileKind::Config, &Id::default()).unwrap();
        serde_json::from_slice::<serde_json::Value>(&repository.key().open(&sealed).unwrap()).unwrap()
    });
    assert_eq!(of_main.get("is_hot"), None, "restic sees nothing strange");
    let mut expected = of_main;
    expected["is_hot"] = true.into();
    assert_eq!(of_hot, expected);
    assert!(!repository.config().is_hot());
}

#[test]
fn the_config_of_the_main_part_is_the_one_to_go_by() {
    let (main, hot) = split();
    let repository = open(&main, &hot).unwrap();
    // As `restic migrate` changes it, which knows nothing of the hot part.
    let mut changed = repository.config().clone();
    changed.version = 1;
    main.remove(FileKind::Config, &Id::default()).unwrap();
    main.put(FileKind::Config, &Id::default(), &[&seal_config(repository.key(), &changed)]).unwrap();
    assert_eq!(*open(&main, &hot).unwrap().config(), changed);
}

#[test]
fn a_pack_of_trees_is_saved_only_if_the_main_part_has_it() {
    let (main, hot) = split();
    let repository = open(&main, &hot).unwrap();
    let content = b"a pack".to_vec();
    let id = Id::new(Sha256::digest(&content).into());
    main.put(FileKind::Pack, &id, &[&content[..3]]).unwrap();
    let trees = repository.joined().unwrap().of_trees();
    for _ in 0..2 {
        let error = saved::put(&trees, FileKind::Pack, &id, &[&content]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn whoever_knows_only_the_main_part_sees_the_whole_repository() {
    let (main, hot) = split();
    let saved = backup(&open(&main, &hot).unwrap(), &source(0, 10)).unwrap();
    let alone = open_alone(&main);
    alone.engine().refresh().unwrap();
    assert_eq!(contents(&alone, saved.snapshot.tree).unwrap(), source(0, 10));
    assert!(findings(&alone, ReadData::Everything).is_empty());
}

#[test]
fn trees_and_all_that_leads_to_them_are_read_from_the_hot_part_alone() {
    let (main, hot) = split();
    let saved = backup(&open(&main, &hot).unwrap(), &source(0, 40)).unwrap();
    let recorded: Recorded = Arc::new(RecordStore::new(main.clone()));
    let repository = Repository::open(recorded.clone(), PASSWORD, options(&(hot.clone() as Arc<dyn Store>))).unwrap();
    repository.read_snapshots().unwrap();
    repository.engine().refresh().unwrap();
    let root = repository.engine().load_tree(saved.snapshot.tree).unwrap();
    repository.engine().load_tree(root.nodes()[0].subtree().unwrap()).unwrap();
    for call in recorded.take() {
        let is_read = matches!(call.verb, Verb::Read | Verb::ReadRange | Verb::Size);
        assert!(!is_read || call.kind == Some(FileKind::Config), "{call:?}");
    }
    contents(&repository, saved.snapshot.tree).unwrap();
    assert!(recorded.count(Verb::ReadRange, FileKind::Pack).0 > 0, "data is read from the main part");
}

#[test]
fn storage_that_does_not_give_back_small_files_is_enough_for_the_main_part() {
    let (main, hot) = split();
    let archive = Arc::new(FaultStore::new(main.clone()));
    for verb in [Verb::Read, Verb::ReadRange] {
        archive.inject(Trigger::every().of(verb), Effect::Fail(ErrorKind::Denied));
    }
    let repository = Repository::open(archive, PASSWORD, options(&(hot.clone() as Arc<dyn Store>))).unwrap();
    let first = backup(&repository, &source(0, 40)).unwrap();
    backup(&repository, &source(20, 40)).unwrap();
    assert_eq!(repository.read_snapshots().unwrap().good.len(), 2);
    assert!(findings(&repository, ReadData::Nothing).is_empty());
    repository.change_password(b"another", None, CHEAP.kdf_cost).unwrap();
    repository.change_password(PASSWORD, None, CHEAP.kdf_cost).unwrap();
    forget(&repository, &first);
    drop(repository);
    assert_alike(&main, &hot);
    assert!(findings(&open(&main, &hot).unwrap(), ReadData::Everything).is_empty());
}

#[test]
fn a_prune_reads_data_only_if_it_is_told_to() {
    let (main, hot) = split();
    let repository = open(&main, &hot).unwrap();
    let first = backup(&repository, &source(0, 40)).unwrap();
    repository.remove_snapshot(first.id).unwrap();
    backup(&repository, &source(20, 40)).unwrap();
    drop(repository);
    let before = packs(&main, BlobKind::Data);
    for (said, reads) in [(None, false), (Some(false), true)] {
        let recorded: Recorded = Arc::new(RecordStore::new(main.clone()));
        let repository =
            Repository::open(recorded.clone(), PASSWORD, options(&(hot.clone() as Arc<dyn Store>))).unwrap();
        prune(&repository, said);
        assert_eq!(recorded.count(Verb::ReadRange, FileKind::Pack).0 > 0, reads, "{said:?}");
        drop(repository);
        assert_eq!(packs(&main, BlobKind::Data) != before, reads);
        assert_alike(&main, &hot);
        assert!(findings(&open(&main, &hot).unwrap(), ReadData::Everything).is_empty());
    }
}

#[test]
fn a_hot_part_that_is_lost_is_done_without_and_filled_anew() {
    let (main, hot) = split();
    let repository = open(&main, &hot).unwrap();
    let saved = backup(&repository, &source(0, 40)).unwrap();
    drop(repository);
    let lost = Part::default();
    let repository = open(&main, &lost).unwrap();
    assert!(repository.hot_trouble().unwrap().contains("repair hot"));
    assert_eq!(repository.read_snapshots().unwrap().good.len(), 1);
    repository.engine().refresh().unwrap();
    assert_eq!(contents(&repository, saved.snapshot.tree).unwrap(), source(0, 40));
    backup(&repository, &source(20, 40)).unwrap();
    for kind in FileKind::ALL {
        assert_eq!(names(&lost, kind), BTreeSet::new(), "nothing is written where nobody said so: {kind:?}");
    }
    let [Finding::HotUnused { .. }] = &findings(&repository, ReadData::Nothing)[..] else {
        panic!("a check says that the hot part is not used, and that alone");
    };

    let report = fill(&repository).unwrap();
    assert_eq!((report.files_copied, report.files_deleted), (1 + 2 + 2 + 2, 0), "keys, snapshots, indexes, packs");
    drop(repository);
    assert_alike(&main, &lost);
    let repository = open(&main, &lost).unwrap();
    assert_eq!(repository.hot_trouble(), None);
    assert!(findings(&repository, ReadData::Everything).is_empty());
    assert_eq!(fill(&repository).unwrap(), HotReport::default(), "there is nothing left to do");
}

#[test]
fn filling_that_is_cut_off_anywhere_is_gone_on_with() {
    let (main, hot) = split();
    backup(&open(&main, &hot).unwrap(), &source(0, 40)).unwrap();
    for call in 1.. {
        let lost = Part::default();
        let dying = Arc::new(FaultStore::new(lost.clone()));
        dying.inject(Trigger::nth(call), Effect::DieAfter);
        let opened = Repository::open(main.clone(), PASSWORD, options(&(dying.clone() as Arc<dyn Store>)));
        let done = opened.and_then(|repository| fill(&repository));
        let repository = open(&main, &lost).unwrap();
        assert!(
            repository.hot_trouble().is_some() || done.is_ok() || lost.size(FileKind::Config, &Id::default()).is_ok()
        );
        fill(&repository).unwrap();
        drop(repository);
        assert_alike(&main, &lost);
        if done.is_ok() {
            assert!(call > 10, "{call}");
            break;
        }
    }
}

#[test]
fn a_check_says_which_copies_are_missing_too_short_damaged_or_left_over() {
    let (main, hot) = split();
    backup(&open(&main, &hot).unwrap(), &source(0, 40)).unwrap();
    let [key, snapshot, index, pack] = [FileKind::Key, FileKind::Snapshot, FileKind::Index, FileKind::Pack]
        .map(|kind| (kind, *names(&hot, kind).first().unwrap()));
    for (kind, id) in [key, snapshot, index, pack] {
        let copy = hot.read(kind, &id).unwrap();
        hot.remove(kind, &id).unwrap();
        let found = findings(&open(&main, &hot).unwrap(), ReadData::Nothing);
        let [Finding::HotMissing { kind: of, id: named }] = found[..] else { panic!("{found:?}") };
        assert_eq!((of, named), (kind, id));
        assert!(
            found[0].is_mended_by_filling() && !found[0].is_error() && found[0].to_string().contains("repair hot"),
            "{}",
            found[0]
        );

        let _ = hot.remove(kind, &id);
        hot.put(kind, &id, &[&copy[..copy.len() / 2]]).unwrap();
        let found = findings(&open(&main, &hot).unwrap(), ReadData::Nothing);
        assert!(matches!(found[..], [Finding::HotSize { .. }]), "{found:?}");

        let mut damaged = copy.to_vec();
        damaged[copy.len() / 2] ^= 1;
        hot.remove(kind, &id).unwrap();
        hot.put(kind, &id, &[&damaged]).unwrap();
        let repository = open(&main, &hot).unwrap();
        if kind == FileKind::Pack {
            let found = findings(&repository, ReadData::Everything);
            assert!(matches!(found[..], [Finding::HotData { .. }]), "{found:?}");
            // What was damaged was read as a tree by then, and deleted.
            assert_eq!(names(&hot, kind), BTreeSet::new());
            hot.put(kind, &id, &[&damaged]).unwrap();
        }
        let files_copied = fill(&repository).unwrap().files_copied;
        assert!(files_copied == 1 || kind == FileKind::Key || kind == FileKind::Index, "{kind:?}");
        drop(repository);
        assert_alike(&main, &hot);
    }
    hot.put(FileKind::Snapshot, &Id::new([7; 32]), &[b"left over"]).unwrap();
    let found = findings(&open(&main, &hot).unwrap(), ReadData::Nothing);
    assert!(matches!(found[..], [Finding::HotLeftOver { kind: FileKind::Snapshot, count: 1 }]), "{found:?}");
    assert!(!found[0].is_error());
}

#[test]
fn a_damaged_copy_of_a_tree_costs_nothing_but_time() {
    let (main, hot) = split();
    let saved = backup(&open(&main, &hot).unwrap(), &source(0, 40)).unwrap();
    let forgotten = backup(&open(&main, &hot).unwrap(), &source(100, 40)).unwrap();
    let damage = || {
        for id in names(&hot, FileKind::Pack) {
            let mut bytes = hot.read(FileKind::Pack, &id).unwrap().to_vec();
            bytes.iter_mut().for_each(|byte| *byte ^= 1);
            hot.remove(FileKind::Pack, &id).unwrap();
            hot.put(FileKind::Pack, &id, &[&bytes]).unwrap();
        }
    };
    damage();
    let repository = open(&main, &hot).unwrap();
    repository.engine().refresh().unwrap();
    assert_eq!(contents(&repository, saved.snapshot.tree).unwrap(), source(0, 40));
    drop(repository);
    damage();
    let repository = open(&main, &hot).unwrap();
    forget(&repository, &forgotten);
    drop(repository);
    fill(&open(&main, &hot).unwrap()).unwrap();
    assert_alike(&main, &hot);
    assert!(findings(&open(&main, &hot).unwrap(), ReadData::Everything).is_empty());
}

#[test]
fn what_another_program_did_on_the_main_part_alone_is_seen_and_copied() {
    let (main, hot) = split();
    let repository = open(&main, &hot).unwrap();
    let forgotten = backup(&repository, &source(0, 40)).unwrap();
    let alone = open_alone(&main);
    let saved = backup(&alone, &source(20, 40)).unwrap();
    forget(&alone, &forgotten);
    drop((alone, repository));

    let repository = open(&main, &hot).unwrap();
    let snapshots = repository.read_snapshots().unwrap().good;
    assert_eq!(snapshots.iter().map(|snapshot| snapshot.id).collect::<Vec<_>>(), [saved.id]);
    assert!(repository.load_snapshot(forgotten.id).is_err(), "its copy is still there, and shows nothing");
    repository.engine().refresh().unwrap();
    assert_eq!(contents(&repository, saved.snapshot.tree).unwrap(), source(20, 40));
    fill(&repository).unwrap();
    drop(repository);
    assert_alike(&main, &hot);
}

#[test]
fn parts_that_do_not_belong_together_are_refused_and_left_alone() {
    let (main, hot) = split();
    let (other_main, other_hot) = split();
    let whole = Part::default();
    Repository::init(whole.clone(), PASSWORD, CHEAP, OpenOptions::default()).unwrap();
    let before = names(&other_hot, FileKind::Key);
    let refused = |main: &Part, hot: &Part| {
        let error = open(main, hot).unwrap_err();
        assert_eq!(error.kind(), RepoErrorKind::Refused, "{error}");
        error.to_string()
    };
    assert!(refused(&main, &other_hot).contains("is not the hot part of the repository"));
    assert!(refused(&main, &whole).contains("is not the hot part of the repository"));
    assert!(refused(&main, &main).contains("in each other's place"));
    assert!(refused(&hot, &main).contains("in each other's place"));
    assert!(refused(&hot, &hot).contains("give the address of its main part"));
    assert_eq!(names(&other_hot, FileKind::Key), before);
    let alone = Repository::open(hot, PASSWORD, OpenOptions::default()).unwrap_err();
    assert!(alone.to_string().contains("is the hot part"), "{alone}");

    // Nothing is made over another's hot part, nor is another's filled.
    let init = Repository::init(Part::default(), PASSWORD, CHEAP, options(&(other_hot.clone() as Arc<dyn Store>)));
    assert_eq!(init.unwrap_err().kind(), RepoErrorKind::AlreadyExists);
    backup(&open(&other_main, &other_hot).unwrap(), &source(0, 5)).unwrap();
    other_hot.remove(FileKind::Config, &Id::default()).unwrap();
    let error = fill(&open(&main, &other_hot).unwrap()).unwrap_err();
    assert!(error.to_string().contains("choose an empty place"), "{error}");
    assert!(fill(&open_alone(&main)).unwrap_err().to_string().contains("--repository-hot"));
}

#[test]
fn an_init_that_is_cut_off_anywhere_leaves_no_repository_or_one_that_can_be_used() {
    for dies_in_hot in [true, false] {
        for effect in [Effect::DieBefore, Effect::DieAfter] {
            for call in 1.. {
                let (main, hot) = (Part::default(), Part::default());
                let (faulty_main, faulty_hot) =
                    (Arc::new(FaultStore::new(main.clone())), Arc::new(FaultStore::new(hot.clone())));
                let dying = if dies_in_hot { &faulty_hot } else { &faulty_main };
                dying.inject(Trigger::nth(call), effect);
                let init =
                    |main: Arc<dyn Store>, hot: Arc<dyn Store>| Repository::init(main, PASSWORD, CHEAP, options(&hot));
                if init(faulty_main.clone(), faulty_hot.clone()).is_ok() {
                    assert!(call > 5, "{call}");
                    break;
                }
                let repository = match open(&main, &hot) {
                    Err(RepoError::NotARepository { .. }) => init(main.clone(), hot.clone()),
                    opened => opened,
                };
                let repository = repository.unwrap();
                fill(&repository).unwrap();
                drop(repository);
                let repository = open(&main, &hot).unwrap();
                assert_eq!(repository.hot_trouble(), None);
                assert_alike(&main, &hot);
            }
        }
    }
}

#[test]
fn a_lock_on_either_side_is_seen_on_the_other() {
    let (main, hot) = split();
    let (both, alone) = (open(&main, &hot).unwrap(), open_alone(&main));
    for (holder, other) in [(&both, &alone), (&alone, &both)] {
        let lock = holder.lock(LockMode::Exclusive, &TestPause::new()).unwrap();
        let refused = other.lock(LockMode::Shared, &TestPause::new()).unwrap_err();
        assert_eq!(refused.kind(), RepoErrorKind::Locked);
        drop(lock);
        drop(other.lock(LockMode::Exclusive, &TestPause::new()).unwrap());
    }
    drop((both, alone));
    assert_eq!(names(&hot, FileKind::Lock), BTreeSet::new());
}
