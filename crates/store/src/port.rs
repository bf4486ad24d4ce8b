//! The port itself: file kinds and the calls that a driver answers.
//!
//! Calls block; a driver that is asynchronous inside runs its own threads.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_model::{Id, Timestamp};

use crate::StoreError;

/// The six kinds of file in a repository of restic's format (its design document, "Repository Layout").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// The one file `config`; its id is ignored.
    Config,
    /// `keys/`
    Key,
    /// `locks/`
    Lock,
    /// `snapshots/`
    Snapshot,
    /// `index/`
    Index,
    /// `data/`, in folders of the first two digits
    Pack,
}

impl FileKind {
    /// All six.
    pub const ALL: [Self; 6] = [Self::Config, Self::Key, Self::Lock, Self::Snapshot, Self::Index, Self::Pack];

    /// Bytes that no file of this kind has more of: a bound on what is read before it is known to be genuine.
    ///
    /// restic's packs end at 128 MiB and rustic's at 4 GiB; index files are near 8 MiB.
    pub fn max_size(self) -> u64 {
        match self {
            Self::Config | Self::Key | Self::Lock => 1 << 20,
            Self::Snapshot => 64 << 20,
            Self::Index => 512 << 20,
            Self::Pack => 4 << 30,
        }
    }

    /// The folder that files of this kind are kept in, and what errors call the kind; `config` for the one file without a folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Key => "keys",
            Self::Lock => "locks",
            Self::Snapshot => "snapshots",
            Self::Index => "index",
            Self::Pack => "data",
        }
    }
}

/// One row of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo {
    /// The name; all zeros for the config.
    pub id: Id,
    /// Size in bytes.
    pub size: u64,
    /// When the storage says it was written, where it says so.
    pub modified: Option<Timestamp>,
}

/// Keeps files under kind and id. Shared by many threads.
///
/// Every driver passes the contract suite in `contract.rs`.
pub trait Store: Send + Sync {
    /// The place, as a person would name it, without any secret.
    fn location(&self) -> String;

    /// How long after a put listings may still lack the file. Object storage and network file systems say nothing about
    /// it, so this is a guess (restic's); where the system promises that a new name is seen at once it is zero.
    fn listing_delay(&self) -> Duration {
        Duration::from_millis(200)
    }

    /// Makes the folders of an empty repository. Fine if they are there already.
    fn create(&self) -> Result<(), StoreError>;

    /// All files of one kind. Names that are not ids are left out. Complete or an error, never cut short.
    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError>;

    /// Size of one file, [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it is not there.
    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError>;

    /// A whole file.
    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError>;

    /// A whole file from where it counts, for whoever must prove that it was saved: not a copy that is kept beside it.
    fn read_back(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.read(kind, id)
    }

    /// A part of a file: exactly these bytes, or [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if it is shorter.
    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Writes a file as the concatenation of `parts`, if none of that name exists.
    ///
    /// When this returns `Ok`, the file survives a power cut, under its name. When it fails, no file of that
    /// name has appeared half-written. Of several writers of one name at the same moment exactly one wins where the
    /// storage can tell them apart (a local directory, SFTP); elsewhere that is looked up before the write, and only names made
    /// from content are safe.
    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError>;

    /// Deletes a file. [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it is not there, from storage that tells;
    /// REST servers and object storage answer `Ok`.
    ///
    /// When this returns `Ok` for a config, key, snapshot or index, the file stays deleted after a power cut; a pack or
    /// lock may come back, which does no harm.
    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError>;

    /// Deletes what interrupted writes have left behind and nobody is still writing. Says how many files that were.
    ///
    /// Never touches a file of the repository. Drivers whose storage keeps no such leftovers do nothing.
    fn sweep(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn location(&self) -> String {
        (**self).location()
    }

    fn listing_delay(&self) -> Duration {
        (**self).listing_delay()
    }

    fn create(&self) -> Result<(), StoreError> {
        (**self).create()
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        (**self).list(kind)
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        (**self).size(kind, id)
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        (**self).read(kind, id)
    }

    fn read_back(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        (**self).read_back(kind, id)
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        (**self).read_range(kind, id, range)
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        (**self).put(kind, id, parts)
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        (**self).remove(kind, id)
    }

    fn sweep(&self) -> Result<u64, StoreError> {
        (**self).sweep()
    }
}
