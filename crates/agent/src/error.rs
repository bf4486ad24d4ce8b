//! What ends a session before its job is done. What goes wrong with one file is no error here: it is reported to the
//! server, and the work goes on.

use std::sync::Arc;

use crate::LinkClosed;
use crate::restore::RestoreError;

/// Why the agent stopped.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AgentError {
    /// The server is gone, or its end of the link is.
    #[error(transparent)]
    LinkClosed(#[from] LinkClosed),
    /// The agent refused the job; the server has been told the same.
    #[error("{message}")]
    Refused {
        /// Why, and what to do.
        message: String,
    },
    /// The server said something that has no meaning at this point.
    #[error("the server broke the protocol: {what}; both sides must be of matching releases")]
    Protocol {
        /// What it said.
        what: String,
    },
    /// A restore ended early; the server has been told why.
    #[error(transparent)]
    Restore(#[from] Arc<RestoreError>),
    /// The agent itself is wrong somewhere; the place is on its standard error.
    #[error("the agent failed within its {part}: this is a bug in Holdfast")]
    Internal {
        /// Which thread.
        part: String,
    },
}
