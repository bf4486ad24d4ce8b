//! Sessions against repositories in memory: what is written in which order, what is told, and what is left when
//! things fail at any call. What restic makes of the result is tested in `tests/restic/engine.rs`.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use holdfast_model::{BlobId, Id, TreeId};
use holdfast_store::fault::{Effect, FaultStore, Trigger};
use holdfast_store::record::RecordStore;
use holdfast_store::{ErrorKind, FileInfo, FileKind, MemoryStore, Store, StoreError, Verb};
use parking_lot::Mutex;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::pack::BlobKind;
use crate::snapshot::Snapshot;
use crate::testing::{PASSWORD, Source, backup, begin, contents, options, put, repository};
use crate::tree::{Node, NodeKind, Tree};
use crate::{CheckpointPolicy, EngineOptions, OpenOptions, RepoErrorKind, Repository};

fn id_of(bytes: &[u8]) -> BlobId {
    BlobId::new(Sha256::digest(bytes).into())
}

/// A folder with this many files of their own content, half of them of two blobs.
fn source(seed: u8, files: usize) -> Source {
    let blob = |n: usize| format!("{seed} {n} ").into_bytes().repeat(50 + n % 100);
    let file = |n: usize| (format!("file {n}"), (0..1 + n % 2).map(|part| blob(2 * n + part)).collect());
    Source::from([(format!("dir {seed}"), (0..files).map(file).collect())])
}

fn blobs(source: &Source) -> BTreeSet<BlobId> {
    source.values().flat_map(|files| files.values()).flatten().map(|blob| id_of(blob)).collect()
}

/// A repository in this store, opened as another process would.
fn open(store: impl Store + 'static, engine: EngineOptions) -> Repository {
    Repository::open(Arc::new(store), PASSWORD, OpenOptions { engine, ..OpenOptions::default() }).unwrap()
}

fn small_packs() -> EngineOptions {
    EngineOptions { pack_size: 4096, compression: crate::Compression::Off, ..EngineOptions::default() }
}

fn nobody() -> OnDurable {
    Box::new(|_| ())
}

fn snapshot(tree: TreeId) -> Snapshot {
    Snapshot::new(holdfast_model::Timestamp::default().into(), tree)
}

/// Every snapshot of the repository is complete, and all packs that the index names are there.
fn assert_valid(store: &Arc<MemoryStore>) -> Vec<Source> {
    let repository = open(store.clone(), EngineOptions::default());
    repository.engine().refresh().unwrap();
    let packs: BTreeSet<Id> = store.list(FileKind::Pack).unwrap().iter().map(|file| file.id).collect();
    assert!(repository.engine().index().packs().all(|(pack, _)| packs.contains(&pack.into())));
    let snapshots = repository.snapshots().unwrap();
    snapshots.iter().map(|snapshot| contents(&repository, snapshot.tree).unwrap()).collect()
}

#[test]
fn what_was_committed_is_read_back_by_another_process() {
    let (_, store, _) = repository();
    let repository = open(store.clone(), small_packs());
    let sources = [source(1, 30), source(2, 5), Source::new()];
    for source in &sources {
        backup(&repository, source).unwrap();
    }
    assert_eq!(assert_valid(&store).len(), sources.len());
    for source in &sources {
        assert!(assert_valid(&store).contains(source));
    }
    assert!(store.list(FileKind::Lock).unwrap().is_empty());
}

#[test]
fn packs_are_durable_before_the_index_and_the_index_before_the_snapshot() {
    let (_, store, _) = repository();
    let recorded = Arc::new(RecordStore::new(store));
    let repository = open(recorded.clone(), small_packs());
    recorded.take();
    backup(&repository, &source(1, 50)).unwrap();
    let written: Vec<FileKind> = recorded
        .take()
        .into_iter()
        .filter(|call| call.verb == Verb::Put && call.kind != Some(FileKind::Lock))
        .map(|call| call.kind.unwrap())
        .collect();
    let packs = written.iter().filter(|kind| **kind == FileKind::Pack).count();
    assert!(packs > 2, "{packs}");
    let mut expected = vec![FileKind::Pack; packs];
    expected.extend([FileKind::Index, FileKind::Snapshot]);
    assert_eq!(written, expected);
}

