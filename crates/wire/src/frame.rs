//! Frames: how messages and data lie in the byte stream.
//!
//! A stream begins with [`PREFACE`]; then come frames: kind (1 byte), length of the payload (4 bytes, little-endian),
//! for compressed data its decoded length (4 bytes, little-endian), payload. A [`FrameHeader`] is within all bounds,
//! wherever it came from. What a payload means is not known here.

use std::fmt;

use crate::ViolationClass;
use crate::limits::{MAX_DATA, MAX_MESSAGE, MAX_NOISE};

/// The first bytes that each side sends. The line feed shows a terminal in between, which would change it.
pub const PREFACE: [u8; 8] = *b"HOLDFST\n";

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// One message.
    Message = 1,
    /// Bytes of chunks or blobs, as they are.
    Raw = 2,
    /// Bytes of chunks or blobs as one zstd frame.
    Zstd = 3,
}

/// What stands before a payload. Lengths are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    kind: FrameKind,
    payload_len: u32,
    decoded_len: u32,
}

/// Bytes that are no frame of this protocol, or a frame that must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The stream does not begin with the preface: whatever speaks there is no holdfast.
    #[error("instead of the first words of the other side came {noise}")]
    NotHoldfast {
        /// What came instead.
        noise: Noise,
    },
    /// No such kind of frame.
    #[error("a frame of the unknown kind {kind}")]
    UnknownKind {
        /// The kind's number.
        kind: u8,
    },
    /// A payload that is empty or over its bound.
    #[error("a frame ({kind:?}) of {len} bytes: 1 to {max} are allowed")]
    Length {
        /// What the frame carries.
        kind: FrameKind,
        /// Its length.
        len: u64,
        /// How long it may be.
        max: u64,
    },
    /// Compressed data that would decode to nothing, to too much, or to no more than it already is.
    #[error("compressed data of {len} bytes that says it decodes to {decoded}")]
    Expansion {
        /// Length as sent.
        len: u64,
        /// Length that it claims to have when decoded.
        decoded: u64,
    },
    /// The stream ended within a frame.
    #[error("the stream ended in the middle of a frame")]
    Truncated,
}

impl FrameError {
    /// The class under which to record it; `None` for what a broken connection or a talkative shell does, too.
    pub const fn class(&self) -> Option<ViolationClass> {
        match self {
            Self::UnknownKind { .. } | Self::Length { .. } => Some(ViolationClass::Protocol),
            Self::Expansion { .. } => Some(ViolationClass::Expansion),
            Self::NotHoldfast { .. } | Self::Truncated => None,
        }
    }
}

/// The first bytes of a stream that is not ours, at most [`MAX_NOISE`]; shown escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noise(Vec<u8>);

impl Noise {
    /// Keeps the first bytes of `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes[..bytes.len().min(MAX_NOISE)].to_vec())
    }

    /// The bytes as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            b"" => f.write_str("nothing"),
            bytes => write!(f, "\"{}\"", bytes.escape_ascii()),
        }
    }
}

impl FrameHeader {
    /// Bytes of the longest header.
    pub const MAX_LEN: usize = 9;

    /// The header of a message.
    pub fn message(len: usize) -> Result<Self, FrameError> {
        Self::checked(FrameKind::Message, len as u64, 0)
    }

    /// The header of data as it is.
    pub fn raw(len: usize) -> Result<Self, FrameError> {
        Self::checked(FrameKind::Raw, len as u64, 0)
    }

    /// The header of compressed data.
    pub fn zstd(len: usize, decoded_len: usize) -> Result<Self, FrameError> {
        Self::checked(FrameKind::Zstd, len as u64, decoded_len as u64)
    }

    fn checked(kind: FrameKind, len: u64, decoded: u64) -> Result<Self, FrameError> {
        check_len(kind, len)?;
        // Compressed data is always shorter than what it decodes to: otherwise it must be sent as it is.
        if matches!(kind, FrameKind::Zstd) && (decoded <= len || decoded > MAX_DATA as u64) {
            return Err(FrameError::Expansion { len, decoded });
        }
        Ok(Self { kind, payload_len: len as u32, decoded_len: decoded as u32 })
    }

    /// The header that `bytes` begin with; `None` if more bytes are needed to tell.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        let kind = match bytes.first() {
            None => return Ok(None),
            Some(1) => FrameKind::Message,
            Some(2) => FrameKind::Raw,
            Some(3) => FrameKind::Zstd,
            Some(&kind) => return Err(FrameError::UnknownKind { kind }),
        };
        let number = |at: usize| {
            let field = bytes.get(at..at + 4)?.first_chunk()?;
            Some(u64::from(u32::from_le_bytes(*field)))
        };
        let Some(len) = number(1) else { return Ok(None) };
        check_len(kind, len)?;
        match kind {
            FrameKind::Zstd => number(5).map(|decoded| Self::checked(kind, len, decoded)).transpose(),
            FrameKind::Message | FrameKind::Raw => Self::checked(kind, len, 0).map(Some),
        }
    }

    /// The header's bytes.
    pub fn encode(&self) -> EncodedHeader {
        let mut bytes = [0; Self::MAX_LEN];
        bytes[0] = self.kind as u8;
        bytes[1..5].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[5..9].copy_from_slice(&self.decoded_len.to_le_bytes());
        EncodedHeader { bytes, len: self.header_len() }
    }

    /// What the frame carries.
    pub const fn kind(&self) -> FrameKind {
        self.kind
    }

    /// Length of the header itself.
    pub const fn header_len(&self) -> usize {
        if matches!(self.kind, FrameKind::Zstd) { 9 } else { 5 }
    }

    /// Length of what follows the header.
    pub const fn payload_len(&self) -> usize {
        self.payload_len as usize
    }

    /// Length of the payload once it is decoded.
    pub const fn decoded_len(&self) -> usize {
        if matches!(self.kind, FrameKind::Zstd) { self.decoded_len as usize } else { self.payload_len as usize }
    }
}

fn check_len(kind: FrameKind, len: u64) -> Result<(), FrameError> {
    let max = match kind {
        FrameKind::Message => MAX_MESSAGE,
        FrameKind::Raw | FrameKind::Zstd => MAX_DATA,
    } as u64;
    if len == 0 || len > max { Err(FrameError::Length { kind, len, max }) } else { Ok(()) }
}

/// A header as it stands in the stream.
#[derive(Debug, Clone, Copy)]
pub struct EncodedHeader {
    bytes: [u8; FrameHeader::MAX_LEN],
    len: usize,
}

impl std::ops::Deref for EncodedHeader {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests;
