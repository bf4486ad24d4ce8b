//! The gear table, and the loops over it.
//!
//! The table is as secret as its seed: whoever knows it can tell from the lengths of chunks what they hold.

use std::fmt;
use std::sync::Arc;

use crate::hash::Sha256;

/// The 256 random numbers of the gear hash. Clones share them.
#[derive(Clone)]
pub struct GearTable(Arc<Numbers>);

struct Numbers {
    one: [u64; 256],
    /// The same, shifted by one bit, for the first byte of two.
    two: [u64; 256],
}

impl GearTable {
    /// The table of a repository's secret: the number of byte `i` is the first 8 bytes, least significant first, of
    /// SHA-256("holdfast gear v1" ‖ seed ‖ i).
    pub fn new(seed: &[u8; 32]) -> Self {
        let one = std::array::from_fn(|i| {
            let mut hash = Sha256::new();
            hash.update(b"holdfast gear v1");
            hash.update(seed);
            hash.update(&[i as u8]);
            let [a, b, c, d, e, f, g, h, ..] = hash.finish();
            u64::from_le_bytes([a, b, c, d, e, f, g, h])
        });
        Self(Arc::new(Numbers { one, two: one.map(|number| number << 1) }))
    }

    /// Takes `data` into the hash.
    pub(super) fn roll(&self, hash: &mut u64, data: &[u8]) {
        for &byte in data {
            *hash = (*hash << 1).wrapping_add(self.0.one[usize::from(byte)]);
        }
    }

    /// Takes `data` into the hash up to the first byte after which no bit of `mask` is set, and returns the number of
    /// bytes up to there. After a find, the hash is of no use. The highest bit of `mask` must be clear: it is lost
    /// when the first byte of two is looked at with the hash shifted by one bit too many.
    pub(super) fn find(&self, hash: &mut u64, mask: u64, data: &[u8]) -> Option<usize> {
        let Numbers { one, two } = &*self.0;
        let mut h = *hash;
        let (pairs, rest) = data.as_chunks::<2>();
        for (i, [a, b]) in pairs.iter().enumerate() {
            h = (h << 2).wrapping_add(two[usize::from(*a)]);
            if h & (mask << 1) == 0 {
                return Some(2 * i + 1);
            }
            h = h.wrapping_add(one[usize::from(*b)]);
            if h & mask == 0 {
                return Some(2 * i + 2);
            }
        }
        for byte in rest {
            h = (h << 1).wrapping_add(one[usize::from(*byte)]);
            if h & mask == 0 {
                return Some(data.len());
            }
        }
        *hash = h;
        None
    }
}

impl fmt::Debug for GearTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GearTable").finish_non_exhaustive()
    }
}
