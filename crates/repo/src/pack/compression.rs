//! How much effort goes into compressing, and the quick look that tells data which does not compress.
//!
//! Invariant: the look costs a few microseconds for a blob of any size, and errs towards compressing.

use std::fmt;
use std::str::FromStr;

use zstd::bulk::Compressor;

/// The effort that compressing a data blob is worth. Trees are always compressed: they compress well, and restic's
/// prune would rewrite them otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// zstd level 3 where a quick look says that the data compresses; stored as it is elsewhere.
    #[default]
    Auto,
    /// Stored as it is.
    Off,
    /// zstd level 1.
    Fast,
    /// zstd level 15: about what restic calls `max`.
    Best,
    /// This zstd level.
    Level(CompressionLevel),
}

/// A level of zstd, 1 to 22.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompressionLevel(u8);

impl CompressionLevel {
    /// The level, `None` outside 1 to 22.
    pub fn new(level: u8) -> Option<Self> {
        (1..=22).contains(&level).then_some(Self(level))
    }
}

/// A text that names no effort.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no compression: use auto, off, fast, best or a level from 1 to 22")]
pub struct ParseCompressionError {
    text: String,
}

impl FromStr for Compression {
    type Err = ParseCompressionError;

    fn from_str(text: &str) -> Result<Self, ParseCompressionError> {
        let level = || text.parse().ok().and_then(CompressionLevel::new).map(Self::Level);
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            "fast" | "fastest" => Ok(Self::Fast),
            "best" | "max" => Ok(Self::Best),
            _ => level().ok_or_else(|| ParseCompressionError { text: text.chars().take(40).collect() }),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::Fast => f.write_str("fast"),
            Self::Best => f.write_str("best"),
            Self::Level(CompressionLevel(level)) => write!(f, "{level}"),
        }
    }
}

impl Compression {
    /// The zstd level of what is compressed.
    pub(super) fn level(self) -> i32 {
        match self {
            Self::Auto | Self::Off => 3,
            Self::Fast => 1,
            Self::Best => 15,
            Self::Level(CompressionLevel(level)) => level.into(),
        }
    }
}

/// Blobs below this are compressed without looking: the look would cost as much.
const LOOK_FROM: usize = 16 << 10;
/// Places at which the look counts bytes.
const WINDOWS: usize = 16;
/// How many bytes it counts at each.
const WINDOW: usize = 256;
/// After so many of them, spread over all of the data, most of what compresses has shown it.
const FIRST_WINDOWS: usize = 4;
/// The piece that is compressed for a try where counting bytes tells nothing.
const PIECE: usize = 32 << 10;

/// Whether data compresses, by a sample: first by how evenly byte values are spread, which tells text, code and tables
/// at once; then, where they are spread as evenly as in random data, by compressing a piece from the middle.
pub(super) fn looks_compressible(data: &[u8], quick: &mut Compressor<'_>, scratch: &mut Vec<u8>) -> bool {
    if data.len() < LOOK_FROM {
        return true;
    }
    let mut counts = [0u32; 256];
    let step = (data.len() - WINDOW) / (WINDOWS - 1);
    for looked in 0..WINDOWS {
        let window = looked % FIRST_WINDOWS * (WINDOWS / FIRST_WINDOWS) + looked / FIRST_WINDOWS;
        for byte in &data[window * step..][..WINDOW] {
            counts[usize::from(*byte)] += 1;
        }
        if looked + 1 == FIRST_WINDOWS && unevenness(&counts) > 1.5 {
            return true;
        }
    }
    if unevenness(&counts) > 1.15 {
        return true;
    }
    let piece = &data[(data.len() - PIECE.min(data.len())) / 2..][..PIECE.min(data.len())];
    scratch.clear();
    scratch.reserve(zstd::zstd_safe::compress_bound(piece.len()));
    quick.compress_to_buffer(piece, scratch).is_ok_and(|length| length + piece.len() / 50 < piece.len())
}

/// How many pairs of equal bytes there are among all pairs, times 256: 1 in random data, within a few percent for a thousand
/// bytes and more.
fn unevenness(counts: &[u32; 256]) -> f64 {
    let (mut bytes, mut equal) = (0, 0);
    for &n in counts {
        bytes += u64::from(n);
        equal += u64::from(n) * u64::from(n.saturating_sub(1));
    }
    256.0 * equal as f64 / (bytes * bytes.saturating_sub(1)).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(length: usize) -> Vec<u8> {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    fn looks(data: &[u8]) -> bool {
        looks_compressible(data, &mut Compressor::new(1).unwrap(), &mut Vec::new())
    }

    #[test]
    fn random_data_is_told_from_what_compresses() {
        for length in [LOOK_FROM, 100_000, 1 << 20, 8 << 20] {
            assert!(!looks(&random(length)), "{length}");
            assert!(looks(&b"fn main() { println!(); }\n".repeat(length / 26 + 1)[..length]), "{length}");
            assert!(looks(&vec![0; length]), "{length}");
        }
        // Evenly spread byte values that repeat.
        assert!(looks(&random(4096).repeat(64)));
    }

    #[test]
    fn efforts_are_read_as_they_are_written() {
        for text in ["auto", "off", "fast", "best", "1", "22"] {
            assert_eq!(text.parse::<Compression>().unwrap().to_string(), text);
        }
        assert_eq!("max".parse::<Compression>().unwrap(), Compression::Best);
        for text in ["", "0", "23", "-1", "Auto"] {
            assert!(text.parse::<Compression>().is_err());
        }
    }
}