#[test]
fn two_sessions_with_the_same_data_at_once_store_it_once() {
    let (repository, store, _) = repository();
    let source = source(1, 200);
    let told = [Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new())].map(Arc::new);
    let reports: Vec<CommitReport> = thread::scope(|scope| {
        let session = |told: &Arc<Mutex<BTreeSet<BlobId>>>| {
            let told = told.clone();
            let on_durable = Box::new(move |ids: &[BlobId]| told.lock().extend(ids.iter().copied()));
            let (repository, source) = (&repository, &source);
            scope.spawn(move || {
                let session = begin(repository, on_durable).unwrap();
                // Neither is told what the other has: both put everything.
                for blob in source.values().flat_map(|files| files.values()).flatten() {
                    session.put_data(id_of(blob), blob.clone(), Proof::Unverified).unwrap();
                }
                let tree = put(&session, source).unwrap();
                session.commit(snapshot(tree), |_, _| ()).unwrap()
            })
        };
        let threads: Vec<_> = told.iter().map(session).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let added: u64 = reports.iter().map(|report| report.added.data.blobs).sum();
    assert_eq!(added as usize, blobs(&source).len());
    assert_eq!(reports.iter().map(|report| report.added.trees.blobs).sum::<u64>(), 2);
    let view = repository.engine().index();
    assert_eq!(view.len(BlobKind::Data), blobs(&source).len());
    assert_eq!(view.len(BlobKind::Tree), 2);
    // Both have put everything, so that both are told of everything.
    for told in told {
        assert_eq!(*told.lock(), blobs(&source));
    }
    assert_eq!(assert_valid(&store), [source.clone(), source]);
}

#[test]
fn a_blob_that_is_not_what_was_announced_ends_its_session_and_no_other() {
    let (repository, store, _) = repository();
    let honest = begin(&repository, nobody()).unwrap();
    let lying = begin(&repository, nobody()).unwrap();
    let claimed = id_of(b"the claimed content");
    let tree = put(&lying, &source(1, 3)).unwrap();
    lying.put_data(claimed, b"another content".to_vec(), Proof::Unverified).unwrap();
    let error = lying.commit(snapshot(tree), |_, _| ()).unwrap_err();
    assert!(matches!(error, IngestError::HashMismatch { id } if id == claimed), "{error}");

    honest.put_data(claimed, b"the claimed content".to_vec(), Proof::Unverified).unwrap();
    let tree = put(&honest, &source(2, 3)).unwrap();
    honest.commit(snapshot(tree), |_, _| ()).unwrap();
    assert_eq!(assert_valid(&store), [source(2, 3)]);
    assert_eq!(repository.engine().load_blob(BlobKind::Data, &claimed).unwrap(), b"the claimed content");
}

#[test]
fn after_a_failure_a_session_takes_nothing_more() {
    let (repository, _, _) = repository();
    let session = begin(&repository, nobody()).unwrap();
    session.put_data(id_of(b"x"), b"y".to_vec(), Proof::Unverified).unwrap();
    assert!(session.flush().is_err());
    assert!(session.put_data(id_of(b"x"), b"x".to_vec(), Proof::Unverified).is_err());
    assert!(session.put_tree(&Tree::default()).is_err());
    let session = begin(&repository, nobody()).unwrap();
    let large = vec![0; crate::pack::MAX_DATA_LENGTH as usize + 1];
    let error = session.put_data(id_of(&large), large, Proof::Unverified).unwrap_err();
    assert!(matches!(error, IngestError::TooLarge { .. }));
}

#[test]
fn a_session_is_told_of_its_blobs_before_an_index_file_names_them() {
    let (_, store, _) = repository();
    let repository = open(store, small_packs());
    let shared = source(1, 10);
    backup(&repository, &shared).unwrap();

    let told = Arc::new(Mutex::new(Vec::new()));
    let on_durable = {
        let (told, repository) = (told.clone(), repository.clone());
        Box::new(move |ids: &[BlobId]| {
            let index = repository.engine().index();
            told.lock().extend(ids.iter().map(|id| (*id, index.has(BlobKind::Data, id))));
        })
    };
    let session = begin(&repository, on_durable).unwrap();
    let own = source(2, 10);
    for blob in shared.values().chain(own.values()).flat_map(|files| files.values()).flatten() {
        session.put_data(id_of(blob), blob.clone(), Proof::Unverified).unwrap();
    }
    session.abandon().unwrap();
    let mut told = std::mem::take(&mut *told.lock());
    told.sort_unstable();
    let mut expected: Vec<(BlobId, bool)> = blobs(&own).into_iter().map(|id| (id, false)).collect();
    expected.extend(blobs(&shared).into_iter().map(|id| (id, true)));
    expected.sort_unstable();
    assert_eq!(told, expected);
}

#[test]
fn no_snapshot_is_written_whose_closure_is_not_there() {
    let (repository, store, _) = repository();
    let missing = BlobId::new([7; 32]);
    let file = Node::new(*b"file", NodeKind::File { content: vec![missing] }, 0o644);
    let dir = |subtree| Node::new(*b"dir", NodeKind::Dir { subtree }, 0o755);

    let session = begin(&repository, nobody()).unwrap();
    let tree = session.put_tree(&Tree::new(vec![file.clone()]).unwrap()).unwrap();
    let error = session.commit(snapshot(tree), |_, _| ()).unwrap_err();
    assert!(matches!(error, IngestError::NotClosed { .. }), "{error}");
    assert_eq!(error.kind(), RepoErrorKind::Corrupt);

    // The tree is durable now, though its blob is not there: taking it over by its id helps nothing.
    let session = begin(&repository, nobody()).unwrap();
    assert!(session.has_tree(&tree));
    let root = session.put_tree(&Tree::new(vec![dir(tree)]).unwrap()).unwrap();
    assert!(matches!(session.commit(snapshot(root), |_, _| ()), Err(IngestError::NotClosed { .. })));

    let session = begin(&repository, nobody()).unwrap();
    assert!(matches!(session.commit(snapshot(tree), |_, _| ()), Err(IngestError::NotClosed { .. })));

    let session = begin(&repository, nobody()).unwrap();
    let root = session.put_tree(&Tree::new(vec![dir(TreeId::new([9; 32]))]).unwrap()).unwrap();
    assert!(matches!(session.commit(snapshot(root), |_, _| ()), Err(IngestError::NotClosed { .. })));
    assert!(store.list(FileKind::Snapshot).unwrap().is_empty());
}

#[test]
fn what_is_known_to_be_closed_is_not_read_again_until_an_index_file_vanishes() {
    let (_, store, _) = repository();
    let state = tempfile::tempdir().unwrap();
    let recorded = Arc::new(RecordStore::new(store.clone()));
    let open = || {
        let options = OpenOptions { state_dir: Some(state.path().into()), ..OpenOptions::default() };
        Repository::open(recorded.clone(), PASSWORD, options).unwrap()
    };
    // A process that remembers nothing has made the first snapshot.
    let first = backup(&super::tests::open(store.clone(), EngineOptions::default()), &source(1, 10)).unwrap();
    let take_over = |repository: &Repository| {
        let session = begin(repository, nobody()).unwrap();
        recorded.take();
        let tree = session
            .put_tree(&Tree::new(vec![Node::new(*b"over", NodeKind::Dir { subtree: first.tree }, 0o700)]).unwrap());
        session.commit(snapshot(tree.unwrap()), |_, _| ()).unwrap();
        recorded.count(Verb::ReadRange, FileKind::Pack).0
    };
    assert_eq!(take_over(&open()), 2, "the root and its folder are proven");
    assert_eq!(take_over(&open()), 0, "the next process remembers");

    // Somebody rewrites the index.
    let repository = open();
    repository.engine().refresh().unwrap();
    let old: Vec<Id> = store.list(FileKind::Index).unwrap().iter().map(|file| file.id).collect();
    let files = repository.engine().core().index_files();
    for id in &old {
        let json = crate::index::IndexSource::load(&files, &(*id).into()).unwrap().unwrap();
        let packs = crate::index::decode_packs(&json).unwrap();
        let packs: Vec<_> = packs.iter().map(|(pack, blobs)| (*pack, &**blobs)).collect();
        files.write(&packs).unwrap();
        store.remove(FileKind::Index, id).unwrap();
    }
    assert_eq!(take_over(&open()), 2, "nothing holds any more");
    assert_eq!(take_over(&open()), 0);
    assert_eq!(
        take_over(&repository),
        0,
        "the process that was there before sees what the other has proven, or proves"
    );
}

#[test]
fn a_checkpoint_saves_what_an_interrupted_session_had_put() {
    let (_, store, _) = repository();
    let engine =
        EngineOptions { checkpoint: CheckpointPolicy { bytes: 20_000, interval: Duration::MAX }, ..small_packs() };
    let repository = open(store.clone(), engine.clone());
    let source = source(1, 100);
    let told = Arc::new(Mutex::new(BTreeSet::new()));
    let on_durable = {
        let told = told.clone();
        Box::new(move |ids: &[BlobId]| told.lock().extend(ids.iter().copied()))
    };
    let session = begin(&repository, on_durable).unwrap();
    put(&session, &source).unwrap();
    session.state.wait_packed();
    drop(session);

    let indexed = store.list(FileKind::Index).unwrap().len();
    assert!(indexed >= 2, "{indexed} index files");
    let again = open(store.clone(), engine);
    let session = begin(&again, nobody()).unwrap();
    let kept: BTreeSet<BlobId> = blobs(&source).into_iter().filter(|id| session.has_data(id)).collect();
    assert!(kept.len() > blobs(&source).len() / 3, "{}", kept.len());
    assert!(kept.is_subset(&told.lock()), "all that is durable was told of");
}

#[test]
fn a_slow_session_is_saved_by_the_clock() {
    let (_, store, clock) = repository();
    let repository = Repository::open(store.clone(), PASSWORD, options(&clock)).unwrap();
    let session = begin(&repository, nobody()).unwrap();
    let put = |text: &[u8]| session.put_data(id_of(text), text.to_vec(), Proof::Verified).unwrap();
    put(b"one");
    session.state.wait_packed();
    clock.advance(Duration::from_secs(29));
    put(b"two");
    assert_eq!(store.list(FileKind::Index).unwrap().len(), 0);
    // A pack that is nearly empty waits for ten intervals.
    clock.advance(Duration::from_secs(300));
    put(b"three");
    for _ in 0..10_000 {
        if !store.list(FileKind::Index).unwrap().is_empty() {
            return;
        }
        put(b"three");
        thread::yield_now();
    }
    panic!("no checkpoint was made");
}

#[test]
fn a_long_session_makes_index_files_as_many_as_the_logarithm_of_its_age() {
    let (_, store, clock) = repository();
    let engine = EngineOptions { checkpoint: CheckpointPolicy::default(), ..small_packs() };
    let options = OpenOptions { engine, ..options(&clock) };
    let repository = Repository::open(store.clone(), PASSWORD, options).unwrap();
    let session = begin(&repository, nobody()).unwrap();
    // Every half minute of a day a pack is written and it is seen whether it is time.
    for minute in 0..2 * 24 * 60_u32 {
        clock.advance(Duration::from_secs(30));
        let blob = minute.to_be_bytes().repeat(1100);
        session.put_data(id_of(&blob), blob, Proof::Verified).unwrap();
        session.state.wait_packed();
        session.handle.shared.in_flight.wait();
        session.handle.shared.checkpoint_if_due();
        // The lock is refreshed by a thread that knows nothing of this clock's haste.
        session.refresh_lock();
    }
    let files = store.list(FileKind::Index).unwrap().len();
    assert!((20..200).contains(&files), "{files}");
}

#[test]
fn what_the_last_session_leaves_in_the_pipeline_is_forgotten_with_its_lock() {
    let (repository, store, _) = repository();
    let left = begin(&repository, nobody()).unwrap();
    put(&left, &source(1, 20)).unwrap();
    drop(left);
    assert!(store.list(FileKind::Lock).unwrap().is_empty());
    assert!(store.list(FileKind::Index).unwrap().is_empty());

    // Nothing of it comes to light under a later lock.
    backup(&repository, &source(2, 1)).unwrap();
    let index = repository.engine().index();
    assert!(blobs(&source(1, 20)).iter().all(|id| !index.has(BlobKind::Data, id)));
    assert_eq!(assert_valid(&store), [source(2, 1)]);
}

#[test]
fn many_sessions_that_commit_at_once_share_their_packs() {
    let (repository, store, _) = repository();
    let count = 40;
    let barrier = Barrier::new(count);
    thread::scope(|scope| {
        for n in 0..count {
            let (repository, barrier) = (&repository, &barrier);
            scope.spawn(move || {
                let session = begin(repository, nobody()).unwrap();
                let tree = put(&session, &source(n as u8, 3)).unwrap();
                session.state.wait_packed();
                barrier.wait();
                session.commit(snapshot(tree), |_, _| ()).unwrap();
            });
        }
    });
    assert_eq!(store.list(FileKind::Pack).unwrap().len(), 2, "one of data, one of trees");
    assert_eq!(store.list(FileKind::Index).unwrap().len(), 1);
    assert_eq!(assert_valid(&store).len(), count);
}

#[test]
fn without_its_lock_a_session_writes_neither_index_nor_snapshot() {
    let (_, store, clock) = repository();
    let repository = Repository::open(store.clone(), PASSWORD, options(&clock)).unwrap();
    let session = begin(&repository, nobody()).unwrap();
    let tree = put(&session, &source(1, 3)).unwrap();
    clock.advance(Duration::from_secs(3600));
    let error = session.commit(snapshot(tree), |_, _| ()).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::LockLost, "{error}");
    assert!(store.list(FileKind::Index).unwrap().is_empty());
    assert!(store.list(FileKind::Snapshot).unwrap().is_empty());
}

