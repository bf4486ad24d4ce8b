//! Making and opening repositories in memory, with storages that fail; tests/restic.rs has real ones.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_model::{CancelToken, Id, Silent, Timestamp, TreeId};
use holdfast_store::fault::{Effect, FaultStore, Trigger};
use holdfast_store::record::RecordStore;
use holdfast_store::{ErrorKind, FileInfo, FileKind, MemoryStore, StoreError, Verb};

use super::*;
use crate::check::{Finding, ReadData, check};
use crate::key::KdfCost;
use crate::prune::{PruneOptions, PrunePlan};
use crate::snapshot::SnapshotFilter;
use crate::testing::{CHEAP, PASSWORD, Source, TestClock, backup, contents, options, repository};
use crate::{RepoErrorKind, SavedSnapshot};

fn open(store: &Arc<MemoryStore>, password: &[u8]) -> Result<Repository, RepoError> {
    Repository::open(Arc::clone(store) as Arc<dyn Store>, password, OpenOptions::default())
}

fn kind(result: Result<Repository, RepoError>) -> RepoErrorKind {
    result.unwrap_err().kind()
}

fn snapshot(seconds: i64, host: &str) -> Snapshot {
    let time = Timestamp { seconds, nanoseconds: 0 };
    let mut snapshot = Snapshot::new(time.into(), TreeId::new([1; 32]));
    snapshot.hostname = host.into();
    snapshot
}

/// The file with one bit changed, under its old name.
fn damage(store: &MemoryStore, kind: FileKind, id: &Id) {
    let mut bytes = store.read(kind, id).unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    store.remove(kind, id).unwrap();
    store.put(kind, id, &[&bytes]).unwrap();
}

#[test]
fn a_new_repository_opens_with_its_password_and_no_other() {
    let (repository, store, _) = repository();
    let again = open(&store, PASSWORD).unwrap();
    assert_eq!(again.id(), repository.id());
    assert_eq!(again.chunking(), repository.chunking());
    assert!(matches!(again.chunking(), Chunking::Gear { .. }));
    let error = open(&store, b"another").unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::WrongPassword);
    assert!(error.to_string().contains("1 tried"), "{error}");
    assert_eq!(kind(open(&Arc::default(), PASSWORD)), RepoErrorKind::NotARepository);
}

#[test]
fn a_repository_is_never_made_over_another() {
    let (_, store, clock) = repository();
    let init = || Repository::init(Arc::clone(&store) as Arc<dyn Store>, PASSWORD, CHEAP, options(&clock));
    assert!(matches!(init(), Err(RepoError::AlreadyExists { .. })));
    store.remove(FileKind::Config, &Id::default()).unwrap();
    store.put(FileKind::Snapshot, &Id::new([7; 32]), &[b"x"]).unwrap();
    assert!(matches!(init(), Err(RepoError::Remains { folder: "snapshots", .. })));
    store.remove(FileKind::Snapshot, &Id::new([7; 32])).unwrap();
    init().unwrap();
    assert_eq!(store.list(FileKind::Key).unwrap().len(), 1, "the key of the lost config is gone");
}

#[test]
fn an_init_that_is_cut_off_anywhere_leaves_no_repository_or_a_whole_one() {
    for effect in [Effect::DieBefore, Effect::DieAfter] {
        for call in 1.. {
            let memory = Arc::new(MemoryStore::new());
            let faulty = FaultStore::new(Arc::clone(&memory));
            faulty.inject(Trigger::nth(call), effect);
            let clock = TestClock::new();
            if Repository::init(Arc::new(faulty), PASSWORD, CHEAP, options(&clock)).is_ok() {
                assert!(call > 5);
                break;
            }
            match open(&memory, PASSWORD) {
                Ok(_) => {}
                Err(RepoError::NotARepository { .. }) => {
                    Repository::init(Arc::clone(&memory) as Arc<dyn Store>, PASSWORD, CHEAP, options(&clock)).unwrap();
                    open(&memory, PASSWORD).unwrap();
                }
                Err(error) => panic!("after call {call}: {error}"),
            }
        }
    }
}

