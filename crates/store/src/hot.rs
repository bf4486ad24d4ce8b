//! A repository in two parts: a main part that holds everything, and a hot part with copies of what is read often.
//!
//! The parts are rustic's: keys, locks, snapshots, index files and packs of trees are in both, packs of data and the
//! config in the main part alone (the hot part has a config of its own, which is the repository's matter).
//!
//! Invariant: *the main part alone says what there is*, so that whoever knows nothing of the hot part sees the same
//! repository. A copy is written before the file that it copies, and deleted after it: cut off anywhere, the hot part has
//! copies too many, which are never shown and which [`Store::sweep`] deletes, and none too few. Where one is missing or
//! damaged all the same, the main part answers, and the copy is made again.

mod mend;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holdfast_model::Id;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

pub use self::mend::{Compared, Copied};
use crate::{ErrorKind, FileInfo, FileKind, Store, StoreError};

/// Two parts of one repository as one store. Clones share what they know.
///
/// Packs go to the main part alone: this is the store for those of data. [`HotStore::of_trees`] is the one for the others.
#[derive(Clone)]
pub struct HotStore {
    parts: Arc<Parts>,
    /// Whether packs have copies as well.
    copies_packs: bool,
}

struct Parts {
    main: Arc<dyn Store>,
    hot: Arc<dyn Store>,
    /// Files that the main part was seen to have: their copies are read without asking it again.
    seen: Mutex<HashSet<(FileKind, Id)>>,
    /// Whether a copy that is missing is made again when it is found missing.
    mends: AtomicBool,
    /// One pack at a time is copied while it is read: each takes its size in memory.
    copying: Mutex<()>,
}

impl HotStore {
    /// The kinds of file that have copies in the hot part, beside packs of trees.
    pub const COPIED: [FileKind; 4] = [FileKind::Key, FileKind::Lock, FileKind::Snapshot, FileKind::Index];

    /// Joins two parts. That they belong together is for the caller to know.
    pub fn new(main: Arc<dyn Store>, hot: Arc<dyn Store>) -> Self {
        let (seen, mends, copying) = (Mutex::default(), AtomicBool::new(true), Mutex::default());
        Self { parts: Arc::new(Parts { main, hot, seen, mends, copying }), copies_packs: false }
    }

    /// Joins two parts of which nobody knows yet that they belong together: nothing is written that was not asked for.
    pub fn reading_only(main: Arc<dyn Store>, hot: Arc<dyn Store>) -> Self {
        let store = Self::new(main, hot);
        store.parts.mends.store(false, Ordering::Relaxed);
        store
    }

    /// The same parts, for packs of trees: those have copies.
    pub fn of_trees(&self) -> Self {
        Self { parts: Arc::clone(&self.parts), copies_packs: true }
    }

    /// The part that holds everything.
    pub fn main(&self) -> &Arc<dyn Store> {
        &self.parts.main
    }

    /// The part with the copies.
    pub fn hot(&self) -> &Arc<dyn Store> {
        &self.parts.hot
    }

    fn is_copied(&self, kind: FileKind) -> bool {
        if kind == FileKind::Pack { self.copies_packs } else { Self::COPIED.contains(&kind) }
    }

    /// A file that the main part was not seen to have may be a copy that was left over: it is asked.
    fn prove_there(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        // The index names packs, and it is read before them.
        if kind == FileKind::Pack || self.parts.seen.lock().contains(&(kind, *id)) {
            return Ok(());
        }
        self.parts.main.size(kind, id)?;
        self.saw(kind, id);
        Ok(())
    }

    fn saw(&self, kind: FileKind, id: &Id) {
        if kind != FileKind::Pack {
            self.parts.seen.lock().insert((kind, *id));
        }
    }

    /// Writes the copy; says whether it is new. One of that name is either of a file that is there, or left over.
    fn put_copy(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<bool, StoreError> {
        let Parts { main, hot, .. } = &*self.parts;
        let exists = match hot.put(kind, id, parts) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => error,
            result => return result.map(|()| true),
        };
        match main.size(kind, id) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => return result.and(Err(exists)),
        }
        if hot.read(kind, id).is_ok_and(|copy| copy == parts.concat()) {
            return Ok(false);
        }
        ignore(hot.remove(kind, id), ErrorKind::NotFound)?;
        ignore(hot.put(kind, id, parts), ErrorKind::AlreadyExists)?;
        Ok(true)
    }
}

impl Store for HotStore {
    fn location(&self) -> String {
        self.parts.main.location()
    }

    fn listing_delay(&self) -> Duration {
        self.parts.main.listing_delay()
    }

    fn create(&self) -> Result<(), StoreError> {
        self.parts.main.create()?;
        self.parts.hot.create()
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        let files = self.parts.main.list(kind)?;
        if kind != FileKind::Pack && self.is_copied(kind) {
            let mut seen = self.parts.seen.lock();
            seen.retain(|(of, _)| *of != kind);
            seen.extend(files.iter().map(|file| (kind, file.id)));
        }
        Ok(files)
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        self.parts.main.size(kind, id)
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        if !self.is_copied(kind) {
            return self.parts.main.read(kind, id);
        }
        self.prove_there(kind, id)?;
        self.read_copied(kind, id)
    }

    fn read_back(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.parts.main.read_back(kind, id)
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        if !self.is_copied(kind) {
            return self.parts.main.read_range(kind, id, range);
        }
        self.prove_there(kind, id)?;
        self.read_range_copied(kind, id, range)
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        if !self.is_copied(kind) {
            return self.parts.main.put(kind, id, parts);
        }
        let is_new = match self.put_copy(kind, id, parts) {
            // What is read needs a lock: one copy less is better than none to read.
            Err(error) if kind == FileKind::Lock && error.kind() != ErrorKind::AlreadyExists => false,
            result => result?,
        };
        let result = self.parts.main.put(kind, id, parts);
        match &result {
            Ok(()) => self.saw(kind, id),
            // What is there may be something else than what was to be written, and ours would be shown instead.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && is_new && !is_named_by(id, parts) => {
                let _ = self.parts.hot.remove(kind, id);
            }
            Err(_) => {}
        }
        result
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        if !self.is_copied(kind) {
            // The copy of a pack of trees stays until the next sweep: a prune makes one, and need not know which those are.
            return self.parts.main.remove(kind, id);
        }
        self.parts.seen.lock().remove(&(kind, *id));
        let removed = self.parts.main.remove(kind, id);
        if removed.is_ok() || removed.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            let copy = ignore(self.parts.hot.remove(kind, id), ErrorKind::NotFound);
            // The next sweep takes it.
            copy.or_else(|error| if kind == FileKind::Lock { Ok(()) } else { Err(error) })?;
        }
        removed
    }

    /// Copies that were left over go as well, and do not count: each prune leaves those of the packs that it deleted.
    fn sweep(&self) -> Result<u64, StoreError> {
        let swept = self.parts.main.sweep()? + self.parts.hot.sweep()?;
        self.sweep_copies()?;
        Ok(swept)
    }
}

/// Whether the name is that of this content, as all names in a repository are.
fn is_named_by(id: &Id, parts: &[&[u8]]) -> bool {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize()[..] == id.as_bytes()[..]
}

/// A failure of this kind is none.
fn ignore(result: Result<(), StoreError>, kind: ErrorKind) -> Result<(), StoreError> {
    match result {
        Err(error) if error.kind() != kind => Err(error),
        _ => Ok(()),
    }
}
