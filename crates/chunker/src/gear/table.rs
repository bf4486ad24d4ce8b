//! The gear table, and the loops over it.
//!
//! The table is as secret as its seed: whoever knows it can tell from the lengths of chunks what they hold.

use std::fmt;
use std::sync::Arc;

use crate::hash::Sha256;
use crate::limits::Limits;

/// The 256 random numbers of the gear hash. Clones share them.
#[derive(Clone)]
pub struct GearTable(Arc<[u64; 256]>);

/// How many places of a block are worked on at once: a step waits for the one before, so one place alone leaves the
/// processor idle.
const LANES: usize = 4;
/// How many bytes each of them covers. Longer ones save starts of lanes, shorter ones work done twice at a cut.
const LANE: usize = 4096;
const BLOCK: usize = LANES * LANE;

impl GearTable {
    /// The table of a repository's secret: the number of byte `i` is the first 8 bytes, least significant first, of
    /// SHA-256("holdfast gear v1" ‖ seed ‖ i), made odd; but that of byte 0 is 0. So the hash is 0 if and only if all
    /// bytes that it depends on are: the last byte that is not 0 leaves its lowest bit.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(Arc::new(std::array::from_fn(|i| {
            if i == 0 {
                return 0;
            }
            let mut hash = Sha256::new();
            hash.update(b"holdfast gear v1");
            hash.update(seed);
            hash.update(&[i as u8]);
            let [a, b, c, d, e, f, g, h, ..] = hash.finish();
            u64::from_le_bytes([a, b, c, d, e, f, g, h]) | 1
        })))
    }

    /// Takes `data` into the hash.
    pub(super) fn roll(&self, hash: u64, data: &[u8]) -> u64 {
        data.iter().fold(hash, |hash, &byte| self.step(hash, byte))
    }

    /// Takes `data` into the hash up to the first byte after which no bit of `mask` is set, and returns the number of
    /// bytes up to there.
    pub(super) fn find(&self, hash: &mut u64, mask: u64, data: &[u8]) -> Option<usize> {
        let (mut h, passed) = self.pass_blocks(*hash, mask, data);
        for (i, &byte) in data.iter().enumerate().skip(passed) {
            h = self.step(h, byte);
            if h & mask == 0 {
                *hash = h;
                return Some(i + 1);
            }
        }
        *hash = h;
        None
    }

    /// Takes in whole blocks as long as they hold no cut. Returns the hash after them, and their length.
    fn pass_blocks(&self, mut hash: u64, mask: u64, data: &[u8]) -> (u64, usize) {
        let (blocks, _) = data.as_chunks::<BLOCK>();
        for (i, block) in blocks.iter().enumerate() {
            match self.pass_block(hash, mask, block) {
                Some(after) => hash = after,
                None => return (hash, i * BLOCK),
            }
        }
        (hash, blocks.len() * BLOCK)
    }

    fn pass_block(&self, hash: u64, mask: u64, block: &[u8; BLOCK]) -> Option<u64> {
        let (lanes, _) = block.as_chunks::<LANE>();
        let mut hashes = [hash; LANES];
        for (hash, before) in hashes[1..].iter_mut().zip(lanes) {
            *hash = self.roll(0, &before[LANE - Limits::WINDOW..]);
        }
        for i in 0..LANE {
            for (hash, lane) in hashes.iter_mut().zip(lanes) {
                *hash = self.step(*hash, lane[i]);
                if *hash & mask == 0 {
                    return None;
                }
            }
        }
        Some(hashes[LANES - 1])
    }

    #[inline]
    fn step(&self, hash: u64, byte: u8) -> u64 {
        (hash << 1).wrapping_add(self.0[usize::from(byte)])
    }
}

impl fmt::Debug for GearTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GearTable").finish_non_exhaustive()
    }
}
