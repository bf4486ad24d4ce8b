//! The agent's end of the conversation, whatever carries it: framed standard streams, or queues within one process.

use bytes::Bytes;
use holdfast_wire::{BlobHeader, FromAgent, ToAgent};

/// The other side is gone; whatever the agent was doing has lost its purpose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the connection to the server is closed")]
pub struct LinkClosed;

/// Where the agent sends. Shared by its threads; calls block while the other side has no room.
///
/// Messages and chunks arrive in the order of the calls.
pub trait Uplink: Send + Sync {
    /// Sends one message.
    fn message(&self, message: FromAgent) -> Result<(), LinkClosed>;

    /// Sends the bytes of the next wanted chunk.
    fn chunk(&self, bytes: Vec<u8>) -> Result<(), LinkClosed>;

    /// Whether the bytes of chunks are compressed on their way. A link within one process has no use for it.
    fn set_compression(&self, on: bool) {
        let _ = on;
    }
}

/// What arrives from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Down {
    /// A message.
    Message(ToAgent),
    /// The stored bytes of the blob that was announced last.
    Blob(Vec<u8>),
    /// Several blobs at once, each with its announcement: from a server in the same process, for which handing over each
    /// small file on its own would cost as much as writing it.
    Blobs(Vec<(BlobHeader, Bytes)>),
}

/// Where the agent receives. One thread owns it.
pub trait Downlink: Send {
    /// The next thing from the server, waiting for it.
    fn next(&mut self) -> Result<Down, LinkClosed>;
}
