//! Cuts by Rabin fingerprint, where restic cuts.
//!
//! The fingerprint (Rabin, "Fingerprinting by random polynomials", 1981; rolling as in Broder, 1993) is that of the
//! last 64 bytes, as a polynomial over GF(2) modulo the repository's. A chunk ends where its lowest bits are zero, as
//! many as the average has: between minimum and maximum. restic's chunker starts its window with a byte of 1 that has left it by the time
//! the minimum is reached, so it has no say here.

mod polynomial;
mod tables;
#[cfg(test)]
mod tests;

pub use polynomial::{PolynomialError, is_irreducible, random_polynomial};
pub use tables::RabinTables;

use crate::limits::Limits;

#[derive(Debug, Clone)]
pub(crate) struct Rabin {
    tables: RabinTables,
    limits: Limits,
    mask: u64,
    /// Bytes of the current chunk so far.
    len: usize,
    digest: u64,
    /// The last bytes of the current chunk; zeros, which do not count in a fingerprint, before its first.
    window: [u8; Limits::WINDOW],
}

impl Rabin {
    pub(crate) fn new(tables: RabinTables, limits: Limits) -> Self {
        let mask = limits.avg() as u64 - 1;
        Self { tables, limits, mask, len: 0, digest: 0, window: [0; Limits::WINDOW] }
    }

    pub(crate) fn reset(&mut self) {
        self.len = 0;
        self.digest = 0;
        self.window = [0; Limits::WINDOW];
    }

    pub(crate) fn next_cut(&mut self, data: &[u8]) -> Option<usize> {
        let start = self.skip(data);
        let rest = &data[start..];
        let part = &rest[..rest.len().min(self.limits.max() - self.len)];
        // The bytes that leave the window come from before this slice first, then from the slice itself.
        let (head, tail) = part.split_at(part.len().min(Limits::WINDOW));
        let find = |digest: &mut u64| {
            let cut = self.tables.find(digest, self.mask, &self.window, head);
            cut.or_else(|| self.tables.find(digest, self.mask, part, tail).map(|cut| head.len() + cut))
        };
        let mut digest = self.digest;
        if let Some(cut) = find(&mut digest) {
            self.reset();
            return Some(start + cut);
        }
        self.digest = digest;
        self.remember(part);
        if self.len == self.limits.max() {
            self.reset();
            return Some(start + part.len());
        }
        None
    }

    /// Takes what cannot end the chunk: all but the last byte of the minimum. Returns how many bytes that were.
    fn skip(&mut self, data: &[u8]) -> usize {
        let last = self.limits.min() - 1;
        let unhashed = data.len().min((last + 1 - Limits::WINDOW).saturating_sub(self.len));
        self.len += unhashed;
        let hashed = (data.len() - unhashed).min(last.saturating_sub(self.len));
        let hashed = &data[unhashed..unhashed + hashed];
        self.tables.roll(&mut self.digest, hashed);
        self.remember(hashed);
        unhashed + hashed.len()
    }

    fn remember(&mut self, data: &[u8]) {
        self.len += data.len();
        let data = &data[data.len().saturating_sub(Limits::WINDOW)..];
        self.window.rotate_left(data.len());
        self.window[Limits::WINDOW - data.len()..].copy_from_slice(data);
    }
}
