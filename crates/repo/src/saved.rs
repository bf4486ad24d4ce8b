//! Saving files that are named by the hash of their content.
//!
//! Invariant: a file counts as saved only if the storage took it, or gives it back as it is: an answer that its name is
//! taken may come from a server that holds half of it, or that means something else.

use holdfast_model::Id;
use holdfast_store::{ErrorKind, FileKind, Store, StoreError};
use sha2::{Digest, Sha256};

/// What stands under a name is something else than what was to be saved there.
#[derive(Debug, thiserror::Error)]
#[error("a file of that name is there, and its content is another; delete it and try again")]
struct OtherContent;

/// Puts a file whose `id` is the hash of its content. It is fine if it is there already.
pub(crate) fn put(store: &dyn Store, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
    match store.put(kind, id, parts) {
        // An earlier attempt may have succeeded, its answer lost.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let found = store.read_back(kind, id)?;
            if Sha256::digest(&found)[..] == id.as_bytes()[..] {
                return Ok(());
            }
            Err(StoreError { kind: ErrorKind::Corrupt, source: OtherContent.into(), ..error })
        }
        result => result,
    }
}
