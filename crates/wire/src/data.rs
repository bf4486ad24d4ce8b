//! Compressed data frames: zstd, fast, bounded, without dictionaries.

use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{DParameter, get_frame_content_size};

/// Windows beyond 8 MiB are never needed for frames of 1 MiB.
const MAX_WINDOW_LOG: u32 = 23;
/// zstd's fastest ordinary level: the frames exist to relieve a slow link, not to save space.
const LEVEL: i32 = 1;

/// Data that does not decode to what was declared.
#[derive(Debug, thiserror::Error)]
#[error("a data frame does not decode to the {declared} bytes that it declares")]
pub struct ExpansionError {
    declared: usize,
    #[source]
    source: Option<io::Error>,
}

/// Compresses data frames, with one context for all of them.
pub struct DataEncoder(Compressor<'static>);

/// Decodes data frames, with one context for all of them.
pub struct DataDecoder(Decompressor<'static>);

impl DataEncoder {
    /// A fresh context.
    pub fn new() -> io::Result<Self> {
        Compressor::new(LEVEL).map(Self)
    }

    /// The compressed bytes, if they are fewer by an eighth at least.
    pub fn encode(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let compressed = self.0.compress(bytes).ok()?;
        (compressed.len() <= bytes.len() - bytes.len() / 8).then_some(compressed)
    }
}

impl DataDecoder {
    /// A fresh context.
    pub fn new() -> io::Result<Self> {
        let mut decompressor = Decompressor::new()?;
        decompressor.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        Ok(Self(decompressor))
    }

    /// Decodes one frame into exactly `declared` bytes. The caller has bounded that.
    pub fn decode(&mut self, bytes: &[u8], declared: usize) -> Result<Vec<u8>, ExpansionError> {
        let error = |source| ExpansionError { declared, source };
        // One frame and nothing behind it, so that nothing is decoded that was not declared.
        let whole = zstd::zstd_safe::find_frame_compressed_size(bytes).is_ok_and(|len| len == bytes.len());
        let honest = !matches!(get_frame_content_size(bytes), Ok(Some(size)) if size != declared as u64);
        if !whole || !honest {
            return Err(error(None));
        }
        let decoded = self.0.decompress(bytes, declared).map_err(|source| error(Some(source)))?;
        if decoded.len() == declared { Ok(decoded) } else { Err(error(None)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_that_compresses_comes_back_and_other_data_is_left_alone() {
        let (mut encoder, mut decoder) = (DataEncoder::new().unwrap(), DataDecoder::new().unwrap());
        let text = b"so much alike, ".repeat(1000);
        let compressed = encoder.encode(&text).unwrap();
        assert_eq!(decoder.decode(&compressed, text.len()).unwrap(), text);
        let noise: Vec<u8> = (0..4096u32).flat_map(|n| holdfast_chunker::sha256(&n.to_le_bytes())).collect();
        assert_eq!(encoder.encode(&noise), None);
    }

    #[test]
    fn a_frame_decodes_to_what_it_declares_or_not_at_all() {
        let (mut encoder, mut decoder) = (DataEncoder::new().unwrap(), DataDecoder::new().unwrap());
        let bomb = encoder.encode(&vec![0; 1 << 20]).unwrap();
        for declared in [1, 100, (1 << 20) - 1, (1 << 20) + 1] {
            assert!(decoder.decode(&bomb, declared).is_err(), "{declared}");
        }
        let mut trailing = bomb.clone();
        trailing.push(0);
        assert!(decoder.decode(&trailing, 1 << 20).is_err());
        assert!(decoder.decode(&bomb[..bomb.len() - 1], 1 << 20).is_err());
        assert!(decoder.decode(b"not zstd at all", 10).is_err());
        assert!(decoder.decode(&[bomb.clone(), bomb].concat(), 2 << 20).is_err());
    }
}
