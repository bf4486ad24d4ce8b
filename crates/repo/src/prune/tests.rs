//! Prunes against a model, against crashes at any call, and against repositories that are not whole. That the
//! decisions are restic's is tested in `tests/restic/engine.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::{BlobId, CancelToken, Silent, SnapshotId, Timestamp, TreeId};
use holdfast_store::fault::{Effect, FaultStore, Trigger};
use holdfast_store::record::RecordStore;
use holdfast_store::{ErrorKind, FileKind, MemoryStore, Store, Verb};
use proptest::prelude::*;

use super::*;
use crate::pack::BlobKind;
use crate::testing::{PASSWORD, Source, TestPause, backup, begin, contents, put, repository};
use crate::{
    CheckpointPolicy, Compression, EngineOptions, LockGuard, LockMode, OpenOptions, RepoError, RepoErrorKind,
    Repository,
};

fn open(store: impl Store + 'static, compression: Compression) -> Repository {
    let checkpoint = CheckpointPolicy { bytes: 30_000, interval: Duration::MAX };
    let engine = EngineOptions { pack_size: 8192, compression, checkpoint, ..EngineOptions::default() };
    Repository::open(Arc::new(store), PASSWORD, OpenOptions { engine, ..OpenOptions::default() }).unwrap()
}

/// Folders whose files have contents by number.
fn source(folders: &[(u8, Vec<u16>)]) -> Source {
    let blob = |n: &u16| format!("content {n} ").into_bytes().repeat(20 + usize::from(n % 90));
    let files =
        |numbers: &Vec<u16>| numbers.iter().map(|n| (format!("file {n}"), vec![blob(n), blob(&(n / 2))])).collect();
    folders.iter().map(|(name, numbers)| (format!("dir {name}"), files(numbers))).collect()
}

fn plan(repository: &Repository, options: &PruneOptions, pins: &dyn Pins) -> Result<PrunePlan, PruneError> {
    PrunePlan::new(repository, options.clone(), pins, &[], &Silent, &CancelToken::new())
}

fn exclusive(repository: &Repository) -> Result<LockGuard, RepoError> {
    repository.lock(LockMode::Exclusive, &TestPause::new())
}

fn prune(repository: &Repository, options: &PruneOptions, pins: &dyn Pins) -> Result<PruneReport, PruneError> {
    let lock = exclusive(repository)?;
    let options = PruneOptions { remove_all: true, ..options.clone() };
    plan(repository, &options, pins)?.execute(&lock, &Silent, &CancelToken::new())
}

/// Nothing unused is tolerated.
fn strict() -> PruneOptions {
    PruneOptions { max_unused: MaxUnused::Bytes(0), ..PruneOptions::default() }
}

struct Pinned(Vec<BlobId>);

impl Pins for Pinned {
    fn pinned(&self, _: Timestamp) -> Result<Vec<BlobId>, Box<dyn Error + Send + Sync>> {
        Ok(self.0.clone())
    }
}

/// All snapshots are complete, and the index names nothing that is not there.
fn assert_valid(store: &Arc<MemoryStore>, expected: &BTreeMap<SnapshotId, (TreeId, Source)>) {
    let repository = open(store.clone(), Compression::Auto);
    repository.engine().refresh().unwrap();
    let packs: BTreeSet<_> = store.list(FileKind::Pack).unwrap().into_iter().map(|file| file.id).collect();
    for (pack, _) in repository.engine().index().packs() {
        assert!(packs.contains(&pack.into()));
    }
    for (tree, source) in expected.values() {
        assert_eq!(&contents(&repository, *tree).unwrap(), source);
    }
}

/// The repository holds what its snapshots reach, once, and nothing else.
fn assert_tight(store: &Arc<MemoryStore>, expected: &BTreeMap<SnapshotId, (TreeId, Source)>) {
    let repository = open(store.clone(), Compression::Auto);
    repository.engine().refresh().unwrap();
    let view = repository.engine().index();
    let contents = expected.values().flat_map(|(_, source)| source.values()).flat_map(|files| files.values()).flatten();
    let data: BTreeSet<&Vec<u8>> = contents.collect();
    assert_eq!(view.len(BlobKind::Data), data.len());
    let mut trees = BTreeSet::new();
    for (tree, _) in expected.values() {
        trees.insert(*tree);
        trees.extend(
            repository.engine().load_tree(*tree).unwrap().nodes().iter().filter_map(crate::tree::Node::subtree),
        );
    }
    assert_eq!(view.len(BlobKind::Tree), trees.len());
    let indexed: BTreeSet<_> = view.packs().map(|(pack, _)| pack.into()).collect();
    assert_eq!(store.list(FileKind::Pack).unwrap().into_iter().map(|file| file.id).collect::<BTreeSet<_>>(), indexed);
}

