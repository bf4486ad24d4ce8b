//! What must not grow: memory for each blob of the index, and the memory and packs of many sessions at once. The same at
//! full size, with times: `cargo xtask scale`.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use holdfast_chunker::sha256;
use holdfast_model::{BlobId, PackId, Timestamp};
use holdfast_repo::key::KdfCost;
use holdfast_repo::pack::PackedBlob;
use holdfast_repo::tree::{Node, NodeKind, Tree};
use holdfast_repo::{
    BlobKind, EngineOptions, IngestSession, InitOptions, OpenOptions, Proof, Repository, SavedSnapshot, Snapshot,
};
use holdfast_store::{FileKind, LocalStore, Sleep, Store};
use holdfast_testkit::{CountingAllocator, temp_dir};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// What is counted is one test's alone.
static ALONE: Mutex<()> = Mutex::new(());

const PASSWORD: &[u8] = b"a password";
const CHEAP: KdfCost = KdfCost { log_n: 2, r: 1, p: 1 };

fn init(dir: &Path, engine: EngineOptions) -> Repository {
    let options = OpenOptions { engine, ..OpenOptions::default() };
    let init = InitOptions { kdf_cost: CHEAP, ..InitOptions::default() };
    Repository::init(Arc::new(LocalStore::new(dir)), PASSWORD, init, options).unwrap()
}

fn open(dir: &Path, state: Option<&Path>) -> Repository {
    let options = OpenOptions { state_dir: state.map(Path::to_owned), ..OpenOptions::default() };
    Repository::open(Arc::new(LocalStore::new(dir)), PASSWORD, options).unwrap()
}

const BLOBS: u32 = 1_000_000;

fn blob(number: u32) -> BlobId {
    let mut id = sha256(b"a blob");
    id[..4].copy_from_slice(&number.wrapping_mul(2_654_435_769).to_be_bytes());
    id[4..8].copy_from_slice(&number.to_be_bytes());
    BlobId::new(id)
}

/// Index files that name a million blobs, twenty in a pack: 16 MiB of chunks of 800 KiB.
fn write_index(repository: &Repository) {
    let rows = |number: u32| {
        let (id, offset) = (blob(number), number % 20 * 800_000);
        PackedBlob { kind: BlobKind::Data, id, offset, stored_length: 800_000, uncompressed_length: 1_000_000 }
    };
    for from in (0..BLOBS).step_by(50_000) {
        let rows: Vec<PackedBlob> = (from..from + 50_000).map(rows).collect();
        let packs = rows.chunks(20).zip(from..).map(|(rows, n)| (PackId::new(sha256(&n.to_le_bytes())), rows));
        repository.engine().write_index_file(&packs.collect::<Vec<_>>()).unwrap();
    }
}

#[test]
fn a_blob_of_the_index_costs_at_most_48_bytes_and_with_a_cache_only_when_it_is_looked_at() {
    let _alone = ALONE.lock();
    let dir = temp_dir();
    let (repository, state) = (dir.path().join("repository"), dir.path().join("state"));
    write_index(&init(&repository, EngineOptions::default()));
    for is_cached in [false, true] {
        let repository = open(&repository, Some(&state));
        let before = ALLOCATOR.in_use();
        let read = repository.engine().refresh().unwrap().added;
        assert_eq!(read, if is_cached { 0 } else { 20 });
        let view = repository.engine().index();
        if is_cached {
            let begun = ALLOCATOR.in_use() - before;
            assert!(begun < 4 * BLOBS as usize, "{begun} bytes before anything is looked at");
            assert!(view.has(BlobKind::Data, &blob(7)));
            assert!(ALLOCATOR.in_use() - before - begun < 128 << 10, "one block is read for one blob");
        }
        assert!((0..BLOBS).all(|number| view.has(BlobKind::Data, &blob(number))));
        assert!(!view.has(BlobKind::Data, &blob(BLOBS)));
        if is_cached {
            let cost = ALLOCATOR.in_use() - before;
            assert!(cost <= 48 * BLOBS as usize, "{cost} bytes for {BLOBS} blobs");
        }
    }
    // Without a cache, and so without somebody who writes it meanwhile.
    let repository = open(&repository, None);
    let before = ALLOCATOR.in_use();
    repository.engine().refresh().unwrap();
    let cost = ALLOCATOR.in_use() - before;
    assert!(cost <= 48 * BLOBS as usize, "{cost} bytes for {BLOBS} blobs");
}

