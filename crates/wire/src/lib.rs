//! What agent and server say to each other: messages, frames, bounds and versions.
//!
//! A conversation is one byte stream each way: a preface, then frames. The agent says [`FromAgent::Hello`] first; the
//! server answers with [`ToAgent::Welcome`] and one job. A backup job has no verb that reads stored data.
//! Everything that comes from the other side passes every bound before it is allocated or believed. Nothing here opens
//! files or sockets: [`FrameReader`] and [`FrameWriter`] work on any stream, the rest on bytes alone.
//! `docs/protocol.md` is the description for readers of other languages; `golden/` holds the bytes of every message.

mod backup;
mod bits;
mod codec;
mod data;
mod decoder;
mod digest;
mod entry;
mod frame;
mod hello;
pub mod limits;
mod message;
mod name;
mod reader;
mod restore;
mod violation;
mod writer;

pub use backup::{BackupJob, ChunkRef, ChunkerSpec, CommandEnd, CommandJob, DirEntries, FileEnd, FileOutcome, Filter};
pub use bits::Bits;
pub use codec::{EncodeError, Message, decode, encode, encode_onto, encoded_len};
pub use data::{Compressor, DataError, Decompressor};
pub use decoder::{Frame, FrameDecoder};
pub use digest::DirDigest;
pub use entry::{Entry, EntryKind, Xattr};
pub use frame::{EncodedHeader, FrameError, FrameHeader, FrameKind, Noise, PREFACE};
pub use hello::{AgentHello, NoCommonVersion, Version};
pub use message::{FromAgent, NOT_THERE, ToAgent};
pub use name::{check_absolute_path, check_name, check_relative_path};
pub use reader::{FrameReader, ReadError};
pub use restore::{BlobHeader, BlobTarget, Need, Overwrite, RestoreJob, RestoreNode, RestoreOutcome, RestoredNode};
pub use violation::{NameFault, PathFault, Violation, ViolationClass};
pub use writer::{FrameWriter, WriteError};