#[test]
fn of_two_who_make_a_repository_at_the_same_place_one_is_told_to_stop() {
    /// Somebody else's config appears when ours is to be written, or replaces it just afterwards.
    struct Race(Arc<MemoryStore>, Vec<u8>, bool);
    impl Store for Race {
        fn location(&self) -> String {
            self.0.location()
        }
        fn create(&self) -> Result<(), StoreError> {
            self.0.create()
        }
        fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
            self.0.list(kind)
        }
        fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
            self.0.size(kind, id)
        }
        fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
            self.0.read(kind, id)
        }
        fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
            self.0.read_range(kind, id, range)
        }
        fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
            if kind == FileKind::Config && self.2 {
                self.0.put(kind, id, parts)?;
                self.0.remove(kind, id)?;
                return self.0.put(kind, id, &[&self.1]);
            }
            if kind == FileKind::Config {
                self.0.put(kind, id, &[&self.1])?;
            }
            self.0.put(kind, id, parts)
        }
        fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
            self.0.remove(kind, id)
        }
    }
    let (_, other, clock) = repository();
    let config = other.read(FileKind::Config, &Id::default()).unwrap().to_vec();
    for replaces in [false, true] {
        let memory = Arc::new(MemoryStore::new());
        let theirs = Id::new([5; 32]);
        memory.put(FileKind::Key, &theirs, &[b"their key"]).unwrap();
        let race = Race(Arc::clone(&memory), config.clone(), replaces);
        let result = Repository::init(Arc::new(race), PASSWORD, CHEAP, options(&clock));
        assert!(matches!(result, Err(RepoError::AlreadyExists { .. })));
        let keys: Vec<Id> = memory.list(FileKind::Key).unwrap().iter().map(|file| file.id).collect();
        assert_eq!(keys, [theirs], "our key is taken back, theirs stays");
    }
}

#[test]
fn a_key_that_vanishes_while_the_repository_is_opened_is_passed_over() {
    let (repository, store, _) = repository();
    let other = repository.add_key(b"another", None, KdfCost { log_n: 2, r: 1, p: 1 }).unwrap();
    let second: &[u8] = if repository.key_id() < other { b"another" } else { PASSWORD };
    // Listed first, and not there any more.
    let faulty = FaultStore::new(store);
    faulty.inject(Trigger::nth(1).of(Verb::Read).on(FileKind::Key), Effect::Fail(ErrorKind::NotFound));
    Repository::open(Arc::new(faulty), second, OpenOptions::default()).unwrap();
}

#[test]
fn a_config_whose_answer_was_lost_is_known_again() {
    let memory = Arc::new(MemoryStore::new());
    let faulty = FaultStore::new(Arc::clone(&memory));
    let put_config = Trigger::nth(1).of(Verb::Put).on(FileKind::Config);
    faulty.inject(put_config, Effect::LoseAnswer(ErrorKind::AlreadyExists));
    Repository::init(Arc::new(faulty), PASSWORD, CHEAP, options(&TestClock::new())).unwrap();
    open(&memory, PASSWORD).unwrap();
}

#[test]
fn a_key_that_was_left_over_does_not_hide_the_right_one() {
    let (repository, store, clock) = repository();
    let (other, other_store, _) = crate::testing::repository();
    let left_over = other_store.list(FileKind::Key).unwrap()[0].id;
    store.put(FileKind::Key, &left_over, &[&other_store.read(FileKind::Key, &left_over).unwrap()]).unwrap();
    assert_ne!(other.key_id(), repository.key_id());
    let opened = Repository::open(Arc::clone(&store) as Arc<dyn Store>, PASSWORD, options(&clock)).unwrap();
    assert_eq!(opened.key_id(), repository.key_id());
}

#[test]
fn keys_that_somebody_planted_do_not_lock_out_who_has_opened_the_repository_before() {
    let (repository, store, clock) = repository();
    let state = tempfile::tempdir().unwrap();
    let open = || {
        let options = OpenOptions { state_dir: Some(state.path().into()), ..options(&clock) };
        Repository::open(Arc::clone(&store) as Arc<dyn Store>, PASSWORD, options)
    };
    open().unwrap();
    let smaller = || {
        let keys = store.list(FileKind::Key).unwrap();
        keys.iter().filter(|file| file.id < Id::from(repository.key_id())).count()
    };
    while smaller() < 25 {
        repository.add_key(b"of somebody else", None, KdfCost { log_n: 2, r: 1, p: 1 }).unwrap();
    }
    open().unwrap();
    std::fs::remove_dir_all(state.path().join("keys")).unwrap();
    assert_eq!(kind(open()), RepoErrorKind::WrongPassword);
}

#[test]
fn damage_is_told_apart_from_a_wrong_password() {
    let (repository, store, _) = repository();
    let key = Id::from(repository.key_id());
    damage(&store, FileKind::Config, &Id::default());
    assert_eq!(kind(open(&store, PASSWORD)), RepoErrorKind::Corrupt);
    damage(&store, FileKind::Config, &Id::default());
    damage(&store, FileKind::Key, &key);
    assert_eq!(kind(open(&store, PASSWORD)), RepoErrorKind::Corrupt);
    store.remove(FileKind::Key, &key).unwrap();
    let error = open(&store, PASSWORD).unwrap_err();
    assert!(matches!(error, RepoError::NoKeys { .. }));
}

