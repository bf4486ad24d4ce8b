//! What can go wrong between the two processes.

use std::io;

/// Why nothing could be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The other process ended, and everything that it had sent was received.
    #[error("the other process has ended")]
    PeerGone,
    /// This side closed the handover: see [`Closer`](crate::Closer).
    #[error("the handover was closed")]
    Closed,
    /// Nothing came, or there was no room, until the deadline.
    #[error("the other process did nothing in time")]
    TimedOut,
    /// The other process put a position into the shared memory that can't be.
    #[error("the other process set its position to {theirs} where this one is at {ours}, in a ring of {capacity}")]
    Position {
        /// What it wrote, in words of 8 bytes since the beginning.
        theirs: u64,
        /// Where this side is.
        ours: u64,
        /// How many words the ring has.
        capacity: u64,
    },
    /// The other process put a record into the shared memory that can't be.
    #[error("the other process sent a record of kind {kind} and {len} bytes: {fault}")]
    Record {
        /// The kind's number.
        kind: u8,
        /// The length that it says it has.
        len: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// This side was to send a record that is too long or empty; it was not sent.
    #[error("a record of {len} bytes was not sent: 1 to {max} are allowed")]
    Length {
        /// Its length in bytes.
        len: usize,
        /// How long it may be.
        max: usize,
    },
    /// The file descriptors are not those of a handover.
    #[error("the given file descriptors are no handover: {fault}")]
    NotAHandover {
        /// What is wrong with them.
        fault: &'static str,
    },
    /// The system refused.
    #[error("{call} failed")]
    System {
        /// Which call.
        call: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What an error means for whoever meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The other process has ended.
    PeerGone,
    /// This side closed it.
    Closed,
    /// The deadline has passed; it may be tried again.
    TimedOut,
    /// The other process broke the rules: end the session and record it.
    Violation,
    /// This side made a mistake, or the system refused.
    Failed,
}

impl HandoverError {
    /// What it means for whoever meets it.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::PeerGone => ErrorKind::PeerGone,
            Self::Closed => ErrorKind::Closed,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Position { .. } | Self::Record { .. } => ErrorKind::Violation,
            Self::Length { .. } | Self::NotAHandover { .. } | Self::System { .. } => ErrorKind::Failed,
        }
    }

    pub(crate) fn system(call: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::System { call, source: errno.into() }
    }
}