fn remove_locks(store: &MemoryStore) {
    for lock in store.list(FileKind::Lock).unwrap() {
        store.remove(FileKind::Lock, &lock.id).unwrap();
    }
}

/// What a prune does that sees no lock: it deletes the packs that no index file names.
fn remove_packs(store: &MemoryStore) {
    for pack in store.list(FileKind::Pack).unwrap() {
        store.remove(FileKind::Pack, &pack.id).unwrap();
    }
}

#[test]
fn a_lock_that_somebody_removed_is_missed_before_anything_is_written_that_rests_on_it() {
    let (_, store, _) = repository();
    let repository = open(store.clone(), small_packs());
    let session = begin(&repository, nobody()).unwrap();
    let tree = put(&session, &source(1, 50)).unwrap();
    session.state.wait_packed();
    remove_locks(&store);
    remove_packs(&store);
    let error = session.commit(snapshot(tree), |_, _| ()).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::LockLost, "{error}");
    assert!(store.list(FileKind::Index).unwrap().is_empty());
    assert!(store.list(FileKind::Snapshot).unwrap().is_empty());
}

/// Removes all locks, in front of or behind the put of a snapshot.
struct Unlocking {
    inner: Arc<MemoryStore>,
    after: bool,
}

impl Store for Unlocking {
    fn location(&self) -> String {
        self.inner.location()
    }
    fn create(&self) -> Result<(), StoreError> {
        self.inner.create()
    }
    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        self.inner.list(kind)
    }
    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        self.inner.size(kind, id)
    }
    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.inner.read(kind, id)
    }
    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.inner.read_range(kind, id, range)
    }
    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        if kind == FileKind::Snapshot && !self.after {
            remove_locks(&self.inner);
        }
        self.inner.put(kind, id, parts)?;
        if kind == FileKind::Snapshot && self.after {
            remove_locks(&self.inner);
        }
        Ok(())
    }
    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        self.inner.remove(kind, id)
    }
}