#[test]
fn keys_are_added_listed_changed_and_removed() {
    let (repository, store, _) = repository();
    let cheap = KdfCost { log_n: 2, r: 1, p: 1 };
    let first = repository.key_id();
    let second = repository.add_key(b"second", Some(("anna".into(), "desk".into())), cheap).unwrap();
    let keys = repository.keys().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys.iter().find(|key| key.current).unwrap().id, first);
    let shown = keys.iter().find(|key| key.id == second).unwrap();
    assert_eq!((shown.username.as_str(), shown.hostname.as_str()), ("anna", "desk"));
    assert_eq!(open(&store, b"second").unwrap().id(), repository.id());

    let third = repository.change_password(b"third", None, cheap).unwrap();
    assert_eq!(repository.key_id(), third);
    assert_eq!(kind(open(&store, PASSWORD)), RepoErrorKind::WrongPassword);
    open(&store, b"third").unwrap();

    let refused = repository.remove_key(&third.to_string()[..12]).unwrap_err();
    assert_eq!(refused.kind(), RepoErrorKind::Refused);
    assert_eq!(repository.remove_key(&second.short()).unwrap(), second);
    assert_eq!(repository.remove_key(&second.short()).unwrap_err().kind(), RepoErrorKind::NotFound);
    assert_eq!(repository.keys().unwrap().len(), 1);
}

#[test]
fn snapshots_are_found_by_id_prefix_and_filter() {
    let (repository, store, _) = repository();
    let saved: Vec<SavedSnapshot> = [(30, "web"), (10, "db"), (20, "web")]
        .map(|(seconds, host)| repository.save_snapshot(snapshot(seconds, host)).unwrap())
        .to_vec();
    let other = open(&store, PASSWORD).unwrap();
    for repository in [&repository, &other] {
        let times: Vec<_> = repository.snapshots().unwrap().iter().map(|s| s.time.at.seconds).collect();
        assert_eq!(times, [10, 20, 30]);
        let all = SnapshotFilter::default();
        assert_eq!(repository.find_snapshot("latest", &all).unwrap(), saved[0]);
        let db = SnapshotFilter { hosts: vec!["db".into()], ..SnapshotFilter::default() };
        assert_eq!(repository.find_snapshot("latest", &db).unwrap(), saved[1]);
        assert_eq!(repository.find_snapshot(&saved[2].id.short().to_uppercase(), &db).unwrap(), saved[2]);
        assert_eq!(repository.find_snapshot(&saved[2].id.to_string(), &all).unwrap(), saved[2]);
    }
    let none = SnapshotFilter { hosts: vec!["mail".into()], ..SnapshotFilter::default() };
    let error = other.find_snapshot("latest", &none).unwrap_err();
    assert!(error.to_string().contains("host mail"), "{error}");
    for name in ["", "zz", &"0".repeat(64)] {
        assert_eq!(other.find_snapshot(name, &none).unwrap_err().kind(), RepoErrorKind::NotFound, "{name}");
    }
    other.remove_snapshot(saved[0].id).unwrap();
    other.remove_snapshot(saved[0].id).unwrap();
    assert_eq!(repository.snapshots().unwrap().len(), 2);
}

#[test]
fn a_beginning_that_several_ids_have_is_refused() {
    let (repository, _, _) = repository();
    for seconds in 0..17 {
        repository.save_snapshot(snapshot(seconds, "web")).unwrap();
    }
    let ids: Vec<String> = repository.snapshots().unwrap().iter().map(|s| s.id.to_string()).collect();
    let shared = ids.iter().find(|id| ids.iter().filter(|other| other[..1] == id[..1]).count() > 1).unwrap();
    let error = repository.find_snapshot(&shared[..1], &SnapshotFilter::default()).unwrap_err();
    assert!(matches!(error, RepoError::Ambiguous { .. }));
}

#[test]
fn a_damaged_snapshot_is_named_and_hides_no_other() {
    let (repository, store, _) = repository();
    let good = repository.save_snapshot(snapshot(1, "web")).unwrap();
    let bad = repository.save_snapshot(snapshot(2, "web")).unwrap();
    damage(&store, FileKind::Snapshot, &bad.id.into());
    let again = open(&store, PASSWORD).unwrap();
    let Snapshots { good: found, damaged } = again.read_snapshots().unwrap();
    assert_eq!(found, [good]);
    assert_eq!(damaged[0].0, bad.id);
    let error = again.snapshots().unwrap_err();
    assert!(error.to_string().contains(&bad.id.to_string()), "{error}");
}

