//! Tables that make a step of the fingerprint two look-ups, and the loops over them.
//!
//! They depend on the polynomial alone. It is no less secret than a gear table's seed.

use std::fmt;
use std::sync::Arc;

use super::polynomial::{DEGREE, PolynomialError, is_irreducible, reduce};
use crate::limits::Limits;

/// What is computed ahead for one polynomial. Clones share it.
#[derive(Clone)]
pub struct RabinTables(Arc<Tables>);

struct Tables {
    /// For the 8 bits that a shift brings to the degree and above: these bits, and what they are modulo the polynomial.
    reduce: [u64; 256],
    /// For the byte that leaves the window: what it has become in the fingerprint, once the next byte is in.
    leave: [u64; 256],
}

impl RabinTables {
    /// The tables of a repository's polynomial.
    ///
    /// # Errors
    /// Fails if it is not irreducible and of degree 53.
    pub fn new(polynomial: u64) -> Result<Self, PolynomialError> {
        if !is_irreducible(polynomial) {
            return Err(PolynomialError { polynomial });
        }
        let byte = |byte: usize| byte as u64;
        Ok(Self(Arc::new(Tables {
            reduce: std::array::from_fn(|i| byte(i) << DEGREE | reduce(byte(i) << DEGREE, polynomial)),
            leave: std::array::from_fn(|i| (0..Limits::WINDOW).fold(byte(i), |sum, _| reduce(sum << 8, polynomial))),
        })))
    }

    /// Takes bytes into a fingerprint that no byte leaves yet.
    pub(super) fn roll(&self, digest: &mut u64, data: &[u8]) {
        for &byte in data {
            *digest = self.0.enter(*digest, byte);
        }
    }

    /// Takes the bytes of `entering` in while those of `leaving`, the same stream 64 bytes before, go: up to the first
    /// byte after which no bit of `mask` is set. Returns the number of bytes up to there; the fingerprint is then of
    /// no use.
    pub(super) fn find(&self, digest: &mut u64, mask: u64, leaving: &[u8], entering: &[u8]) -> Option<usize> {
        let tables = &*self.0;
        let (mut d, passed) = tables.pass_blocks(*digest, mask, leaving, entering);
        for (i, (&entering, &leaving)) in entering.iter().zip(leaving).enumerate().skip(passed) {
            d = tables.step(d, entering, leaving);
            if d & mask == 0 {
                return Some(i + 1);
            }
        }
        *digest = d;
        None
    }
}

/// How many places of a block are worked on at once: a step waits for the look-up of the one before, so one place
/// alone leaves the processor idle most of the time.
const LANES: usize = 6;
/// How many bytes each of them covers. Longer ones save starts of lanes, shorter ones work done twice at a cut.
const LANE: usize = 4096;
const BLOCK: usize = LANES * LANE;

impl Tables {
    /// Takes in whole blocks as long as they hold no cut. Returns the fingerprint after them, and their length.
    fn pass_blocks(&self, mut digest: u64, mask: u64, leaving: &[u8], entering: &[u8]) -> (u64, usize) {
        let (leaving, entering) = (leaving.as_chunks::<BLOCK>().0, entering.as_chunks::<BLOCK>().0);
        for (block, (entering, leaving)) in entering.iter().zip(leaving).enumerate() {
            match self.pass_block(digest, mask, leaving, entering) {
                Some(after) => digest = after,
                None => return (digest, block * BLOCK),
            }
        }
        (digest, entering.len().min(leaving.len()) * BLOCK)
    }

    fn pass_block(&self, digest: u64, mask: u64, leaving: &[u8; BLOCK], entering: &[u8; BLOCK]) -> Option<u64> {
        let (leaving, entering) = (leaving.as_chunks::<LANE>().0, entering.as_chunks::<LANE>().0);
        let mut digests = [digest; LANES];
        for (digest, leaving) in digests.iter_mut().zip(leaving).skip(1) {
            *digest = leaving[..Limits::WINDOW].iter().fold(0, |digest, &byte| self.enter(digest, byte));
        }
        for i in 0..LANE {
            for (digest, (entering, leaving)) in digests.iter_mut().zip(entering.iter().zip(leaving)) {
                *digest = self.step(*digest, entering[i], leaving[i]);
                if *digest & mask == 0 {
                    return None;
                }
            }
        }
        Some(digests[LANES - 1])
    }

    #[inline]
    fn step(&self, digest: u64, entering: u8, leaving: u8) -> u64 {
        self.enter(digest, entering) ^ self.leave[usize::from(leaving)]
    }

    #[inline]
    fn enter(&self, digest: u64, byte: u8) -> u64 {
        // A digest is below 2^53, so the index is below 256: the cast drops nothing.
        (digest << 8 | u64::from(byte)) ^ self.reduce[usize::from((digest >> (DEGREE - 8)) as u8)]
    }
}

impl fmt::Debug for RabinTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabinTables").finish_non_exhaustive()
    }
}
