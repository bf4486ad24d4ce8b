//! Files that stand alone (snapshots and locks): read and written whole, sealed and named by their hash.

use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_model::Id;
use holdfast_store::FileKind;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::Repository;
use crate::error::{FileFault, RepoError};
use crate::{saved, unpacked};

/// Reads that are under way at the same time: storages far away answer each slowly.
const READERS: usize = 8;

impl Repository {
    /// The document of a snapshot or lock, proven to be the one that was written.
    pub(crate) fn load_unpacked(&self, kind: FileKind, id: &Id) -> Result<Vec<u8>, RepoError> {
        let damaged = |fault| RepoError::damaged(kind, id, self.location(), fault);
        let bytes = self.store().read(kind, id)?;
        if Sha256::digest(&bytes)[..] != id.as_bytes()[..] {
            return Err(damaged(FileFault::Hash));
        }
        unpacked::open(self.key(), &bytes).map_err(damaged)
    }

    /// Writes a document; it is durable, under the id that is returned, when this returns.
    pub(crate) fn save_unpacked(&self, kind: FileKind, document: &[u8]) -> Result<Id, RepoError> {
        self.check_writable()?;
        self.save_unpacked_any_version(kind, document)
    }

    /// As [`Self::save_unpacked`], for locks: who reads an old repository takes one as well.
    pub(crate) fn save_unpacked_any_version(&self, kind: FileKind, document: &[u8]) -> Result<Id, RepoError> {
        let sealed = match self.version() {
            1 => self.key().seal(document),
            _ => unpacked::seal_compressed(self.key(), document)?,
        };
        let id = Id::new(Sha256::digest(&sealed).into());
        saved::put(&**self.store(), kind, &id, &[&sealed])?;
        Ok(id)
    }
}

/// Calls `work` for every item on several threads at once; the results are in the order of the items.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        while let Some((at, item)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            items.get(at).map(|item| (at, item))
        } {
            let result = work(item);
            results.lock().push((at, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..READERS.min(items.len()) {
            scope.spawn(run);
        }
        run();
    });
    let mut results = results.into_inner();
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
