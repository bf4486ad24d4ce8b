//! What agent and server say to each other: messages, frames, bounds and versions, without any input or output.
//!
//! A conversation is one byte stream each way. The agent says [`FromAgent::Hello`] first; the server answers
//! with [`ToAgent::Welcome`] and one job. A backup job has no verb that reads stored data.
//! `docs/protocol.md` is the description for readers of other languages; `golden/` holds the bytes of every message.

mod backup;
mod bits;
pub mod data;
mod digest;
mod entry;
pub mod frame;
mod hello;
pub mod limits;
mod message;
mod restore;
pub mod stream;

pub use backup::{BackupJob, ChunkRef, ChunkerSpec, CommandEnd, CommandJob, DirEntries, FileEnd, FileOutcome, Filter};
pub use bits::Bits;
pub use digest::DirDigest;
pub use entry::{Entry, EntryKind, Xattr};
pub use hello::{AgentHello, Version};
pub use message::{FromAgent, ToAgent};
pub use restore::{BlobHeader, BlobTarget, Need, Overwrite, RestoreJob, RestoreNode, RestoreOutcome, RestoredNode};
