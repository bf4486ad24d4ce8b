//! What ends an ingest session. Errors are shared: one failed pack strikes all sessions that have blobs in it.

use std::sync::Arc;

use holdfast_model::{BlobId, PackId};
use holdfast_store::StoreError;

use crate::error::{RepoError, RepoErrorKind};
use crate::pack::{EncodeFault, MAX_DATA_LENGTH};
use crate::tree_walk::WalkError;

/// Why a session cannot go on. What it had made durable stays, and no snapshot is written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IngestError {
    /// The bytes are not what they were announced to be: whoever sent them is broken or hostile.
    #[error("the content that was sent as blob {id} has another hash")]
    HashMismatch {
        /// The id that was claimed.
        id: BlobId,
    },
    /// More bytes than a blob may have.
    #[error("blob {id} of {length} bytes is too large: at most {MAX_DATA_LENGTH} are stored as one")]
    TooLarge {
        /// The blob.
        id: BlobId,
        /// Its length in bytes.
        length: usize,
    },
    /// The session has put more than it may.
    #[error("what was sent takes more room than the {allowed} bytes that were left of what is allowed")]
    Allowance {
        /// Bytes that it might take.
        allowed: u64,
    },
    /// A pack could not be written.
    #[error("cannot write pack {pack}")]
    Pack {
        /// The pack.
        pack: PackId,
        /// What the storage said.
        #[source]
        source: Arc<StoreError>,
    },
    /// The lock, the index or the snapshot.
    #[error(transparent)]
    Repository(Arc<RepoError>),
    /// A snapshot would reach what is not in the repository. It was not written.
    #[error("the snapshot would be incomplete, and was not written")]
    NotClosed {
        /// What is missing.
        #[source]
        source: Arc<WalkError>,
    },
    /// The machine made a mistake.
    #[error("nothing can be stored")]
    Encode {
        /// What was noticed.
        #[source]
        source: EncodeFault,
    },
    /// The session was ended by its owner.
    #[error("the session was abandoned")]
    Abandoned,
    /// A thread of the pipeline has panicked.
    #[error("a part of the program failed; this is a defect, please report it")]
    Defect,
}

impl IngestError {
    /// What the failure means for the caller.
    pub fn kind(&self) -> RepoErrorKind {
        match self {
            Self::Pack { source, .. } => RepoErrorKind::Storage(source.kind()),
            Self::Repository(source) => source.kind(),
            Self::NotClosed { source } => source.kind(),
            Self::Abandoned => RepoErrorKind::Cancelled,
            Self::HashMismatch { .. }
            | Self::TooLarge { .. }
            | Self::Allowance { .. }
            | Self::Encode { .. }
            | Self::Defect => RepoErrorKind::Refused,
        }
    }
}

impl From<EncodeFault> for IngestError {
    fn from(source: EncodeFault) -> Self {
        Self::Encode { source }
    }
}

impl From<RepoError> for IngestError {
    fn from(source: RepoError) -> Self {
        Self::Repository(Arc::new(source))
    }
}

impl From<WalkError> for IngestError {
    fn from(source: WalkError) -> Self {
        Self::NotClosed { source: Arc::new(source) }
    }
}
