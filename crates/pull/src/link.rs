//! The server's end of a conversation with an agent, whatever carries it.
//!
//! [`local`](LocalLink) is an agent in this very process, for sources of this machine; [`remote`](RemoteLink) is one
//! at the far end of a puller's ring. What comes from a remote link is hostile until checked.

mod assembly;
mod ending;
mod intake;
mod local;
mod rate;
mod remote;
#[cfg(test)]
pub(crate) mod scripted;

use std::time::Duration;

use bytes::Bytes;
use holdfast_handover::HandoverError;
use holdfast_wire::{BlobHeader, EncodeError, FromAgent, ToAgent};

use crate::Violation;
use crate::ssh::SshFailure;

pub use local::LocalLink;
pub use rate::Rate;
pub use remote::{Remote, RemoteLink};

/// Who finds nothing looks again after so long before it lets itself be woken. With many small files each message would
/// else wake a thread that goes back to sleep at once, which costs more than handling it.
const NAP: Duration = Duration::from_micros(100);

/// What arrives from an agent.
#[derive(Debug)]
pub enum Up {
    /// A message.
    Message(FromAgent),
    /// The bytes of the next chunk that was asked for.
    Chunk(Vec<u8>),
}

/// Why nothing arrives any more.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The agent ended, or the connection did.
    #[error("the agent ended before its work was done")]
    Closed,
    /// `ssh` failed.
    #[error("{said}")]
    Ssh {
        /// Why.
        failure: SshFailure,
        /// What it said, and what to do.
        said: String,
    },
    /// The agent, or what should have started it, ended with words on its standard error.
    #[error("the agent on {host} ended before its work was done; it said: {said}")]
    Remote {
        /// The host.
        host: String,
        /// The words.
        said: String,
    },
    /// `ssh` ended well or badly, but nobody has said why.
    #[error(
        "ssh to {host} ended before the work was done ({status}); run it again, and see what 'ssh {host} true' says"
    )]
    Ended {
        /// The host.
        host: String,
        /// How `ssh` ended.
        status: std::process::ExitStatus,
    },
    /// A message of ours is too long or wrong.
    #[error("the session cannot go on")]
    Encode(#[source] EncodeError),
    /// The system refuses what this process needs to talk to the puller.
    #[error("the session cannot go on")]
    Handover(#[source] HandoverError),
    /// The system does not let the puller be confined: it has read nothing.
    #[error("nothing was read from the host, for the process that does that could not be confined: {0}")]
    Unconfined(String),
    /// The puller is gone although the session was not over.
    #[error("the process that reads what the host sends has died ({0})")]
    PullerDied(std::process::ExitStatus),
    /// What came is no agent's preamble.
    #[error("the host did not start the agent; it said: {0}")]
    NotAnAgent(String),
    /// The client's shell could not start an agent.
    #[error("the host cannot run the agent: {0}")]
    CannotRun(String),
    /// The agent said that it can't do the job.
    #[error("the agent refuses: {0}")]
    Refused(String),
    /// The other side broke a rule of the protocol.
    #[error("the client broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// No version in common.
    #[error(transparent)]
    Version(holdfast_wire::NoCommonVersion),
}

impl From<holdfast_wire::Violation> for LinkError {
    fn from(violation: holdfast_wire::Violation) -> Self {
        Self::Violation(violation.into())
    }
}

/// Whether chunk bytes are what their id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Hashed in this process: the id is true.
    Own,
    /// Hashed by a stranger: to be hashed again.
    Stranger,
}

/// Carries one conversation.
pub trait ClientLink {
    /// The next thing from the agent, waiting for it.
    fn recv(&mut self) -> Result<Up, LinkError>;

    /// The next thing from the agent, waiting for it no longer than that.
    fn recv_within(&mut self, _: Duration) -> Result<Option<Up>, LinkError> {
        self.recv().map(Some)
    }

    /// The next thing from the agent if it is at hand or comes in a moment; `None` says that it is time to answer.
    fn recv_soon(&mut self) -> Result<Option<Up>, LinkError> {
        Ok(None)
    }

    /// Announces that the agent was asked for a chunk of so many bytes: they are due in this order.
    fn expect_chunk(&mut self, len: u32);

    /// Sends a message. Blocks while the agent has no room.
    fn send(&mut self, message: ToAgent) -> Result<(), LinkError>;

    /// Sends blobs of a restore, each with its announcement.
    fn send_blobs(&mut self, blobs: Vec<(BlobHeader, Bytes)>) -> Result<(), LinkError>;

    /// Whether chunks must be hashed again: they are a stranger's.
    fn trust(&self) -> Trust;

    /// Bytes of messages and chunks that the agent may send before it is granted more; `None` for no limit.
    fn credit(&self) -> Option<u64>;

    /// Bytes of messages that came since the last call: they count against the credit.
    fn take_message_bytes(&mut self) -> u64;

    /// Bytes of chunks that came since the last call, though they may be a part of one.
    fn take_data_bytes(&mut self) -> u64 {
        0
    }

    /// Waits for the agent, told to finish, to be gone; says how many bytes the connection has carried.
    fn finish(&mut self) -> Traffic;
}

/// Bytes on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// From the client.
    pub received: u64,
    /// To the client.
    pub sent: u64,
}
