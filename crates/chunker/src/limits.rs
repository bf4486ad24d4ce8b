//! How long chunks may be.
//!
//! Limits that exist are usable: a minimum that fills the hash window, sizes in order, an average that is a power of two.

/// Sizes of chunks in bytes. Only the last chunk of a stream may be shorter than the minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    min: usize,
    avg: usize,
    max: usize,
}

/// Sizes that no chunker can work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "chunk sizes of {min}, {avg} and {max} bytes cannot be used: the minimum must be at least 64, the average a power \
     of two from the minimum to the maximum, and the maximum below 4 GiB"
)]
pub struct LimitsError {
    min: usize,
    avg: usize,
    max: usize,
}

impl Limits {
    /// Both hashes look at this many bytes. No cut is looked for before the window is full.
    pub(crate) const WINDOW: usize = 64;

    /// restic's sizes: 512 KiB, 1 MiB, 8 MiB.
    pub const RESTIC: Self = Self { min: 512 << 10, avg: 1 << 20, max: 8 << 20 };

    /// Limits of the given sizes in bytes.
    pub fn new(min: usize, avg: usize, max: usize) -> Result<Self, LimitsError> {
        let ordered = Self::WINDOW <= min && min <= avg && avg <= max;
        if ordered && avg.is_power_of_two() && u32::try_from(max).is_ok() {
            Ok(Self { min, avg, max })
        } else {
            Err(LimitsError { min, avg, max })
        }
    }

    /// No chunk but the last is shorter.
    pub const fn min(&self) -> usize {
        self.min
    }

    /// The size aimed at. Real averages are somewhat above it, since no cut is looked for before the minimum.
    pub const fn avg(&self) -> usize {
        self.avg
    }

    /// No chunk is longer.
    pub const fn max(&self) -> usize {
        self.max
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::RESTIC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_cannot_work_are_refused() {
        for (min, avg, max) in [(63, 64, 128), (128, 64, 256), (64, 256, 128), (64, 100, 128), (64, 64, 1 << 32)] {
            assert!(Limits::new(min, avg, max).is_err(), "{min} {avg} {max}");
        }
        assert_eq!(Limits::new(512 << 10, 1 << 20, 8 << 20), Ok(Limits::default()));
    }
}
