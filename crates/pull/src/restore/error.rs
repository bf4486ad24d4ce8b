//! Why a restore ends early.

use holdfast_model::Cancelled;
use holdfast_repo::{ReadError, RepoError};

use crate::Violation;
use crate::link::LinkError;

/// Why a restore ended before all was written. What was restored stays; another run completes it.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The repository can't be read.
    #[error("the repository cannot be read")]
    Repository(#[from] RepoError),
    /// A tree can't be read.
    #[error("a directory of the snapshot cannot be read")]
    Read(#[from] ReadError),
    /// The agent is gone, refuses or broke the protocol.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The agent has forgotten some.
    #[error("the agent did not say what became of {missing} of the entries: run the restore again, with --verify")]
    Untold {
        /// How many.
        missing: u64,
    },
    /// Files are lost, and not one is not.
    #[error("nothing could be restored: the repository does not give the content of any of {lost} entries")]
    NothingLeft {
        /// How many there are.
        lost: u64,
        /// What went wrong first.
        #[source]
        source: Option<Box<ReadError>>,
    },
    /// It was interrupted.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl RestoreError {
    /// Whether something of the repository is damaged or missing: not, as far as is known, if its storage does not answer.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Read(error) => error.kind().is_damage(),
            Self::Repository(error) => error.kind().is_damage(),
            _ => false,
        }
    }
}

impl From<Violation> for RestoreError {
    fn from(violation: Violation) -> Self {
        Self::Link(violation.into())
    }
}