#[test]
fn a_file_that_another_was_put_in_place_of_is_noticed() {
    let (repository, store, _) = repository();
    let [a, b] = [1, 2].map(|seconds| repository.save_snapshot(snapshot(seconds, "web")).unwrap().id);
    let bytes = store.read(FileKind::Snapshot, &b.into()).unwrap();
    store.remove(FileKind::Snapshot, &a.into()).unwrap();
    store.put(FileKind::Snapshot, &a.into(), &[&bytes]).unwrap();
    let error = open(&store, PASSWORD).unwrap().load_snapshot(a).unwrap_err();
    assert!(matches!(error, RepoError::Damaged { source: crate::FileFault::Hash, .. }));
}

#[test]
fn a_changed_snapshot_remembers_the_first_of_its_line() {
    let (repository, _, _) = repository();
    let first = repository.save_snapshot(snapshot(1, "web")).unwrap();
    let mut tagged = (*first.snapshot).clone();
    tagged.tags.push("x".into());
    let second = repository.replace_snapshot(&first, tagged).unwrap();
    let third = repository.replace_snapshot(&second, (*second.snapshot).clone()).unwrap();
    assert_eq!(third.original, Some(first.id));
    assert_eq!(repository.snapshots().unwrap(), [third]);
}

#[test]
fn from_an_append_only_repository_nothing_is_removed() {
    let (first, store, _) = repository();
    let saved = first.save_snapshot(snapshot(1, "web")).unwrap();
    let mut config = serde_json::to_value(first.config()).unwrap();
    config["append_only"] = true.into();
    store.remove(FileKind::Config, &Id::default()).unwrap();
    let sealed = first.key().seal(config.to_string().as_bytes());
    store.put(FileKind::Config, &Id::default(), &[&sealed]).unwrap();

    let marked = open(&store, PASSWORD).unwrap();
    let error = marked.remove_snapshot(saved.id).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::Refused);
    assert!(error.to_string().contains("append-only"), "{error}");
    assert_eq!(marked.snapshots().unwrap().len(), 1);
    marked.save_snapshot(snapshot(2, "web")).unwrap();
}

/// A repository of ten index files, and the folder of a state whose cache knows them.
fn with_a_cached_index() -> (Arc<MemoryStore>, tempfile::TempDir) {
    let (_, store, _) = repository();
    let state = tempfile::tempdir().unwrap();
    for n in 0..10 {
        let file = (format!("file {n}"), vec![format!("content {n}").into_bytes()]);
        let source = Source::from([(format!("dir {n}"), BTreeMap::from([file]))]);
        backup(&open_with(store.clone(), state.path(), false), &source).unwrap();
    }
    (store, state)
}

fn open_with(store: Arc<dyn Store>, state: &Path, dry_run: bool) -> Repository {
    let options = OpenOptions { state_dir: Some(state.to_owned()), dry_run, ..OpenOptions::default() };
    Repository::open(store, PASSWORD, options).unwrap()
}

#[test]
fn a_process_that_starts_reads_only_the_index_files_that_its_cache_does_not_know() {
    let (store, state) = with_a_cached_index();
    let recorded = Arc::new(RecordStore::new(store));
    let repository = open_with(recorded.clone(), state.path(), false);
    recorded.take();
    repository.engine().refresh().unwrap();
    let read = recorded.count(Verb::Read, FileKind::Index).0;
    assert!(read < 8, "{read} of 10 were read");
    for snapshot in repository.snapshots().unwrap() {
        assert_eq!(contents(&repository, snapshot.tree).unwrap().len(), 1);
    }
    let forgotten = tempfile::tempdir().unwrap();
    let without = open_with(recorded.clone(), forgotten.path(), true);
    recorded.take();
    without.engine().refresh().unwrap();
    assert_eq!(recorded.count(Verb::Read, FileKind::Index).0, 10);
    drop(without);
    let mut folders = std::fs::read_dir(forgotten.path()).unwrap().map(|entry| entry.unwrap().path());
    assert!(!folders.any(|folder| folder.join("index").exists()), "what a dry run learns is not remembered");
}

#[test]
fn a_damaged_index_file_is_found_although_the_cache_knows_what_was_in_it() {
    let (store, state) = with_a_cached_index();
    let ids: Vec<Id> = store.list(FileKind::Index).unwrap().into_iter().map(|file| file.id).collect();
    for id in &ids {
        damage(&store, FileKind::Index, id);
    }
    let open = || open_with(store.clone(), state.path(), false);
    let report = check(&open(), ReadData::Nothing, &Silent, &CancelToken::new()).unwrap();
    assert_eq!(report.errors().filter(|finding| matches!(finding, Finding::Index { .. })).count(), ids.len());
    let plan = PrunePlan::new(&open(), PruneOptions::default(), &(), &[], &Silent, &CancelToken::new());
    assert!(plan.is_err());
}
