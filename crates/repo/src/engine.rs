//! What all work on one repository shares within a process: storage, key, index, caches and the ingest pipeline.
//!
//! Invariant: there is one engine per repository and process, so that two sessions never store the same blob twice and
//! nobody reads an index that another has already read. Locks, snapshots and keys are not known here.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use holdfast_model::{Clock, IndexId, PackId, RepositoryId};
use holdfast_store::{HotStore, Store};

use crate::closure::ClosedTrees;
use crate::crypto::Key;
use crate::error::RepoError;
use crate::index::{BlobIndex, IndexFiles, IndexView, Refreshed, cache_of};
use crate::ingest::Pipeline;
use crate::pack::{BlobDecoder, BlobKind, Compression, PackedBlob};
use crate::reader::TreeCache;

/// How an engine works. The default suits a local disk.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The effort that compressing is worth.
    pub compression: Compression,
    /// A pack is written once it has this many bytes. Restic's default is 16 MiB.
    pub pack_size: u32,
    /// Decode each blob again after encoding it, and compare.
    pub verify: bool,
    /// Bytes of plaintext that all sessions together may have waiting to be packed.
    pub queue_bytes: usize,
    /// Threads that hash, compress and encrypt; by default as many as there are processors, at most 16.
    pub threads: NonZeroUsize,
    /// Packs that are written at the same time.
    pub connections: NonZeroUsize,
    /// When what is stored becomes durable in the middle of a session.
    pub checkpoint: CheckpointPolicy,
    /// Bytes of trees that are kept in memory.
    pub tree_cache: usize,
}

/// More threads than this feed no storage.
const MAX_THREADS: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            compression: Compression::Auto,
            pack_size: 16 << 20,
            verify: true,
            queue_bytes: 32 << 20,
            threads: thread::available_parallelism().map_or(NonZeroUsize::MIN, |count| count.min(MAX_THREADS)),
            connections: const { NonZeroUsize::new(3).expect("3 is not 0") },
            checkpoint: CheckpointPolicy::default(),
            tree_cache: 32 << 20,
        }
    }
}

/// When packs that are written are named by an index file, so that a session that is interrupted need not send their
/// blobs again. Whichever comes first.
#[derive(Debug, Clone, Copy)]
pub struct CheckpointPolicy {
    /// After this many bytes of packs; later in a long session after a sixteenth of what it wrote, so that the number of
    /// index files grows with the logarithm of the data.
    pub bytes: u64,
    /// After this time; later in a long session after a sixteenth of its age, for the same reason.
    pub interval: Duration,
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        Self { bytes: 256 << 20, interval: Duration::from_secs(30) }
    }
}

/// The shared part of an open repository.
pub struct Engine {
    core: Arc<Core>,
    pipeline: OnceLock<Pipeline>,
}

/// Where what is not part of the repository may be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State<'a> {
    /// The repository's own folder. It need not exist.
    pub(crate) folder: &'a Path,
    /// Whether what is learnt of the index will be true tomorrow.
    pub(crate) is_kept: bool,
}

/// What the threads of the pipeline need too.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    /// The hot part, if there is one that is used: packs of trees have copies there.
    pub(crate) hot: Option<HotStore>,
    pub(crate) key: Arc<Key>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: EngineOptions,
    pub(crate) index: BlobIndex,
    pub(crate) decoder: BlobDecoder,
    pub(crate) trees: TreeCache,
    pub(crate) closed: ClosedTrees,
}

impl Engine {
    /// An engine whose index is not read yet. `state` is where it may keep what is not part of the repository.
    pub(crate) fn new(
        (store, hot): (Arc<dyn Store>, Option<&HotStore>),
        key: Arc<Key>,
        clock: Arc<dyn Clock>,
        repository: RepositoryId,
        state: Option<State<'_>>,
        options: EngineOptions,
    ) -> Self {
        let index = state.map_or_else(BlobIndex::new, |state| {
            let folder = state.folder.join("index");
            BlobIndex::with_cache(cache_of(folder, repository, (store.clone(), key.clone()), state.is_kept))
        });
        let core = Core {
            store,
            hot: hot.map(HotStore::of_trees),
            key,
            clock,
            index,
            decoder: BlobDecoder::default(),
            trees: TreeCache::new(options.tree_cache),
            closed: ClosedTrees::new(state.map(|state| state.folder.join("closed-trees"))),
            options,
        };
        Self { core: Arc::new(core), pipeline: OnceLock::new() }
    }

    /// The index as it is now; call [`refresh`](Self::refresh) first.
    pub fn index(&self) -> Arc<IndexView> {
        self.core.index.view()
    }

    /// Takes over what changed in the repository's index files since the last time.
    pub fn refresh(&self) -> Result<Refreshed, RepoError> {
        self.core.index.refresh(&self.core.index_files())
    }

    /// As [`refresh`](Self::refresh), and no word of the index cache is believed: every index file is read that was not read
    /// by this process.
    pub fn refresh_uncached(&self) -> Result<Refreshed, RepoError> {
        self.core.index.refresh_uncached(&self.core.index_files())
    }

    /// Writes an index file that names these packs, whether they are there or not: for measurements and tests.
    #[doc(hidden)]
    pub fn write_index_file(&self, packs: &[(PackId, &[PackedBlob])]) -> Result<IndexId, RepoError> {
        self.core.index_files().write(packs)
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The pipeline, its threads started when it is first asked for.
    pub(crate) fn pipeline(&self) -> &Pipeline {
        self.pipeline.get_or_init(|| Pipeline::start(&self.core))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A process that ends would take it along half-written.
        self.core.index.finish_saving();
    }
}

impl Core {
    /// The store for packs that hold blobs of this kind.
    pub(crate) fn packs(&self, kind: BlobKind) -> &dyn Store {
        match &self.hot {
            Some(hot) if kind == BlobKind::Tree => hot,
            _ => &*self.store,
        }
    }

    pub(crate) fn index_files(&self) -> IndexFiles<'_> {
        IndexFiles { store: &self.store, key: &self.key }
    }
}