fn remove_locks(store: &MemoryStore) {
    for lock in store.list(FileKind::Lock).unwrap() {
        store.remove(FileKind::Lock, &lock.id).unwrap();
    }
}

#[derive(Debug, Clone)]
enum Step {
    Backup(Vec<(u8, Vec<u16>)>),
    /// Two processes at the same time, which know nothing of each other.
    BackupTwice(Vec<(u8, Vec<u16>)>),
    Interrupted(Vec<u16>),
    Forget(prop::sample::Index),
    Prune(PruneOptions),
    /// A prune that dies at its nth call.
    Crash(PruneOptions, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let numbers = || prop::collection::vec(0u16..60, 0..12);
    let folders = || prop::collection::vec((0u8..3, numbers()), 0..3);
    let max_unused = prop_oneof![
        (0.0..50.0).prop_map(MaxUnused::Percent),
        (0u64..20_000).prop_map(MaxUnused::Bytes),
        Just(MaxUnused::Unlimited),
    ];
    let options = (max_unused, prop_oneof![Just(u64::MAX), 0u64..30_000], any::<bool>(), any::<bool>(), any::<bool>());
    let options = options.prop_map(|(max_unused, max_repack, cacheable, uncompressed, small)| PruneOptions {
        max_unused,
        max_repack,
        repack_smaller_than: small.then_some(4000),
        repack_cacheable_only: Some(cacheable),
        repack_uncompressed: uncompressed,
        remove_all: true,
    });
    let step = prop_oneof![
        3 => folders().prop_map(Step::Backup),
        1 => folders().prop_map(Step::BackupTwice),
        1 => numbers().prop_map(Step::Interrupted),
        2 => any::<prop::sample::Index>().prop_map(Step::Forget),
        1 => options.clone().prop_map(Step::Prune),
        1 => (options, 1u64..60).prop_map(|(options, call)| Step::Crash(options, call)),
    ];
    prop::collection::vec(step, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_prune_ever_costs_a_blob_that_is_reached_and_all_space_returns(steps in steps()) {
        let (_, store, _) = repository();
        let mut expected = BTreeMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            let compression = if number % 3 == 0 { Compression::Off } else { Compression::Auto };
            let own = open(store.clone(), compression);
            match step {
                Step::Backup(folders) => {
                    let saved = backup(&own, &source(&folders)).unwrap();
                    expected.insert(saved.id, (saved.tree, source(&folders)));
                }
                Step::BackupTwice(folders) => {
                    let other = open(store.clone(), Compression::Auto);
                    let sessions = [&own, &other].map(|repository| begin(repository, Box::new(|_| ())).unwrap());
                    for session in sessions {
                        let tree = put(&session, &source(&folders)).unwrap();
                        let snapshot = crate::Snapshot::new(Timestamp::default().into(), tree);
                        let saved = session.commit(snapshot, |_, _| ()).unwrap().snapshot;
                        expected.insert(saved.id, (saved.tree, source(&folders)));
                    }
                }
                Step::Interrupted(numbers) => {
                    let session = begin(&own, Box::new(|_| ())).unwrap();
                    put(&session, &source(&[(9, numbers)])).unwrap();
                    session.abandon().unwrap();
                }
                Step::Forget(which) if !expected.is_empty() => {
                    let id = *which.get(&expected.keys().copied().collect::<Vec<_>>());
                    expected.remove(&id);
                    own.remove_snapshot(id).unwrap();
                }
                Step::Forget(_) => {}
                Step::Prune(options) => drop(prune(&own, &options, &()).unwrap()),
                Step::Crash(options, call) => {
                    let faulty = Arc::new(FaultStore::new(store.clone()));
                    let dying = open(faulty.clone(), compression);
                    faulty.inject(Trigger::nth(faulty.calls() + call), Effect::DieBefore);
                    let _ = prune(&dying, &options, &());
                    drop(dying);
                    remove_locks(&store);
                }
            }
            assert_valid(&store, &expected);
        }
        let last = open(store.clone(), Compression::Auto);
        prune(&last, &strict(), &()).unwrap();
        assert_valid(&store, &expected);
        assert_tight(&store, &expected);
        let again = plan(&last, &strict(), &()).unwrap();
        prop_assert_eq!(again.stats().bytes.remove_total, 0);
        prop_assert_eq!(again.stats().blobs.unused + again.stats().blobs.duplicate, 0);
    }
}

/// A repository with two snapshots that share much, the first of them forgotten.
fn half_forgotten() -> (Arc<MemoryStore>, BTreeMap<SnapshotId, (TreeId, Source)>) {
    let (_, store, _) = repository();
    let repository = open(store.clone(), Compression::Off);
    let sources = [source(&[(1, (0..40).collect())]), source(&[(1, (20..60).collect()), (2, (0..7).collect())])];
    let saved = sources.clone().map(|source| backup(&repository, &source).unwrap());
    repository.remove_snapshot(saved[0].id).unwrap();
    (store, BTreeMap::from([(saved[1].id, (saved[1].tree, sources[1].clone()))]))
}

#[test]
fn a_prune_that_dies_at_any_call_leaves_a_valid_repository_and_the_next_one_ends_the_work() {
    for effect in [Effect::DieBefore, Effect::DieAfter] {
        for call in 1.. {
            let (store, expected) = half_forgotten();
            let faulty = Arc::new(FaultStore::new(store.clone()));
            let dying = open(faulty.clone(), Compression::Off);
            faulty.inject(Trigger::nth(faulty.calls() + call), effect);
            let result = prune(&dying, &strict(), &());
            drop(dying);
            assert_valid(&store, &expected);
            remove_locks(&store);
            prune(&open(store.clone(), Compression::Off), &strict(), &()).unwrap();
            assert_valid(&store, &expected);
            assert_tight(&store, &expected);
            if !faulty.is_dead() {
                result.unwrap();
                assert!(call > 25, "{call}");
                break;
            }
        }
    }
}

#[test]
fn packs_are_written_before_index_files_and_those_before_anything_that_is_used_is_deleted() {
    let (store, _) = half_forgotten();
    let recorded = Arc::new(RecordStore::new(store));
    let repository = open(recorded.clone(), Compression::Off);
    recorded.take();
    prune(&repository, &strict(), &()).unwrap();
    let order = |verb, kind| {
        let step = match (verb, kind) {
            (Verb::Put, FileKind::Pack) => 1,
            (Verb::Put, FileKind::Index) => 2,
            (Verb::Remove, FileKind::Index) => 3,
            (Verb::Remove, FileKind::Pack) => 4,
            _ => return None,
        };
        Some(step)
    };
    let steps: Vec<u8> = recorded.take().iter().filter_map(|call| order(call.verb, call.kind?)).collect();
    assert!(steps.is_sorted(), "{steps:?}");
    assert_eq!(steps.iter().collect::<BTreeSet<_>>().len(), 4);
}

#[test]
fn a_plan_changes_nothing() {
    let (store, _) = half_forgotten();
    let recorded = Arc::new(RecordStore::new(store));
    let repository = open(recorded.clone(), Compression::Off);
    recorded.take();
    let plan = plan(&repository, &PruneOptions::default(), &()).unwrap();
    assert!(plan.stats().blobs.remove_total > 0);
    assert!(recorded.take().iter().all(|call| !matches!(call.verb, Verb::Put | Verb::Remove)));
}

#[test]
fn pinned_blobs_stay_until_they_are_pinned_no_more() {
    let (_, store, _) = repository();
    let repository = open(store.clone(), Compression::Off);
    let interrupted = source(&[(1, (0..50).collect())]);
    let session = begin(&repository, Box::new(|_| ())).unwrap();
    put(&session, &interrupted).unwrap();
    session.abandon().unwrap();
    let view = repository.engine().index();
    let pinned: Vec<BlobId> = view.blobs(BlobKind::Data).map(|(id, _)| id).take(10).collect();

    prune(&repository, &strict(), &Pinned(pinned.clone())).unwrap();
    let view = repository.engine().index();
    assert_eq!(view.len(BlobKind::Data), 10);
    assert_eq!(view.len(BlobKind::Tree), 0);
    for id in &pinned {
        repository.engine().load_blob(BlobKind::Data, id).unwrap();
    }
    prune(&repository, &strict(), &()).unwrap();
    assert!(repository.engine().index().is_empty());
    assert!(store.list(FileKind::Pack).unwrap().is_empty());
}

#[test]
fn a_repository_that_is_not_whole_is_left_alone() {
    let mut refused = 0;
    for kind in [FileKind::Pack, FileKind::Index] {
        let files = half_forgotten().0.list(kind).unwrap().len();
        for (number, cut) in (0..files).flat_map(|number| [(number, false), (number, kind == FileKind::Pack)]) {
            let (store, expected) = half_forgotten();
            // How many packs there are is a matter of chance.
            let Some(file) = store.list(kind).unwrap().get(number).copied() else { continue };
            let bytes = store.read(kind, &file.id).unwrap();
            store.remove(kind, &file.id).unwrap();
            if cut {
                store.put(kind, &file.id, &[&bytes[..bytes.len() - 1]]).unwrap();
            }
            let before = store.list(FileKind::Pack).unwrap();
            match prune(&open(store.clone(), Compression::Off), &strict(), &()) {
                // What was damaged is not needed.
                Ok(_) => assert_valid(&store, &expected),
                Err(error) => {
                    refused += 1;
                    let kind = error.kind();
                    let missing = RepoErrorKind::Storage(ErrorKind::NotFound);
                    assert!(kind == RepoErrorKind::Corrupt || kind == missing, "{error}");
                    assert_eq!(store.list(FileKind::Pack).unwrap(), before);
                }
            }
        }
    }
    assert!(refused > 5, "{refused}");
}

#[test]
fn small_index_files_become_few() {
    let (_, store, _) = repository();
    let mut expected = BTreeMap::new();
    for n in 0..40 {
        let source = source(&[(n as u8, vec![n])]);
        let saved = backup(&open(store.clone(), Compression::Auto), &source).unwrap();
        expected.insert(saved.id, (saved.tree, source));
    }
    assert_eq!(store.list(FileKind::Index).unwrap().len(), 40);
    let options = PruneOptions { max_repack: 0, ..PruneOptions::default() };
    let report = prune(&open(store.clone(), Compression::Auto), &options, &()).unwrap();
    assert_eq!((report.index_files_replaced, report.packs_written), (40, 0));
    assert_eq!(store.list(FileKind::Index).unwrap().len(), 1);
    assert_valid(&store, &expected);
}

#[test]
fn a_pack_that_cannot_be_deleted_stops_nothing() {
    let (store, expected) = half_forgotten();
    let faulty = Arc::new(FaultStore::new(store.clone()));
    faulty.inject(Trigger::nth(1).of(Verb::Remove).on(FileKind::Pack), Effect::Fail(ErrorKind::Denied));
    let report = prune(&open(faulty, Compression::Off), &strict(), &()).unwrap();
    assert_eq!(report.packs_left, 1);
    assert_valid(&store, &expected);
    prune(&open(store.clone(), Compression::Off), &strict(), &()).unwrap();
    assert_tight(&store, &expected);
}

#[test]
fn after_a_prune_the_trees_that_stayed_are_known_to_be_closed() {
    let (store, expected) = half_forgotten();
    let repository = open(store, Compression::Off);
    prune(&repository, &strict(), &()).unwrap();
    for (tree, _) in expected.values() {
        assert!(repository.engine().core().closed.knows(tree));
    }
}

#[test]
fn what_an_interrupted_prune_of_an_old_restic_left_becomes_whole() {
    let (store, expected) = half_forgotten();
    let repository = open(store.clone(), Compression::Off);
    repository.engine().refresh().unwrap();
    let source = repository.engine().core().index_files();
    // restic 0.16 had written the new index, and died before it removed the old file and the packs that only this named.
    let old: Vec<holdfast_model::IndexId> = repository.engine().index().index_files().collect();
    let documents = old.iter().map(|id| crate::index::IndexSource::load(&source, id).unwrap().unwrap());
    let packs: Vec<serde_json::Value> = documents
        .flat_map(|document| {
            let mut json: serde_json::Value = serde_json::from_slice(&document).unwrap();
            json["packs"].as_array_mut().unwrap().drain(..).collect::<Vec<_>>()
        })
        .collect();
    let kept: Vec<_> = packs.iter().skip(1).collect();
    let newer = serde_json::json!({"supersedes": old, "packs": kept});
    repository.save_unpacked(FileKind::Index, newer.to_string().as_bytes()).unwrap();

    prune(&open(store.clone(), Compression::Off), &strict(), &()).unwrap();
    assert_valid(&store, &expected);
    assert_tight(&store, &expected);
}

#[test]
fn a_plan_is_void_when_anything_has_changed_since() {
    let (store, _) = half_forgotten();
    let repository = open(store.clone(), Compression::Off);
    let lock = exclusive(&repository).unwrap();
    let plan = plan(&repository, &strict(), &()).unwrap();
    // Somebody writes who does not see the lock.
    remove_locks(&store);
    backup(&open(store.clone(), Compression::Off), &source(&[(7, vec![500])])).unwrap();
    let before = store.list(FileKind::Pack).unwrap();
    let error = plan.execute(&lock, &Silent, &CancelToken::new()).unwrap_err();
    assert!(matches!(error, PruneError::Restless { .. }), "{error}");
    assert_eq!(store.list(FileKind::Pack).unwrap(), before);
}

#[test]
fn without_a_snapshot_nothing_is_deleted_unless_that_is_meant() {
    let (store, expected) = half_forgotten();
    // A copy whose snapshots have not arrived yet.
    for id in expected.keys() {
        store.remove(FileKind::Snapshot, &(*id).into()).unwrap();
    }
    let before = store.list(FileKind::Pack).unwrap();
    let repository = open(store.clone(), Compression::Off);
    let lock = exclusive(&repository).unwrap();
    let run = |options| plan(&repository, &options, &()).unwrap().execute(&lock, &Silent, &CancelToken::new());
    let error = run(strict()).unwrap_err();
    assert!(matches!(error, PruneError::NoSnapshots { .. }), "{error}");
    assert_eq!(store.list(FileKind::Pack).unwrap(), before);
    run(PruneOptions { remove_all: true, ..strict() }).unwrap();
    assert!(store.list(FileKind::Pack).unwrap().is_empty());
    run(strict()).unwrap();
}

#[test]
fn a_snapshot_that_is_still_there_is_never_ignored() {
    let (store, expected) = half_forgotten();
    let repository = open(store.clone(), Compression::Off);
    let lock = exclusive(&repository).unwrap();
    // The storage said that it had deleted them.
    let ignored: Vec<SnapshotId> = expected.keys().copied().collect();
    let options = PruneOptions { remove_all: true, ..strict() };
    let plan = PrunePlan::new(&repository, options, &(), &ignored, &Silent, &CancelToken::new()).unwrap();
    let error = plan.execute(&lock, &Silent, &CancelToken::new()).unwrap_err();
    assert!(matches!(error, PruneError::Restless { .. }), "{error}");
    assert_valid(&store, &expected);
}

#[test]
fn a_plan_is_executed_only_under_an_exclusive_lock_of_its_repository_that_is_older() {
    let (store, _) = half_forgotten();
    let repository = open(store.clone(), Compression::Off);
    let before = store.list(FileKind::Pack).unwrap();
    let refused = |plan: PrunePlan, lock: &LockGuard| {
        let error = plan.execute(lock, &Silent, &CancelToken::new()).unwrap_err();
        assert!(matches!(error, PruneError::Lock), "{error}");
    };
    let early = plan(&repository, &strict(), &()).unwrap();
    refused(early, &exclusive(&repository).unwrap());
    let shared = repository.lock(LockMode::Shared, &TestPause::new()).unwrap();
    refused(plan(&repository, &strict(), &()).unwrap(), &shared);
    drop(shared);
    let other = exclusive(&open(half_forgotten().0, Compression::Off)).unwrap();
    refused(plan(&repository, &strict(), &()).unwrap(), &other);
    assert_eq!(store.list(FileKind::Pack).unwrap(), before);
}

#[test]
fn a_sweep_that_fails_does_not_fail_the_prune() {
    let (store, expected) = half_forgotten();
    let faulty = FaultStore::new(store.clone());
    faulty.inject(Trigger::every().of(Verb::Sweep), Effect::Fail(ErrorKind::Denied));
    prune(&open(faulty, Compression::Off), &strict(), &()).unwrap();
    assert_tight(&store, &expected);
}

#[test]
fn what_does_not_compress_is_rewritten_once() {
    let (_, store, _) = repository();
    let mut noise = vec![0; 50_000];
    crate::crypto::fill_random(&mut noise);
    let source = Source::from([("photos".to_owned(), [("one".to_owned(), vec![noise])].into())]);
    backup(&open(store.clone(), Compression::Auto), &source).unwrap();
    let options = PruneOptions { repack_uncompressed: true, ..PruneOptions::default() };
    let written = || prune(&open(store.clone(), Compression::Auto), &options, &()).unwrap().packs_written;
    assert_eq!((written(), written()), (1, 0));
}
