//! The blob index that all sessions of a process share: which pack holds which blob.
//!
//! Invariant: readers see one consistent [`IndexView`], which only ever names blobs of index files that were durable
//! when they were read or written; blobs on their way into a pack are not here. A blob of a pack that is marked for
//! deletion is not present. Whoever sees a new generation knows that an index file has vanished, so that some prune
//! or repair has run and nothing that was concluded from an older view holds any more.
//!
//! The index costs 46 bytes a blob and 32 a pack. What it was the last time is remembered in a [`cache`], of which only
//! what is looked at is read. How index files are encrypted and where they are kept is not known
//! here: an [`IndexSource`] does that.

mod cache;
mod files;
mod json;
mod load;
mod row;
mod run;
mod view;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use holdfast_model::{BlobId, IndexId, PackId};
use parking_lot::{Mutex, RwLock};

pub(crate) use self::cache::IndexCache;
pub(crate) use self::files::{IndexFiles, cache as cache_of};
pub(crate) use self::json::decode_packs;
use self::load::Loaded;
pub use self::load::{IndexSource, Refreshed};
pub(crate) use self::row::Place;
pub use self::view::{BlobLocation, IndexView};
pub use crate::cursor::SyntaxError;
use crate::pack::{BlobKind, PackedBlob};

/// The shared index. All methods may be called from many threads.
#[derive(Debug, Default)]
pub struct BlobIndex {
    view: RwLock<Arc<IndexView>>,
    /// Held by whoever makes the next view, so that readers wait only for the exchange. Index files are not read under it;
    /// blocks of the cache may be.
    change: Mutex<()>,
    /// Held by whoever refreshes, also while index files are read.
    refreshing: Mutex<Refreshing>,
    /// The number of the last refresh that began.
    begun: AtomicU64,
    cache: Option<Arc<IndexCache>>,
    /// Writes the cache.
    saving: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Refreshing {
    /// The number of the last refresh that succeeded.
    last: u64,
    /// Whether the cache was asked.
    has_loaded: bool,
}

/// Whom a refresh believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// The cache, and the index files that it does not know.
    Cache,
    /// The index files alone.
    Files,
}

/// Reads one index file, only to see whether it can be read. It is fine if it has vanished.
pub(crate) fn verify_file<S: IndexSource>(source: &S, id: &IndexId) -> Result<(), S::Error> {
    match source.load(id)? {
        None => Ok(()),
        Some(document) => json::decode(&document).map(|_| ()).map_err(|fault| source.malformed(id, fault)),
    }
}

impl BlobIndex {
    /// An index that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An index that knows nothing yet, and remembers what it learns.
    pub(crate) fn with_cache(cache: IndexCache) -> Self {
        Self { cache: Some(Arc::new(cache)), ..Self::default() }
    }

    /// The index as it is now. It stays as it is while it is kept, and costs nothing to make.
    pub fn view(&self) -> Arc<IndexView> {
        self.view.read().clone()
    }

    /// Whether a durable index file names the blob, in a pack that is not marked for deletion.
    pub fn has(&self, kind: BlobKind, id: &BlobId) -> bool {
        self.view.read().has(kind, id)
    }

    /// Where the blob lies; the first place if there are several.
    pub fn locate(&self, kind: BlobKind, id: &BlobId) -> Option<BlobLocation> {
        self.view.read().locations(kind, id).next()
    }

    /// Counts the times that an index file has vanished.
    pub fn generation(&self) -> u64 {
        self.view.read().generation()
    }

    /// Takes over what changed in the repository: new index files are read, vanished ones are dropped.
    ///
    /// The listing is made after the call began; a lock that was taken before the call is older than what it finds.
    pub fn refresh<S: IndexSource>(&self, source: &S) -> Result<Refreshed, S::Error> {
        self.refresh_from(source, Belief::Cache)
    }

    /// As [`refresh`](Self::refresh), and what is known from the cache alone is read from its index files: for those that
    /// look for damage, and those that delete.
    pub fn refresh_uncached<S: IndexSource>(&self, source: &S) -> Result<Refreshed, S::Error> {
        self.refresh_from(source, Belief::Files)
    }

    fn refresh_from<S: IndexSource>(&self, source: &S, belief: Belief) -> Result<Refreshed, S::Error> {
        let called_at = self.begun.load(Ordering::SeqCst);
        let mut refreshing = self.refreshing.lock();
        if !std::mem::replace(&mut refreshing.has_loaded, true) && belief == Belief::Cache {
            self.load_cache();
        }
        if refreshing.last > called_at && (belief == Belief::Cache || self.view().cached_files().is_empty()) {
            // While this call waited, another one began and ended.
            return Ok(Refreshed { generation: self.generation(), ..Refreshed::default() });
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let mut belief = belief;
        let refreshed = loop {
            let before = self.view();
            let is_believed = belief == Belief::Cache && !before.has_failed();
            let distrusted = if is_believed { HashSet::new() } else { before.cached_files() };
            let Some(loaded) = Loaded::read(source, &before, distrusted)? else {
                break Refreshed { generation: before.generation(), ..Refreshed::default() };
            };
            let _changing = self.change.lock();
            // This process may have added files since; those that it lists again are known by now.
            let before = self.view();
            let (view, refreshed) = loaded.apply(&before);
            if is_believed && before.has_failed() {
                // What was taken over from the cache may not be all.
                belief = Belief::Files;
                continue;
            }
            *self.view.write() = Arc::new(view);
            break refreshed;
        };
        refreshing.last = number;
        drop(refreshing);
        self.save_if_due();
        Ok(refreshed)
    }

    /// Begins with what the cache knows: what this process would know had it run before.
    fn load_cache(&self) {
        let Some(cache) = &self.cache else { return };
        let _changing = self.change.lock();
        if self.view().files.is_empty() {
            let view = cache.load();
            *self.view.write() = Arc::new(view);
        }
    }

    /// Writes the cache beside all other work, if enough has changed.
    fn save_if_due(&self) {
        let Some(cache) = &self.cache else { return };
        let mut saving = self.saving.lock();
        // Whoever is at it holds what the question needs.
        if saving.as_ref().is_none_or(JoinHandle::is_finished) && cache.is_due(&self.view()) {
            let (cache, view) = (cache.clone(), self.view());
            *saving = thread::Builder::new().spawn(move || cache.save(&view)).ok();
        }
    }

    /// Waits until the cache is written, if it is being written.
    pub(crate) fn finish_saving(&self) {
        if let Some(saving) = self.saving.lock().take() {
            // A panic was told on standard error; it costs no more than a cache.
            let _ = saving.join();
        }
    }

    /// Adds an index file that this process has just made durable.
    pub(crate) fn insert(&self, id: IndexId, packs: &[(PackId, &[PackedBlob])]) {
        let _changing = self.change.lock();
        let before = self.view();
        // A refresh may have found the file already.
        if !before.knows(&id) {
            let view = before.with_file(id, packs);
            *self.view.write() = Arc::new(view);
        }
    }

    /// The index as it is now, in the form that [`IndexView::each_blob`] needs.
    pub(crate) fn compact(&self) -> Arc<IndexView> {
        let _changing = self.change.lock();
        let view = Arc::new(self.view().compacted());
        *self.view.write() = view.clone();
        view
    }
}

#[cfg(test)]
mod tests;
