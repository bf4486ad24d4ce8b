//! A store in memory, for tests: it keeps the promises of the port except to survive its process.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use holdfast_model::Id;
use parking_lot::RwLock;

use crate::{ErrorKind, FileInfo, FileKind, Store, StoreError};

/// Keeps a repository in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    files: RwLock<BTreeMap<(FileKind, Id), Bytes>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn get(&self, action: &'static str, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        let found = self.files.read().get(&key(kind, id)).cloned();
        found.ok_or_else(|| self.error(ErrorKind::NotFound, action, (kind, id), "there is no such file"))
    }

    fn error(
        &self,
        kind: ErrorKind,
        action: &'static str,
        file: (FileKind, &Id),
        source: impl Into<String>,
    ) -> StoreError {
        StoreError::of_file(kind, action, file, self.location(), source.into())
    }
}

/// There is one config, whatever id comes with it.
fn key(kind: FileKind, id: &Id) -> (FileKind, Id) {
    match kind {
        FileKind::Config => (kind, Id::default()),
        _ => (kind, *id),
    }
}

impl Store for MemoryStore {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn create(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        let files = self.files.read();
        let of_kind = files.iter().filter(|((found, _), _)| *found == kind);
        Ok(of_kind.map(|((_, id), bytes)| FileInfo { id: *id, size: bytes.len() as u64, modified: None }).collect())
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        self.get("read the size of", kind, id).map(|bytes| bytes.len() as u64)
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.get("read", kind, id)
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        let bytes = self.get("read", kind, id)?;
        let end = range.end.max(range.start);
        if end > bytes.len() as u64 {
            let text = format!("it has only {} bytes, not those from {} to {end}", bytes.len(), range.start);
            return Err(self.error(ErrorKind::Corrupt, "read", (kind, id), text));
        }
        Ok(bytes.slice(range.start as usize..end as usize))
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        let bytes = Bytes::from(parts.concat());
        match self.files.write().entry(key(kind, id)) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(bytes);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(_) => {
                Err(self.error(ErrorKind::AlreadyExists, "write", (kind, id), "a file of that name exists"))
            }
        }
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        match self.files.write().remove(&key(kind, id)) {
            Some(_) => Ok(()),
            None => Err(self.error(ErrorKind::NotFound, "delete", (kind, id), "there is no such file")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_keeps_the_contract() {
        crate::contract::run(&MemoryStore::new(), crate::contract::Strength::FULL);
    }
}
