//! Looking into snapshots: paths, listings, searches, differences, contents and sizes.
//!
//! Everything here only reads, gives data to its caller and prints nothing. Paths are absolute, their bytes those of the
//! file names, and begin with a slash. A directory that can't be read is reported and passed over where a listing can do
//! without it. How blobs are found and decoded is not known here.

mod diff;
mod dump;
mod find;
mod path;
mod stats;
mod tar;
mod walk;
mod zip;

use std::io;
use std::sync::Arc;

use holdfast_model::{BlobId, Cancelled, TreeId};

pub use diff::{Change, Diff, DiffOptions, DiffStats, DiffSummary, diff};
pub use dump::{dump_file, file_size};
pub use find::{Find, Objects};
pub use path::{Place, resolve, split};
pub use stats::{Stats, StatsMode, Totals};
pub use tar::{dump_tar, tar_place};
pub use walk::{Walk, WalkEntry};
pub use zip::zip_place;

use crate::engine::Engine;
use crate::error::RepoError;
use crate::pack::BlobKind;
use crate::tree::{NodeError, Tree, display_name};

/// Where trees and contents come from.
pub trait Blobs: Sync {
    /// A tree.
    fn tree(&self, id: TreeId) -> Result<Arc<Tree>, RepoError>;

    /// The content of a data blob.
    fn data(&self, id: BlobId) -> Result<Vec<u8>, RepoError>;

    /// How large a blob is, without reading it; `None` if there is none.
    fn size(&self, kind: BlobKind, id: BlobId) -> Option<BlobSize>;
}

/// How large a blob is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobSize {
    /// As it stands in its pack, encrypted.
    pub stored: u64,
    /// Its plaintext.
    pub plain: u64,
    /// Whether it was compressed.
    pub compressed: bool,
}

impl Blobs for Engine {
    fn tree(&self, id: TreeId) -> Result<Arc<Tree>, RepoError> {
        Ok(self.load_tree(id)?)
    }

    fn data(&self, id: BlobId) -> Result<Vec<u8>, RepoError> {
        Ok(self.load_blob(BlobKind::Data, &id)?)
    }

    fn size(&self, kind: BlobKind, id: BlobId) -> Option<BlobSize> {
        let at = self.index().locations(kind, &id).next()?;
        Some(BlobSize {
            stored: u64::from(at.stored_length),
            plain: u64::from(at.plain_length()),
            compressed: at.is_compressed(),
        })
    }
}

/// A look into a snapshot that failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Nothing of that name.
    #[error("there is nothing at {path} in the snapshot")]
    NotFound {
        /// The path, as far as it goes wrong.
        path: String,
    },
    /// The way leads through something that is no directory.
    #[error("{path} is no directory in the snapshot")]
    NotADirectory {
        /// The path.
        path: String,
    },
    /// A file was asked for.
    #[error("{path} is no regular file in the snapshot")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// A tree or blob can't be read.
    #[error("cannot read {path} from the repository")]
    Read {
        /// Where in the snapshot.
        path: String,
        /// Why.
        #[source]
        source: RepoError,
    },
    /// An entry of a directory is not one that can be understood, or that a file system would take.
    #[error("an entry of {path} is left out")]
    Node {
        /// The directory in the snapshot.
        path: String,
        /// What is wrong with the entry.
        #[source]
        source: NodeError,
    },
    /// The index does not know a blob.
    #[error("the repository has no blob {id}, which {path} needs; run `holdfast check`")]
    MissingBlob {
        /// Where in the snapshot.
        path: String,
        /// The blob.
        id: BlobId,
    },
    /// What was read can't be written to where it was to go.
    #[error("cannot write the output")]
    Write {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// More than the form of the output can hold.
    #[error("{what}: take another form")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Cancelled,
}

impl From<Cancelled> for CatalogueError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

/// A path as a person may see it on a terminal, whatever its bytes are.
pub fn display_path(path: &[u8]) -> String {
    display_name(path)
}

/// The path of an entry of a directory.
fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend_from_slice(directory.strip_suffix(b"/").unwrap_or(directory));
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

#[cfg(test)]
mod tests;
