//! The chunker: finds where chunks end in a stream that comes in slices.
//!
//! Cuts depend on the bytes since the last cut alone, never on how they were sliced.

#[cfg(test)]
pub(crate) mod tests;

use crate::gear::{Gear, GearTable};
use crate::limits::Limits;
use crate::rabin::{Rabin, RabinTables};

/// Finds the ends of chunks in one stream after another. Cloning is cheap; the tables are shared.
#[derive(Debug, Clone)]
pub struct Chunker(Kind);

// The larger one's window lives in the chunker, of which there is one per reading thread.
#[derive(Debug, Clone)]
enum Kind {
    Gear(Gear),
    Rabin(Rabin),
}

impl Chunker {
    /// Cuts by a gear hash with normalized chunking (Xia et al., FastCDC, USENIX ATC 2016).
    pub fn gear(table: &GearTable, limits: Limits) -> Self {
        Self(Kind::Gear(Gear::new(table.clone(), limits)))
    }

    /// Cuts where restic does, if the limits are [`Limits::RESTIC`].
    pub fn rabin(tables: &RabinTables, limits: Limits) -> Self {
        Self(Kind::Rabin(Rabin::new(tables.clone(), limits)))
    }

    /// Takes the next bytes of the stream. If the current chunk ends among them, returns how many belong to it, and
    /// the rest has to be given again, as the start of the next chunk. If not, all were taken.
    ///
    /// The end of the stream ends a chunk as well; then [`reset`](Self::reset) before the next stream.
    pub fn next_cut(&mut self, data: &[u8]) -> Option<usize> {
        match &mut self.0 {
            Kind::Gear(gear) => gear.next_cut(data),
            Kind::Rabin(rabin) => rabin.next_cut(data),
        }
    }

    /// Forgets the current chunk: the next byte is the first of another stream.
    pub fn reset(&mut self) {
        match &mut self.0 {
            Kind::Gear(gear) => gear.reset(),
            Kind::Rabin(rabin) => rabin.reset(),
        }
    }
}
