//! Cuts by gear hash: `hash = (hash << 1) + table[byte]`, a function of the last 64 bytes.
//!
//! The gear hash is from Xia et al., "Ddelta", Performance Evaluation 79 (2014); skipping the minimum and normalized
//! chunking (a stricter mask before the average size, a laxer one after it) from Xia et al., "FastCDC", USENIX ATC
//! 2016. Unlike there, the 64 bytes before the minimum fill the window, so that a cut after exactly the minimum is
//! found as any other, and the mask is of the highest bits, which depend on the most bytes.
//! What the cuts are may never change for a repository that exists: equal data would no longer be found equal.

mod table;
#[cfg(test)]
mod tests;

pub use table::GearTable;

use crate::limits::Limits;

/// Bits that the masks have more before, and less after, the average size: FastCDC's level 1. At level 2 sizes are more
/// even, but the cuts behind a change find back to the old ones later: of a file with 1 MiB changed, 13 MiB were new in
/// one of a hundred cases, and 7 MiB at level 1 (7.5 MiB without any normalization).
const NORMALIZATION: u32 = 1;

#[derive(Debug, Clone)]
pub(crate) struct Gear {
    table: GearTable,
    limits: Limits,
    strict: u64,
    lax: u64,
    /// Bytes of the current chunk so far.
    len: usize,
    hash: u64,
}

impl Gear {
    pub(crate) fn new(table: GearTable, limits: Limits) -> Self {
        let bits = limits.avg().ilog2();
        Self { table, limits, strict: mask(bits + NORMALIZATION), lax: mask(bits - NORMALIZATION), len: 0, hash: 0 }
    }

    pub(crate) fn reset(&mut self) {
        self.len = 0;
        self.hash = 0;
    }

    pub(crate) fn next_cut(&mut self, data: &[u8]) -> Option<usize> {
        let mut at = self.skip(data);
        for (end, mask) in [(self.limits.avg(), self.strict), (self.limits.max(), self.lax)] {
            let rest = &data[at..];
            let part = &rest[..rest.len().min(end.saturating_sub(self.len))];
            if let Some(cut) = self.table.find(&mut self.hash, mask, part) {
                self.reset();
                return Some(at + cut);
            }
            at += part.len();
            self.len += part.len();
        }
        if self.len == self.limits.max() {
            self.reset();
            return Some(at);
        }
        None
    }

    /// Takes what cannot end the chunk: all but the last byte of the minimum. Returns how many bytes that were.
    fn skip(&mut self, data: &[u8]) -> usize {
        let last = self.limits.min() - 1;
        let unhashed = data.len().min((last + 1 - Limits::WINDOW).saturating_sub(self.len));
        let hashed = (data.len() - unhashed).min(last.saturating_sub(self.len + unhashed));
        self.hash = self.table.roll(self.hash, &data[unhashed..unhashed + hashed]);
        self.len += unhashed + hashed;
        unhashed + hashed
    }
}

fn mask(bits: u32) -> u64 {
    !(u64::MAX >> bits)
}
