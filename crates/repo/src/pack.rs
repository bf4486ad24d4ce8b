//! Pack files: blobs one behind the other, an encrypted header that lists them, and the header's length.
//!
//! Invariant: what is written here can be listed from its own header alone, and one pack holds blobs of one kind only.
//! The format is restic's (its design document, "Pack Format"). Which index names a pack is not known here.

mod compression;
mod decode;
mod encode;
mod header;
mod list;
mod writer;

use std::fmt;

pub use self::compression::{Compression, CompressionLevel, ParseCompressionError};
pub use self::decode::DecodeError;
pub(crate) use self::decode::{BlobDecoder, ThreadDecoder};
pub use self::encode::EncodeFault;
pub(crate) use self::encode::{BlobEncoder, Sealed};
pub(crate) use self::header::plain_length;
pub use self::header::{HeaderError, MAX_HEADER_ENTRIES, PackedBlob, decode_header, encode_header, header_length};
pub use self::list::{PackError, list_pack};
#[cfg(test)]
pub(crate) use self::writer::FinishedPack;
pub(crate) use self::writer::OpenPack;

/// What a blob holds. Data and trees never share a pack (restic's design document, "Pack Format").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobKind {
    /// A chunk of a file's content.
    Data,
    /// A directory, as JSON.
    Tree,
}

impl fmt::Display for BlobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Data => "data",
            Self::Tree => "tree",
        })
    }
}

/// Bytes that encryption adds to a blob, a header or a file: 16 of nonce in front, 16 of authenticator behind.
pub const SEAL_OVERHEAD: u32 = 32;

/// The largest plaintext of one blob that is written, in bytes. Restic's chunker ends at 8 MiB; a directory of
/// some millions of entries becomes a larger tree.
pub const MAX_PLAIN_LENGTH: u32 = 1 << 30;

/// The largest data blob that is written, in bytes: eight times the largest chunk that restic makes.
pub const MAX_DATA_LENGTH: u32 = 64 << 20;

#[cfg(test)]
mod tests;
