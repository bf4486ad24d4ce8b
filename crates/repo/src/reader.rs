//! Reading blobs and trees of an open repository.
//!
//! Invariant: nothing is given out that is not authenticated, and no plaintext that does not hash to the id that was
//! asked for. A blob with several places is read from the next one if the first is damaged.

mod stored;
mod tree_cache;

use std::sync::Arc;

use holdfast_model::{BlobId, PackId, TreeId};
use holdfast_store::{FileKind, Store, StoreError};

pub use self::stored::{StoredBlob, StoredBlobs};
pub(crate) use self::tree_cache::TreeCache;
use crate::engine::{Core, Engine};
use crate::error::RepoErrorKind;
use crate::index::BlobLocation;
use crate::pack::{BlobKind, DecodeError};
use crate::tree::{Node, NodeError, Tree, TreeError};

/// Why a blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No index file names the blob.
    #[error("the repository's index does not know {kind} {id}; check the repository")]
    Unknown {
        /// What the blob should hold.
        kind: BlobKind,
        /// The blob.
        id: BlobId,
    },
    /// The storage does not give the bytes.
    #[error("cannot read pack {pack}")]
    Store {
        /// The pack.
        pack: PackId,
        /// What the storage said.
        #[source]
        source: StoreError,
    },
    /// The bytes are not what was written.
    #[error("{kind} {id} in pack {pack} is damaged; check the repository")]
    Damaged {
        /// What the blob should hold.
        kind: BlobKind,
        /// The blob.
        id: BlobId,
        /// Where it was read.
        pack: PackId,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
    /// The tree is as it was written, and yet none.
    #[error("tree {id} cannot be understood")]
    Tree {
        /// The tree.
        id: TreeId,
        /// What is wrong.
        #[source]
        source: TreeError,
    },
}

impl ReadError {
    /// What the failure means for the caller.
    pub fn kind(&self) -> RepoErrorKind {
        match self {
            Self::Store { source, .. } => RepoErrorKind::Storage(source.kind()),
            _ => RepoErrorKind::Corrupt,
        }
    }
}

impl Engine {
    /// The plaintext of a blob.
    pub fn load_blob(&self, kind: BlobKind, id: &BlobId) -> Result<Vec<u8>, ReadError> {
        self.core().load_blob(kind, id)
    }

    /// A tree, as much of it as can be understood: see its [`faults`](Tree::faults). Trees that were read lately are kept.
    pub fn load_tree(&self, id: TreeId) -> Result<Arc<Tree>, ReadError> {
        self.core().load_tree(id)
    }

    /// Gives each node of a tree to `found`, in the order in which they stand there, and what is wrong with those that cannot be
    /// understood. Takes memory for the document, not for its nodes; nothing is kept.
    pub fn read_nodes(&self, id: TreeId, found: &mut dyn FnMut(Result<Node, NodeError>)) -> Result<(), ReadError> {
        let document = self.core().load_blob(BlobKind::Tree, &id.into())?;
        Tree::read_each(&document, found).map_err(|source| ReadError::Tree { id, source })
    }

    /// Data blobs of one pack in the form in which they are stored, in order of their place, read with few calls.
    pub fn read_stored(&self, pack: PackId, blobs: Vec<(BlobId, BlobLocation)>) -> StoredBlobs<'_> {
        StoredBlobs::new(self.core(), BlobKind::Data, pack, blobs)
    }

    /// The plaintext of a stored data blob, proven to be this one.
    pub fn decode_stored(&self, id: &BlobId, blob: &StoredBlob) -> Result<Vec<u8>, DecodeError> {
        blob.decode(&self.core().decoder, id)
    }
}

impl Core {
    pub(crate) fn load_blob(&self, kind: BlobKind, id: &BlobId) -> Result<Vec<u8>, ReadError> {
        let view = self.index.view();
        let mut result = Err(ReadError::Unknown { kind, id: *id });
        for location in view.locations(kind, id) {
            result = self.load_from(kind, id, &location);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn load_from(&self, kind: BlobKind, id: &BlobId, at: &BlobLocation) -> Result<Vec<u8>, ReadError> {
        match (self.load_by(self.packs(kind), kind, id, at), &self.hot) {
            (Err(ReadError::Damaged { .. }), Some(hot)) if kind == BlobKind::Tree => {
                let plain = self.load_by(&**hot.main(), kind, id, at)?;
                // It was the copy.
                hot.discard(FileKind::Pack, &at.pack.into());
                Ok(plain)
            }
            (result, _) => result,
        }
    }

    fn load_by(&self, store: &dyn Store, kind: BlobKind, id: &BlobId, at: &BlobLocation) -> Result<Vec<u8>, ReadError> {
        let range = u64::from(at.offset)..at.end();
        let bytes = store.read_range(FileKind::Pack, &at.pack.into(), range);
        let bytes = bytes.map_err(|source| ReadError::Store { pack: at.pack, source })?;
        let mut sealed = bytes::BytesMut::from(bytes);
        let plain = self.decoder.decode(&self.key, id, &mut sealed, at.uncompressed_length);
        plain.map_err(|source| ReadError::Damaged { kind, id: *id, pack: at.pack, source })
    }

    pub(crate) fn load_tree(&self, id: TreeId) -> Result<Arc<Tree>, ReadError> {
        if let Some(tree) = self.trees.get(&id) {
            return Ok(tree);
        }
        let document = self.load_blob(BlobKind::Tree, &id.into())?;
        let tree = Tree::read(&document).map_err(|source| ReadError::Tree { id, source })?;
        let tree = Arc::new(tree);
        self.trees.insert(id, tree.clone(), document.len());
        Ok(tree)
    }
}

#[cfg(test)]
mod tests;
