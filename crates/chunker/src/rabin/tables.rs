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

    /// Takes the bytes of `entering` in while those of `leaving` go, up to the first byte after which no bit of `mask`
    /// is set, and returns the number of bytes up to there. After a find, the fingerprint is of no use.
    pub(super) fn find(&self, digest: &mut u64, mask: u64, leaving: &[u8], entering: &[u8]) -> Option<usize> {
        let tables = &*self.0;
        let mut d = *digest;
        for (i, (&entering, &leaving)) in entering.iter().zip(leaving).enumerate() {
            d = tables.enter(d, entering) ^ tables.leave[usize::from(leaving)];
            if d & mask == 0 {
                return Some(i + 1);
            }
        }
        *digest = d;
        None
    }
}

impl Tables {
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
