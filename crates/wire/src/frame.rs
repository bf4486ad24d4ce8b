//! Frames: how messages and chunk bytes share one byte stream.
//!
//! The stream begins with [`PREFACE`], which no shell's greeting begins with. Then come frames: a kind (one byte), the
//! length of the payload (`u32`, little-endian), for compressed data its decoded length (`u32`), and the payload.
//! Every length is checked against its bound before anything is allocated.

use crate::limits::{MAX_DATA, MAX_MESSAGE};

/// The first bytes of each direction.
pub const PREFACE: [u8; 8] = *b"HOLDFAST";

/// Bytes of the longest header.
pub const MAX_HEADER: usize = 9;

/// Compressed data may be a little longer than what it decodes to.
const MAX_COMPRESSED: usize = MAX_DATA + (MAX_DATA >> 8) + 64;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// One encoded message.
    Message,
    /// Bytes of chunks or blobs, as they are.
    Data,
    /// Bytes of chunks as one zstd frame.
    Compressed {
        /// Bytes that it decodes to.
        decoded: usize,
    },
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    /// What it carries.
    pub kind: FrameKind,
    /// Bytes of the payload.
    pub len: usize,
}

/// Bytes that are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A kind that this version does not know.
    #[error("a frame of the unknown kind {0}")]
    Kind(u8),
    /// A payload over its bound, or an empty one.
    #[error("a frame of {len} bytes where 1 to {max} are allowed")]
    Length {
        /// What the header says.
        len: usize,
        /// What it may say.
        max: usize,
    },
}

impl FrameHeader {
    /// Reads a header from the front of `bytes`, and how long it is; `None` if more bytes are needed.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, FrameError> {
        let Some(number) = bytes.first().copied() else { return Ok(None) };
        if number > 2 {
            return Err(FrameError::Kind(number));
        }
        let word = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
        let Some(len) = word(1) else { return Ok(None) };
        let (kind, max, header) = match number {
            0 => (FrameKind::Message, MAX_MESSAGE, 5),
            1 => (FrameKind::Data, MAX_DATA, 5),
            _ => {
                let Some(decoded) = word(5) else { return Ok(None) };
                check(decoded, MAX_DATA)?;
                (FrameKind::Compressed { decoded }, MAX_COMPRESSED, 9)
            }
        };
        check(len, max)?;
        Ok(Some((Self { kind, len }, header)))
    }

    /// Appends the header's bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (number, decoded) = match self.kind {
            FrameKind::Message => (0, None),
            FrameKind::Data => (1, None),
            FrameKind::Compressed { decoded } => (2, Some(decoded)),
        };
        out.push(number);
        out.extend_from_slice(&(self.len as u32).to_le_bytes());
        out.extend(decoded.into_iter().flat_map(|decoded| (decoded as u32).to_le_bytes()));
    }
}

fn check(len: usize, max: usize) -> Result<(), FrameError> {
    if (1..=max).contains(&len) { Ok(()) } else { Err(FrameError::Length { len, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_once_all_of_it_is_there() {
        for header in [
            FrameHeader { kind: FrameKind::Message, len: 1 },
            FrameHeader { kind: FrameKind::Data, len: MAX_DATA },
            FrameHeader { kind: FrameKind::Compressed { decoded: 77 }, len: 20 },
        ] {
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            for cut in 0..bytes.len() {
                assert_eq!(FrameHeader::parse(&bytes[..cut]), Ok(None));
            }
            assert_eq!(FrameHeader::parse(&bytes), Ok(Some((header, bytes.len()))));
        }
    }

    #[test]
    fn lengths_beyond_their_bounds_and_unknown_kinds_are_refused() {
        assert_eq!(FrameHeader::parse(&[3]), Err(FrameError::Kind(3)));
        for bytes in [[0, 0, 0, 0, 0], [0, 0xff, 0xff, 0xff, 0xff], [1, 1, 0, 16, 0]] {
            assert!(matches!(FrameHeader::parse(&bytes), Err(FrameError::Length { .. })), "{bytes:?}");
        }
        let bomb = [2, 10, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f];
        assert!(matches!(FrameHeader::parse(&bomb), Err(FrameError::Length { .. })));
    }
}
