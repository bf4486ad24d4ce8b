//! Why a backup ends without a snapshot.

use std::io;

use holdfast_model::Cancelled;
use holdfast_repo::{IngestError, RepoError};
use holdfast_wire::ViolationClass;

use crate::Violation;
use crate::link::LinkError;
use crate::state::StateError;

/// Why there is no snapshot. The repository is as valid as before; what was stored is used by the next run.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The repository.
    #[error(transparent)]
    Repository(#[from] RepoError),
    /// The parent is another client's.
    #[error("snapshot {parent} is of {hostname}: a host may only be compared with its own snapshots")]
    ForeignParent {
        /// The snapshot.
        parent: String,
        /// Whose it is.
        hostname: String,
    },
    /// None of the paths was found on the client.
    #[error(
        "none of the paths to back up is there or can be reached, so nothing was stored: check how they are written"
    )]
    NothingFound,
    /// More entries in one directory than a server keeps.
    #[error("{0} has more entries than can be stored as one directory: leave it out with --exclude")]
    DirectoryTooLarge(String),
    /// Storing failed.
    #[error("the backup could not be stored")]
    Store(#[source] IngestError),
    /// The client, or the way to it.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What is remembered of the client.
    #[error(transparent)]
    State(#[from] StateError),
    /// A command on the client failed.
    #[error("the command on the client failed ({status}), so nothing was stored{}", said(.stderr))]
    Command {
        /// `exit status 1`, `killed by signal 9`.
        status: String,
        /// The end of what it wrote to its standard error.
        stderr: String,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] io::Error),
    /// It was interrupted.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<IngestError> for BackupError {
    fn from(error: IngestError) -> Self {
        match error {
            // Only what a stranger sent is hashed there.
            IngestError::HashMismatch { id } => {
                Violation::new(ViolationClass::Hash, format!("the bytes of chunk {id} are others")).into()
            }
            error => Self::Store(error),
        }
    }
}

impl From<Violation> for BackupError {
    fn from(violation: Violation) -> Self {
        Self::Link(violation.into())
    }
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; it said: {}", stderr.replace('\n', "; ")) }
}
