//! A store for dry runs: reads what is stored, and stores nothing.
//!
//! What is put counts as stored for the rest of the run: keys, locks, snapshots and indexes are kept in memory, of packs
//! only name and size. What is removed is hidden. The wrapped store sees only reads.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use holdfast_model::Id;
use parking_lot::RwLock;

use crate::{ErrorKind, FileInfo, FileKind, MemoryStore, Store, StoreError};

/// Pretends to write to the wrapped store.
#[derive(Debug)]
pub struct DryRunStore<S> {
    inner: S,
    written: MemoryStore,
    packs: RwLock<HashMap<Id, u64>>,
    removed: RwLock<HashSet<(FileKind, Id)>>,
}

impl<S: Store> DryRunStore<S> {
    /// Wraps a store that exists.
    pub fn new(inner: S) -> Self {
        Self { inner, written: MemoryStore::new(), packs: RwLock::default(), removed: RwLock::default() }
    }

    fn error(&self, kind: ErrorKind, action: &'static str, file: (FileKind, &Id), text: &'static str) -> StoreError {
        StoreError::of_file(kind, action, file, self.location(), text)
    }

    fn is_removed(&self, kind: FileKind, id: &Id) -> bool {
        self.removed.read().contains(&(kind, *id))
    }

    /// What this run wrote, or else what is stored.
    fn look<T>(
        &self,
        action: &'static str,
        file: (FileKind, &Id),
        ask: impl Fn(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match ask(&self.written) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            answer => return answer,
        }
        if self.is_removed(file.0, file.1) {
            return Err(self.error(ErrorKind::NotFound, action, file, "this dry run has removed it"));
        }
        ask(&self.inner)
    }
}

impl<S: Store> Store for DryRunStore<S> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn listing_delay(&self) -> Duration {
        self.inner.listing_delay()
    }

    fn create(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        let mut files = self.inner.list(kind)?;
        files.retain(|file| !self.is_removed(kind, &file.id));
        files.extend(self.written.list(kind)?);
        if kind == FileKind::Pack {
            files.extend(self.packs.read().iter().map(|(id, size)| FileInfo { id: *id, size: *size, modified: None }));
        }
        Ok(files)
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        match self.packs.read().get(id) {
            Some(size) if kind == FileKind::Pack => Ok(*size),
            _ => self.look("read the size of", (kind, id), |store| store.size(kind, id)),
        }
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.look("read", (kind, id), |store| store.read(kind, id))
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.look("read", (kind, id), |store| store.read_range(kind, id, range.clone()))
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        match self.size(kind, id) {
            Ok(_) => {
                let text = "a file of that name exists";
                return Err(self.error(ErrorKind::AlreadyExists, "write", (kind, id), text));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if kind == FileKind::Pack {
            self.packs.write().insert(*id, parts.iter().map(|part| part.len() as u64).sum());
            return Ok(());
        }
        self.written.put(kind, id, parts)
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        if kind == FileKind::Pack && self.packs.write().remove(id).is_some() {
            return Ok(());
        }
        if self.written.remove(kind, id).is_ok() {
            return Ok(());
        }
        self.size(kind, id)?;
        self.removed.write().insert((kind, *id));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Verb;
    use crate::record::RecordStore;

    fn id(first: u8) -> Id {
        Id::new([first; 32])
    }

    #[test]
    fn a_dry_run_sees_its_own_changes_and_leaves_no_trace() {
        let real = Arc::new(RecordStore::new(MemoryStore::new()));
        for kind in [FileKind::Snapshot, FileKind::Pack] {
            real.put(kind, &id(1), &[b"old"]).unwrap();
        }
        real.take();
        let dry = DryRunStore::new(Arc::clone(&real));
        dry.create().unwrap();
        for kind in [FileKind::Snapshot, FileKind::Pack] {
            dry.remove(kind, &id(1)).unwrap();
            assert_eq!(dry.remove(kind, &id(1)).unwrap_err().kind(), ErrorKind::NotFound);
            assert_eq!(dry.read(kind, &id(1)).unwrap_err().kind(), ErrorKind::NotFound);
            dry.put(kind, &id(2), &[b"new", b"est"]).unwrap();
            assert_eq!(dry.put(kind, &id(2), &[b"x"]).unwrap_err().kind(), ErrorKind::AlreadyExists);
            assert_eq!(dry.size(kind, &id(2)).unwrap(), 6);
            assert_eq!(dry.list(kind).unwrap().iter().map(|file| file.id).collect::<Vec<_>>(), [id(2)]);
        }
        assert_eq!(dry.read(FileKind::Snapshot, &id(2)).unwrap(), b"newest"[..]);
        dry.remove(FileKind::Snapshot, &id(2)).unwrap();
        assert_eq!(dry.list(FileKind::Snapshot).unwrap(), []);
        let writes = [Verb::Put, Verb::Remove, Verb::Create, Verb::Sweep];
        assert!(real.take().iter().all(|call| !writes.contains(&call.verb)));
    }
}