#[test]
fn a_snapshot_during_whose_saving_the_lock_was_lost_is_taken_back() {
    for after in [false, true] {
        let (_, store, _) = repository();
        let repository = open(Unlocking { inner: store.clone(), after }, small_packs());
        let error = backup(&repository, &source(1, 3)).unwrap_err();
        assert_eq!(error.kind(), RepoErrorKind::LockLost, "{error}");
        assert!(store.list(FileKind::Snapshot).unwrap().is_empty());
    }
}

#[test]
fn a_session_that_lost_its_lock_leaves_nothing_that_others_trust() {
    let (_, store, _) = repository();
    let repository = open(store.clone(), small_packs());
    let loser = begin(&repository, nobody()).unwrap();
    put(&loser, &source(1, 50)).unwrap();
    loser.state.wait_packed();
    loser.handle.shared.in_flight.wait();
    let written = store.list(FileKind::Pack).unwrap().len();
    assert!(written > 0);
    // A prune runs that sees no lock; then another session begins and finds the blobs on their way.
    remove_locks(&store);
    remove_packs(&store);
    let session = begin(&repository, nobody()).unwrap();
    let tree = put(&session, &source(1, 50)).unwrap();
    drop(loser);
    let result = session.commit(snapshot(tree), |_, _| ());
    assert!(result.is_err(), "its packs are gone");
    assert!(assert_valid(&store).is_empty());
}

