//! What the tests of this crate share: cheap repositories in memory, a clock that stands still, waits that take no time.

mod source;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use holdfast_model::{BlobId, Clock, Id, Timestamp, TreeId};
use holdfast_store::{MemoryStore, Pause, Store};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

pub(crate) use self::source::{Source, backup, begin, contents, put};
use crate::catalogue::{BlobSize, Blobs};
use crate::config::ChunkerKind;
use crate::key::KdfCost;
use crate::pack::BlobKind;
use crate::tree::{Node, NodeKind, Tree};
use crate::{InitOptions, OpenOptions, RepoError, Repository};

pub(crate) const PASSWORD: &[u8] = b"a password";

/// A password that costs nothing to try.
pub(crate) const CHEAP: InitOptions =
    InitOptions { chunker: ChunkerKind::Gear, kdf_cost: KdfCost { log_n: 2, r: 1, p: 1 } };

const START: i64 = 1_700_000_000;

/// A clock that a test moves.
pub(crate) struct TestClock(Mutex<Timestamp>, Instant);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Timestamp { seconds: START, nanoseconds: 0 }), Instant::now()))
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.0.lock().seconds += time.as_secs() as i64;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }

    fn instant(&self) -> Instant {
        let gone = self.0.lock().seconds - START;
        self.1 + Duration::from_secs(gone as u64)
    }
}

/// Waits that are over at once, or that somebody cancelled.
pub(crate) struct TestPause {
    pub(crate) cancelled: bool,
    pub(crate) waited: Mutex<Duration>,
}

impl TestPause {
    pub(crate) fn new() -> Self {
        Self { cancelled: false, waited: Mutex::new(Duration::ZERO) }
    }
}

impl Pause for TestPause {
    fn pause(&self, time: Duration) -> bool {
        *self.waited.lock() += time;
        !self.cancelled
    }
}

pub(crate) fn options(clock: &Arc<TestClock>) -> OpenOptions {
    OpenOptions { clock: Some(Arc::clone(clock) as Arc<dyn Clock>), ..OpenOptions::default() }
}

/// A new repository in memory.
pub(crate) fn repository() -> (Repository, Arc<MemoryStore>, Arc<TestClock>) {
    let (store, clock) = (Arc::new(MemoryStore::new()), TestClock::new());
    let repository = Repository::init(Arc::clone(&store) as Arc<dyn Store>, PASSWORD, CHEAP, options(&clock)).unwrap();
    (repository, store, clock)
}

/// Blobs in memory, as catalogue and check want them.
#[derive(Default)]
pub(crate) struct MapBlobs {
    trees: HashMap<TreeId, Arc<Tree>>,
    data: HashMap<BlobId, Vec<u8>>,
    /// How many trees were read.
    pub(crate) reads: AtomicUsize,
}

impl MapBlobs {
    pub(crate) fn add_data(&mut self, content: &[u8]) -> BlobId {
        let id = BlobId::new(Sha256::digest(content).into());
        self.data.insert(id, content.to_vec());
        id
    }

    pub(crate) fn add_tree(&mut self, nodes: Vec<Node>) -> TreeId {
        let tree = Tree::new(nodes).unwrap();
        let id = TreeId::new(Sha256::digest(tree.to_bytes()).into());
        self.trees.insert(id, Arc::new(tree));
        id
    }

    /// A tree as a reader finds it: with faults.
    pub(crate) fn put_tree(&mut self, id: TreeId, document: &[u8]) {
        self.trees.insert(id, Arc::new(Tree::read(document).unwrap()));
    }

    pub(crate) fn lose_tree(&mut self, id: TreeId) {
        self.trees.remove(&id).unwrap();
    }

    pub(crate) fn file(&mut self, name: &str, parts: &[&str]) -> Node {
        let content = parts.iter().map(|part| self.add_data(part.as_bytes())).collect();
        let mut node = Node::new(name.as_bytes(), NodeKind::File { content }, 0o644);
        node.size = parts.iter().map(|part| part.len() as u64).sum();
        node.links = 1;
        node
    }

    pub(crate) fn dir(&mut self, name: &str, nodes: Vec<Node>) -> Node {
        let subtree = self.add_tree(nodes);
        Node::new(name.as_bytes(), NodeKind::Dir { subtree }, 0o755)
    }
}

impl Blobs for MapBlobs {
    fn tree(&self, id: TreeId) -> Result<Arc<Tree>, RepoError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let missing = || RepoError::Refused { reason: "no such tree".to_owned() };
        self.trees.get(&id).cloned().ok_or_else(missing)
    }

    fn data(&self, id: BlobId) -> Result<Vec<u8>, RepoError> {
        let missing = || RepoError::Refused { reason: "no such blob".to_owned() };
        self.data.get(&id).cloned().ok_or_else(missing)
    }

    fn size(&self, kind: BlobKind, id: BlobId) -> Option<BlobSize> {
        let plain = match kind {
            BlobKind::Data => self.data.get(&id)?.len() as u64,
            BlobKind::Tree => self.trees.get(&TreeId::from(Id::from(id)))?.to_bytes().len() as u64,
        };
        Some(BlobSize { stored: plain + 32, plain, compressed: false })
    }
}
