//! Index files in a repository's store: listed, read and written.
//!
//! Invariant: what is read was authenticated, and hashes to its name. What stands in an index file is not known here.

use std::path::PathBuf;
use std::sync::Arc;

use holdfast_model::{IndexId, PackId, RepositoryId};
use holdfast_store::{ErrorKind, FileKind, Store};
use sha2::{Digest, Sha256};

use super::cache::IndexCache;
use super::json;
use super::load::{IndexSource, read_all};
use crate::crypto::Key;
use crate::cursor::SyntaxError;
use crate::error::{FileFault, RepoError};
use crate::pack::PackedBlob;
use crate::{saved, unpacked};

/// The index files of one repository.
pub(crate) struct IndexFiles<'a> {
    pub(crate) store: &'a Arc<dyn Store>,
    pub(crate) key: &'a Key,
}

/// The cache of a repository's index in this folder. It reads index files again if it has to.
pub(crate) fn cache(
    folder: PathBuf,
    repository: RepositoryId,
    (store, key): (Arc<dyn Store>, Arc<Key>),
    writes: bool,
) -> IndexCache {
    let own = key.index_cache_key();
    let reread = move |ids: &[IndexId]| read_all(&IndexFiles { store: &store, key: &key }, ids).ok().flatten();
    IndexCache::new(folder, own, repository, writes, Box::new(reread))
}

impl IndexFiles<'_> {
    /// Makes an index file durable that lists these packs.
    pub(crate) fn write(&self, packs: &[(PackId, &[PackedBlob])]) -> Result<IndexId, RepoError> {
        let sealed = unpacked::seal_compressed(self.key, &json::encode(packs.iter().copied()))?;
        let id = IndexId::new(Sha256::digest(&sealed).into());
        saved::put(&**self.store, FileKind::Index, &id.into(), &[&sealed])?;
        Ok(id)
    }

    fn damaged(&self, id: &IndexId, fault: FileFault) -> RepoError {
        RepoError::damaged(FileKind::Index, &(*id).into(), self.store.location(), fault)
    }
}

impl IndexSource for IndexFiles<'_> {
    type Error = RepoError;

    fn list(&self) -> Result<Vec<IndexId>, RepoError> {
        Ok(self.store.list(FileKind::Index)?.into_iter().map(|file| file.id.into()).collect())
    }

    fn load(&self, id: &IndexId) -> Result<Option<Vec<u8>>, RepoError> {
        let sealed = match self.store.read(FileKind::Index, &(*id).into()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        if Sha256::digest(&sealed)[..] != id.as_bytes()[..] {
            return Err(self.damaged(id, FileFault::Hash));
        }
        unpacked::open(self.key, &sealed).map(Some).map_err(|fault| self.damaged(id, fault))
    }

    fn malformed(&self, id: &IndexId, source: SyntaxError) -> RepoError {
        self.damaged(id, FileFault::Content { reason: source.to_string() })
    }

    fn restless(&self) -> RepoError {
        let location = self.store.location();
        let reason = format!("index files in {location} keep vanishing while they are read; wait until the prune ends");
        RepoError::Refused { reason }
    }
}