#[test]
fn a_full_disk_ends_the_sessions_concerned_and_the_next_one_works() {
    for kind in [FileKind::Pack, FileKind::Index, FileKind::Snapshot] {
        let (_, store, _) = repository();
        let faulty = Arc::new(FaultStore::new(store.clone()));
        faulty.inject(Trigger::nth(1).of(Verb::Put).on(kind), Effect::Fail(ErrorKind::Full));
        let repository = open(faulty, EngineOptions::default());
        let error = backup(&repository, &source(1, 5)).unwrap_err();
        assert_eq!(error.kind(), RepoErrorKind::Storage(ErrorKind::Full), "{kind:?}: {error}");
        assert!(assert_valid(&store).is_empty());
        backup(&repository, &source(1, 5)).unwrap();
        assert_eq!(assert_valid(&store), [source(1, 5)]);
    }
}

#[test]
fn a_put_whose_answer_is_lost_is_not_made_twice() {
    let (_, store, _) = repository();
    // The driver's retry finds the file of its first try.
    let faulty = FaultStore::new(store.clone());
    faulty.inject(Trigger::nth(1).of(Verb::Put).on(FileKind::Pack), Effect::LoseAnswer(ErrorKind::AlreadyExists));
    faulty.inject(Trigger::nth(1).of(Verb::Put).on(FileKind::Index), Effect::LoseAnswer(ErrorKind::AlreadyExists));
    backup(&open(faulty, EngineOptions::default()), &source(1, 5)).unwrap();
    assert_eq!(assert_valid(&store), [source(1, 5)]);
}

