//! The packs that take blobs at the moment: a few for data, one for trees.
//!
//! Invariant: a data blob goes to an open pack that is drawn at random, so that the storage cannot tell from the order
//! in packs which chunks follow each other in a file (Truong et al., "Breaking and Fixing Content-Defined Chunking",
//! 2025). Every pack that leaves is counted as in flight before its place is free again.

use std::time::Instant;

use holdfast_model::BlobId;
use parking_lot::Mutex;

use super::pending::Encoding;
use super::upload::{InFlight, Upload};
use crate::crypto::fill_public;
use crate::pack::{BlobKind, OpenPack, Sealed};

/// Open packs for data.
const DATA_PACKS: usize = 2;

pub(super) struct Packer {
    pack_size: u32,
    data: [Mutex<Option<Open>>; DATA_PACKS],
    trees: Mutex<Option<Open>>,
}

struct Open {
    pack: OpenPack,
    since: Instant,
}

/// Which open packs are taken away.
#[derive(Clone, Copy)]
pub(super) enum Which {
    /// Those that were begun before `stale`, and those that were begun before `old` and are at least a quarter full.
    Old { old: Option<Instant>, stale: Option<Instant> },
    /// Every one.
    All,
}

impl Packer {
    pub(super) fn new(pack_size: u32) -> Self {
        Self { pack_size, data: Default::default(), trees: Mutex::default() }
    }

    /// Adds a blob. Gives the bytes that it takes, and the pack if that is full now.
    pub(super) fn add(
        &self,
        kind: BlobKind,
        id: BlobId,
        sealed: Sealed<'_>,
        encoding: Encoding<'_>,
        now: Instant,
        in_flight: &InFlight,
    ) -> (u32, Option<Upload>) {
        let slot = match kind {
            BlobKind::Tree => &self.trees,
            BlobKind::Data => &self.data[draw()],
        };
        let mut open = slot.lock();
        let pack = &mut open.get_or_insert_with(|| Open { pack: OpenPack::new(kind), since: now }).pack;
        let length = pack.add(id, sealed);
        // While the place is held: the pack may not leave before its blobs count as packed.
        encoding.packed();
        let is_full = pack.is_full(self.pack_size);
        let full = if is_full { open.take() } else { None };
        (length, full.map(|open| in_flight.upload(open.pack)))
    }

    /// Takes open packs away. Small ones of the same kind become one.
    pub(super) fn take(&self, which: Which, in_flight: &InFlight) -> Vec<Upload> {
        let wanted = |open: &mut Open| match which {
            Which::All => true,
            Which::Old { old, stale } => {
                let is_before = |time: Option<Instant>| time.is_some_and(|time| open.since < time);
                is_before(stale) || (is_before(old) && open.pack.length() >= self.pack_size / 4)
            }
        };
        let mut taken: Vec<Upload> = Vec::new();
        for slot in self.data.iter().chain([&self.trees]) {
            let mut place = slot.lock();
            let Some(open) = place.take_if(wanted) else { continue };
            match taken.last_mut().filter(|last| last.pack.has_room_for(&open.pack, self.pack_size)) {
                Some(last) => last.pack.absorb(open.pack),
                None => taken.push(in_flight.upload(open.pack)),
            }
        }
        taken
    }
}

/// One of the open packs for data, which nobody can foresee.
fn draw() -> usize {
    let mut byte = [0];
    fill_public(&mut byte);
    usize::from(byte[0]) % DATA_PACKS
}
