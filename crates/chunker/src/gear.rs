//! Cuts by gear hash: `hash = (hash << 1) + table[byte]`, a function of the last 64 bytes.
//!
//! The gear hash is from Xia et al., "Ddelta", Performance Evaluation 79 (2014); skipping the minimum and normalized
//! chunking (a stricter mask before the average size, a laxer one after it) from Xia et al., "FastCDC", USENIX ATC
//! 2016. Unlike there, the 64 bytes before the minimum fill the window, so that a cut after exactly the minimum is
//! found as any other, and the mask is of the highest bits, which depend on the most bytes.
//!
//! Ours is what becomes of zeros: the number of the byte 0 is 0, so that a hash of 0 says that 64 of them have gone by, and a
//! chunk ends where so many have come as a run has. What is scattered over zeros, as in the image of a disk, lies in chunks
//! of its own size then and not in the longest there are, and the zeros between are one chunk, again and again.
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

/// A chunk ends after so many zeros, if it is not shorter than the minimum then: a block of most file systems.
const RUN: usize = 4096;

#[derive(Debug, Clone)]
pub(crate) struct Gear {
    table: GearTable,
    limits: Limits,
    strict: u64,
    lax: u64,
    /// Bytes of the current chunk so far.
    len: usize,
    hash: u64,
    /// Zeros that came last, at most a run; of fewer than fill the window it need not be known.
    zeros: usize,
}

impl Gear {
    pub(crate) fn new(table: GearTable, limits: Limits) -> Self {
        let bits = limits.avg().ilog2();
        Self {
            table,
            limits,
            strict: mask(bits + NORMALIZATION),
            lax: mask(bits - NORMALIZATION),
            len: 0,
            hash: 0,
            zeros: 0,
        }
    }

    pub(crate) fn reset(&mut self) {
        (self.len, self.hash, self.zeros) = (0, 0, 0);
    }

    pub(crate) fn next_cut(&mut self, data: &[u8]) -> Option<usize> {
        let mut at = self.skip(data);
        for (end, mask) in [(self.limits.avg(), self.strict), (self.limits.max(), self.lax)] {
            let rest = &data[at..];
            let part = &rest[..rest.len().min(end.saturating_sub(self.len))];
            if let Some(cut) = self.find(mask, part) {
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
        let unseen = data.len().min((last + 1).saturating_sub(RUN).saturating_sub(self.len));
        let seen = &data[unseen..][..(data.len() - unseen).min(last.saturating_sub(self.len + unseen))];
        self.count_zeros(seen);
        let unhashed = seen.len().saturating_sub(Limits::WINDOW - 1);
        self.hash = self.table.roll(self.hash, &seen[unhashed..]);
        self.len += unseen + seen.len();
        unseen + seen.len()
    }

    fn count_zeros(&mut self, data: &[u8]) {
        let zeros = data.iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros = if zeros == data.len() { (self.zeros + zeros).min(RUN) } else { zeros };
    }

    /// Where the chunk ends in `data`, in which it may.
    fn find(&mut self, mask: u64, data: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < data.len() {
            if self.zeros >= Limits::WINDOW - 1 {
                let left = &data[at..][..(data.len() - at).min(RUN.saturating_sub(self.zeros))];
                let zeros = left.iter().take_while(|byte| **byte == 0).count();
                (at, self.zeros) = (at + zeros, self.zeros + zeros);
                if self.zeros >= RUN {
                    return Some(at);
                }
                if at == data.len() {
                    return None;
                }
                self.zeros = 0;
            }
            let cut = self.table.find(&mut self.hash, mask, &data[at..])?;
            at += cut;
            if self.hash != 0 {
                return Some(at);
            }
            self.zeros = Limits::WINDOW;
        }
        None
    }
}

fn mask(bits: u32) -> u64 {
    !(u64::MAX >> bits)
}
