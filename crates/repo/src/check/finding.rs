//! What a check can find.

use holdfast_model::{BlobId, IndexId, PackId, SnapshotId, TreeId};

use holdfast_model::Id;
use holdfast_store::{Copied, FileKind};

use crate::error::RepoError;
use crate::pack::DecodeError;
use crate::tree::NodeError;

/// One thing that is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// A snapshot file is damaged.
    #[error("{source}")]
    Snapshot {
        /// The snapshot.
        id: SnapshotId,
        /// How.
        #[source]
        source: RepoError,
    },
    /// An index file is damaged.
    #[error("{source}")]
    Index {
        /// The file.
        id: IndexId,
        /// How.
        #[source]
        source: RepoError,
    },
    /// The index names a pack that is not there.
    #[error("pack {pack} is missing")]
    PackMissing {
        /// The pack.
        pack: PackId,
    },
    /// A pack is longer or shorter than its blobs and header.
    #[error("pack {pack} has {actual} bytes and should have {expected}")]
    PackSize {
        /// The pack.
        pack: PackId,
        /// Bytes by the index.
        expected: u64,
        /// Bytes by the storage.
        actual: u64,
    },
    /// Index files say different things about a pack.
    #[error("index files disagree about pack {pack}; make the index anew with `restic repair index`")]
    PackDisputed {
        /// The pack.
        pack: PackId,
    },
    /// Several index files name a pack. Nothing is wrong with it.
    #[error("pack {pack} is named by {files} index files; the next prune puts that in order")]
    PackRepeated {
        /// The pack.
        pack: PackId,
        /// How many.
        files: usize,
    },
    /// A pack has both data and trees, as some old versions of restic wrote them. Nothing is wrong with it.
    #[error("pack {pack} mixes data and trees; the next prune puts that in order")]
    PackMixed {
        /// The pack.
        pack: PackId,
    },
    /// No index file names a pack: the rest of an interrupted backup, or of another one that is running.
    #[error("pack {pack} is in no index; the next prune removes it")]
    PackUnindexed {
        /// The pack.
        pack: PackId,
        /// Its bytes.
        size: u64,
    },
    /// The content of a pack is damaged.
    #[error("pack {pack} is damaged")]
    PackData {
        /// The pack.
        pack: PackId,
        /// How.
        #[source]
        source: PackFault,
    },
    /// A pack was damaged when it was read, and was not when it was read again.
    #[error("pack {pack} was read wrongly at first; look at the storage, its connection and the memory")]
    PackUnsteady {
        /// The pack.
        pack: PackId,
        /// How it looked at first.
        #[source]
        source: PackFault,
    },
    /// A tree that a snapshot needs can't be read.
    #[error("tree {tree} can't be read")]
    Tree {
        /// The tree.
        tree: TreeId,
        /// Why.
        #[source]
        source: RepoError,
    },
    /// A node of a tree is wrong.
    #[error("tree {tree} has a node that is wrong")]
    Node {
        /// The tree.
        tree: TreeId,
        /// Which and how.
        #[source]
        source: NodeError,
    },
    /// The hot part that was named is not used.
    #[error("{reason}")]
    HotUnused {
        /// Why.
        reason: String,
    },
    /// A file has no copy in the hot part.
    #[error("{}/{id} has no copy in the hot part; `holdfast repair hot` makes it", .kind.folder())]
    HotMissing {
        /// The kind of file.
        kind: FileKind,
        /// The file.
        id: Id,
    },
    /// The copy of a file in the hot part is longer or shorter than the file.
    #[error(
        "the copy of {}/{} in the hot part has {copy} bytes and should have {}; `holdfast repair hot` makes it anew",
        .kind.folder(), .file.id, .file.size
    )]
    HotSize {
        /// The kind of file.
        kind: FileKind,
        /// The file.
        file: Copied,
        /// Bytes of the copy.
        copy: u64,
    },
    /// The copy of a pack in the hot part is damaged.
    #[error("the copy of pack {pack} in the hot part is damaged; `holdfast repair hot` makes it anew")]
    HotData {
        /// The pack.
        pack: PackId,
    },
    /// The hot part has copies of files that are gone: the rest of an interrupted run, or of a prune by another program.
    #[error("the hot part has {count} copies in {} whose files are gone; the next prune deletes them", .kind.folder())]
    HotLeftOver {
        /// The kind of file.
        kind: FileKind,
        /// How many.
        count: usize,
    },
    /// A blob of a file is not in the index.
    #[error("the file \"{name}\" in tree {tree} needs the blob {blob}, which is missing")]
    MissingBlob {
        /// The tree.
        tree: TreeId,
        /// The file's name.
        name: String,
        /// The blob.
        blob: BlobId,
    },
}

/// What is wrong with the content of a pack.
#[derive(Debug, thiserror::Error)]
pub enum PackFault {
    /// The storage did not give it.
    #[error("it can't be read")]
    Read(#[source] RepoError),
    /// The bytes don't hash to the name.
    #[error("its content does not match its name")]
    Hash,
    /// The header can't be read.
    #[error("its header can't be read: {reason}")]
    Header {
        /// Why.
        reason: String,
    },
    /// A blob is not what it should be.
    #[error("its blob {id} is damaged")]
    Blob {
        /// The blob.
        id: BlobId,
        /// How.
        #[source]
        source: DecodeError,
    },
    /// The header lists a blob that the index lists elsewhere or not at all.
    #[error("its header lists the blob {id}, and the index does not list it there")]
    NotIndexed {
        /// The blob.
        id: BlobId,
    },
    /// The index lists blobs that the header does not.
    #[error("its header lists {listed} blobs, and the index {indexed}")]
    Count {
        /// By the header.
        listed: u64,
        /// By the index.
        indexed: u64,
    },
}

impl Finding {
    /// Whether something is lost or damaged; if not, it is only untidy.
    pub fn is_error(&self) -> bool {
        !matches!(self, Self::PackRepeated { .. } | Self::PackMixed { .. } | Self::PackUnindexed { .. })
            && !matches!(self, Self::HotLeftOver { .. })
            && !self.is_mended_by_filling()
    }

    /// Whether filling the hot part mends it: nothing is lost then but a copy.
    pub fn is_mended_by_filling(&self) -> bool {
        matches!(self, Self::HotUnused { .. } | Self::HotMissing { .. } | Self::HotSize { .. } | Self::HotData { .. })
    }

    /// The pack that is damaged or missing, if it is one.
    pub fn broken_pack(&self) -> Option<PackId> {
        match self {
            Self::PackMissing { pack }
            | Self::PackSize { pack, .. }
            | Self::PackDisputed { pack }
            | Self::PackData { pack, .. } => Some(*pack),
            _ => None,
        }
    }
}