#[test]
fn a_name_that_is_taken_counts_as_saved_only_if_the_file_is_there_and_whole() {
    for kind in [FileKind::Pack, FileKind::Index, FileKind::Snapshot] {
        // A server that refuses for a reason of its own, and one that kept half of what an earlier try sent.
        for effect in [Effect::Fail(ErrorKind::AlreadyExists), Effect::Torn(ErrorKind::AlreadyExists)] {
            let (_, store, _) = repository();
            let faulty = FaultStore::new(store.clone());
            faulty.inject(Trigger::nth(1).of(Verb::Put).on(kind), effect);
            let result = backup(&open(faulty, EngineOptions::default()), &source(1, 5));
            assert!(result.is_err(), "{kind:?} {effect:?}");
        }
    }
}

#[test]
fn a_process_that_dies_at_any_call_leaves_a_valid_repository_and_the_next_run_works() {
    let (before, after) = (source(1, 5), source(2, 40));
    let engine =
        || EngineOptions { checkpoint: CheckpointPolicy { bytes: 10_000, interval: Duration::MAX }, ..small_packs() };
    for effect in [Effect::DieBefore, Effect::DieAfter] {
        for call in 1.. {
            let (repository, store, _) = repository();
            backup(&repository, &before).unwrap();
            drop(repository);
            let faulty = Arc::new(FaultStore::new(store.clone()));
            let dying = open(faulty.clone(), engine());
            faulty.inject(Trigger::nth(faulty.calls() + call), effect);
            let result = backup(&dying, &after);
            drop(dying);
            let found = assert_valid(&store);
            assert!(found.contains(&before));
            if result.is_ok() {
                assert!(found.contains(&after), "what was reported as saved is there");
            }
            // The dead process's lock is of this machine and this process, so that it does not count as dead.
            for lock in store.list(FileKind::Lock).unwrap() {
                store.remove(FileKind::Lock, &lock.id).unwrap();
            }
            backup(&open(store.clone(), EngineOptions::default()), &after).unwrap();
            assert!(assert_valid(&store).contains(&after));
            if !faulty.is_dead() {
                assert!(call > 15, "{call}");
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_sessions_do_at_the_same_time_each_snapshot_holds_what_was_put(
        plans in prop::collection::vec((0u8..4, 0usize..20, any::<bool>()), 1..8),
        pack_size in 200u32..20_000,
    ) {
        let (_, store, _) = repository();
        let checkpoint = CheckpointPolicy { bytes: 3 * u64::from(pack_size), interval: Duration::MAX };
        let repository = open(store.clone(), EngineOptions { pack_size, checkpoint, ..EngineOptions::default() });
        thread::scope(|scope| {
            for (seed, files, commits) in &plans {
                let repository = &repository;
                scope.spawn(move || {
                    let session = begin(repository, nobody()).unwrap();
                    let tree = put(&session, &source(*seed, *files)).unwrap();
                    if *commits {
                        session.commit(snapshot(tree), |_, _| ()).unwrap();
                    }
                });
            }
        });
        let mut found = assert_valid(&store);
        let mut expected: Vec<Source> =
            plans.iter().filter(|plan| plan.2).map(|(seed, files, _)| source(*seed, *files)).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
        prop_assert!(store.list(FileKind::Lock).unwrap().is_empty());
    }
}