const SESSIONS: u64 = 200;
/// Chunks of a session, every other one the same in all sessions.
const CHUNKS: u64 = 16;
const CHUNK: usize = 64 << 10;
const PACK: usize = 4 << 20;
const QUEUE: usize = 8 << 20;

/// A chunk that does not compress.
fn chunk(session: u64, number: u64) -> Vec<u8> {
    let seed = if number.is_multiple_of(2) { number } else { ((session + 1) << 32) | number };
    let mut state = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(CHUNK);
    while bytes.len() < CHUNK {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// One backup of a file, as an agent would send it, committed together with all others.
fn back_up(repository: &Repository, number: u64, together: &Barrier) -> SavedSnapshot {
    let session = IngestSession::begin(repository, Box::new(|_| ()), &Sleep::default()).unwrap();
    let mut content = Vec::new();
    for at in 0..CHUNKS {
        let bytes = chunk(number, at);
        let id = BlobId::new(sha256(&bytes));
        if !session.has_data(&id) {
            session.put_data(id, bytes, Proof::Unverified).unwrap();
        }
        content.push(id);
    }
    let file = Node::new(format!("file {number}").as_bytes(), NodeKind::File { content }, 0o644);
    let tree = session.put_tree(&Tree::new(vec![file]).unwrap()).unwrap();
    together.wait();
    session.commit(Snapshot::new(Timestamp::default().into(), tree), |_, _| ()).unwrap().snapshot
}

#[test]
fn two_hundred_sessions_at_once_share_packs_and_one_budget_of_memory() {
    let _alone = ALONE.lock();
    let dir = temp_dir();
    let engine = EngineOptions { pack_size: PACK as u32, queue_bytes: QUEUE, ..EngineOptions::default() };
    let repository = init(dir.path(), engine);
    let together = Barrier::new(SESSIONS as usize);
    let (snapshots, cost): (Vec<SavedSnapshot>, _) = ALLOCATOR.most_during(|| {
        thread::scope(|scope| {
            let (repository, together) = (&repository, &together);
            let sessions: Vec<_> =
                (0..SESSIONS).map(|number| scope.spawn(move || back_up(repository, number, together))).collect();
            sessions.into_iter().map(|session| session.join().unwrap()).collect()
        })
    });
    // What waits, what is open or on its way to the disk, and of each session the one chunk that it holds in its hands.
    let packs = 2 * 3 * PACK;
    let bound = QUEUE + packs + 2 * SESSIONS as usize * CHUNK + (16 << 20);
    assert!(cost <= bound, "{} MiB of {}", cost >> 20, bound >> 20);

    let store = LocalStore::new(dir.path());
    let stored: Vec<u64> = store.list(FileKind::Pack).unwrap().into_iter().map(|file| file.size).collect();
    let bytes: u64 = stored.iter().sum();
    let distinct = (SESSIONS + 1) * CHUNKS / 2 * CHUNK as u64;
    assert!((distinct..distinct + distinct / 20).contains(&bytes), "{bytes} bytes stored of {distinct}");
    let least = bytes as usize / PACK;
    // How many a flush serves depends on how fast blobs come out of the queue. Each session alone would write two.
    assert!(stored.len() <= least + SESSIONS as usize, "{} packs where {least} would do", stored.len());
    drop(repository);

    let again = open(dir.path(), None);
    again.engine().refresh().unwrap();
    assert_eq!(again.snapshots().unwrap().len(), SESSIONS as usize);
    for (number, snapshot) in (0..).zip(snapshots) {
        let tree = again.engine().load_tree(snapshot.tree).unwrap();
        let file = tree.nodes().first().unwrap();
        assert_eq!(*file.name, *format!("file {number}").as_bytes());
        let restored = file.content().iter().map(|id| again.engine().load_blob(BlobKind::Data, id).unwrap());
        assert!(restored.eq((0..CHUNKS).map(|at| chunk(number, at))), "session {number}");
    }
}
