//! What a prune may do, as restic's options say it.

use std::str::FromStr;

use holdfast_model::{BlobId, Timestamp, parse_size};

/// How much space unused blobs may keep after a prune.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxUnused {
    /// This part of the repository's size afterwards, in percent, below 100.
    Percent(f64),
    /// This many bytes.
    Bytes(u64),
    /// Nothing is repacked for their sake.
    Unlimited,
}

impl MaxUnused {
    /// The bytes, when so many are used.
    pub(super) fn bytes(self, used: u64) -> u64 {
        match self {
            Self::Percent(percent) => (percent / (100.0 - percent) * used as f64) as u64,
            Self::Bytes(bytes) => bytes,
            Self::Unlimited => u64::MAX,
        }
    }
}

/// A text that is no limit of unused space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no limit: use `unlimited`, a percentage below 100 such as 5%, or a size such as 100M")]
pub struct ParseMaxUnusedError {
    text: String,
}

impl FromStr for MaxUnused {
    type Err = ParseMaxUnusedError;

    fn from_str(text: &str) -> Result<Self, ParseMaxUnusedError> {
        let text = text.trim();
        let percent = |number: &str| number.parse().ok().filter(|p| (0.0..100.0).contains(p)).map(Self::Percent);
        let parsed = match text.strip_suffix('%') {
            Some(number) => percent(number),
            None if text == "unlimited" => Some(Self::Unlimited),
            None => parse_size(text).ok().map(Self::Bytes),
        };
        parsed.ok_or_else(|| ParseMaxUnusedError { text: text.chars().take(40).collect() })
    }
}

/// What a prune may do. The default is restic's.
#[derive(Debug, Clone, PartialEq)]
pub struct PruneOptions {
    /// How much space unused blobs may keep.
    pub max_unused: MaxUnused,
    /// Most bytes of packs that are repacked.
    pub max_repack: u64,
    /// Packs below this many bytes are gathered into larger ones; by default those below four fifths of what is usual in
    /// the repository.
    pub repack_smaller_than: Option<u64>,
    /// Repack only packs of trees, which a cache keeps; if nothing is said, in a repository with a hot part: the other packs lie
    /// where they are not read without need.
    pub repack_cacheable_only: Option<bool>,
    /// Compress what is stored uncompressed.
    pub repack_uncompressed: bool,
    /// Whether everything may go. Otherwise a repository that lists no snapshot is left alone: a copy that was cut short
    /// looks the same.
    pub remove_all: bool,
}

impl Default for PruneOptions {
    fn default() -> Self {
        Self {
            max_unused: MaxUnused::Percent(5.0),
            max_repack: u64::MAX,
            repack_smaller_than: None,
            repack_cacheable_only: None,
            repack_uncompressed: false,
            remove_all: false,
        }
    }
}

/// Names blobs that no snapshot reaches yet and that must stay: what interrupted sessions had made durable.
pub trait Pins {
    /// The data blobs that are pinned at this time. An error stops the prune.
    fn pinned(&self, now: Timestamp) -> Result<Vec<BlobId>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Nothing is pinned.
impl Pins for () {
    fn pinned(&self, _: Timestamp) -> Result<Vec<BlobId>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_restic_reads_them() {
        for (text, limit) in [
            ("5%", MaxUnused::Percent(5.0)),
            ("0.5%", MaxUnused::Percent(0.5)),
            ("0%", MaxUnused::Percent(0.0)),
            ("unlimited", MaxUnused::Unlimited),
            ("0", MaxUnused::Bytes(0)),
            ("10k", MaxUnused::Bytes(10 << 10)),
            ("3G", MaxUnused::Bytes(3 << 30)),
        ] {
            assert_eq!(text.parse(), Ok(limit), "{text}");
        }
        for text in ["", "%", "100%", "-1%", "k", "1x", "99999999999t", "unlimitedd"] {
            assert!(text.parse::<MaxUnused>().is_err(), "{text}");
        }
        assert_eq!(MaxUnused::Percent(5.0).bytes(950), 50);
        assert_eq!(MaxUnused::Unlimited.bytes(0), u64::MAX);
    }
}
