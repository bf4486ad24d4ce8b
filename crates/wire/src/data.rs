//! Compression of data frames.
//!
//! A compressed frame is exactly one zstd frame (RFC 8878) that names its content size and uses no dictionary. It is
//! decoded at once into a buffer of the declared length: a stream that lies fails, and never costs more than that.
//! The rules are checked on the header before the decoder sees a byte.

use std::fmt;

use zstd::bulk;
use zstd::zstd_safe;

use crate::limits::MAX_DATA;

/// Fast enough never to be what a slow link waits for.
const LEVEL: i32 = 1;
/// The largest window a frame may ask for: what its content may have.
const MAX_WINDOW: u64 = MAX_DATA as u64;
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Compressed data that does not follow the rules, or does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// It does not begin with the header of a zstd frame.
    #[error("compressed data without a zstd header")]
    Header,
    /// It needs a dictionary, a larger window, or does not say its size.
    #[error("compressed data that asks for more than the protocol allows")]
    Options,
    /// It does not decode to the length that the frame declared.
    #[error("compressed data that does not decode to the declared {declared} bytes")]
    Length {
        /// The declared length in bytes.
        declared: usize,
    },
    /// Something follows the zstd frame.
    #[error("bytes after compressed data")]
    Trailing,
    /// The decoder found it damaged.
    #[error("compressed data that is damaged")]
    Damaged,
}

/// Compresses data frames, with one context for all.
pub struct Compressor {
    zstd: bulk::Compressor<'static>,
    output: Vec<u8>,
}

impl Compressor {
    /// A compressor for fast compression.
    #[expect(clippy::new_without_default, reason = "it allocates a context of some hundred KiB")]
    pub fn new() -> Self {
        let zstd = bulk::Compressor::new(LEVEL).expect("the level exists");
        Self { zstd, output: Vec::new() }
    }

    /// The data in compressed form; `None` if that saves less than a sixteenth: then it goes as it is.
    pub fn compress(&mut self, data: &[u8]) -> Option<&[u8]> {
        self.output.resize(data.len() - data.len() / 16, 0);
        match self.zstd.compress_to_buffer(data, &mut self.output[..]) {
            Ok(len) if len < data.len() => self.output.get(..len),
            // An output that is too small for the result is no other error than this one.
            _ => None,
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

/// Decodes data frames, with one context and one buffer for all.
pub struct Decompressor {
    zstd: bulk::Decompressor<'static>,
    output: Vec<u8>,
}

impl Decompressor {
    /// A decoder.
    #[expect(clippy::new_without_default, reason = "it allocates a context of some hundred KiB")]
    pub fn new() -> Self {
        let zstd = bulk::Decompressor::new().expect("without a dictionary, only memory can be missing");
        Self { zstd, output: Vec::new() }
    }

    /// What `bytes` decode to: exactly `decoded_len` bytes, at most [`MAX_DATA`].
    pub fn decompress(&mut self, bytes: &[u8], decoded_len: usize) -> Result<&[u8], DataError> {
        let declared = decoded_len;
        if content_size(bytes)? != declared as u64 || declared > MAX_DATA {
            return Err(DataError::Length { declared });
        }
        match zstd_safe::find_frame_compressed_size(bytes) {
            Ok(len) if len == bytes.len() => (),
            Ok(_) => return Err(DataError::Trailing),
            Err(_) => return Err(DataError::Damaged),
        }
        self.output.resize(declared, 0);
        match self.zstd.decompress_to_buffer(bytes, &mut self.output[..]) {
            Ok(len) if len == declared => Ok(&self.output),
            Ok(_) => Err(DataError::Length { declared }),
            Err(_) => Err(DataError::Damaged),
        }
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

/// The content size in a zstd frame's header, RFC 8878 section 3.1.1.1, if the header asks for nothing that is not
/// allowed.
fn content_size(bytes: &[u8]) -> Result<u64, DataError> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(DataError::Header)?;
    let (descriptor, rest) = rest.split_first().ok_or(DataError::Header)?;
    let single_segment = descriptor & 0x20 != 0;
    let (reserved, dictionary) = (descriptor & 0x08, descriptor & 0x03);
    if reserved != 0 || dictionary != 0 {
        return Err(DataError::Options);
    }
    let rest = if single_segment {
        rest
    } else {
        let (window, rest) = rest.split_first().ok_or(DataError::Header)?;
        let base = 1u64 << (10 + (window >> 3));
        if base + base / 8 * u64::from(window & 7) > MAX_WINDOW {
            return Err(DataError::Options);
        }
        rest
    };
    let field = |len: usize| {
        let mut number = [0; 8];
        number[..len].copy_from_slice(rest.get(..len).ok_or(DataError::Header)?);
        Ok(u64::from_le_bytes(number))
    };
    match (descriptor >> 6, single_segment) {
        (0, false) => Err(DataError::Options),
        (0, true) => field(1),
        (1, _) => field(2).map(|size| size + 256),
        (2, _) => field(4),
        _ => field(8),
    }
}

#[cfg(test)]
mod tests;
