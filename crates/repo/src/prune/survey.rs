//! What each pack holds: how much of it is used, unused, or there twice.
//!
//! Invariant: of a used blob with several places exactly one counts as used, chosen as restic chooses, so that packs that
//! an interrupted prune had already written are kept.

use holdfast_model::{BlobId, PackId};

use super::stats::PruneStats;
use super::used::BlobSet;
use crate::index::{IndexView, Place};
use crate::pack::{BlobKind, SEAL_OVERHEAD};

/// What one pack holds. Sizes in bytes of the pack.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PackInfo {
    pub(super) used_blobs: u64,
    pub(super) unused_blobs: u64,
    /// Of the unused ones, those that are used and lie elsewhere too.
    pub(super) duplicate_blobs: u64,
    /// With the header.
    pub(super) used_size: u64,
    pub(super) unused_size: u64,
    pub(super) has_data: bool,
    pub(super) has_trees: bool,
    /// A blob of it is not compressed.
    pub(super) uncompressed: bool,
}

impl PackInfo {
    pub(super) fn size(&self) -> u64 {
        self.used_size + self.unused_size
    }

    /// A pack of data and nothing else: what a cache does not keep.
    pub(super) fn is_data(&self) -> bool {
        !self.has_trees
    }

    pub(super) fn is_mixed(&self) -> bool {
        self.has_data && self.has_trees
    }
}

/// All packs of a view, numbered in order of their ids: unlike in the view, a pack has one number.
pub(super) struct Survey {
    pub(super) packs: Vec<PackId>,
    pub(super) infos: Vec<PackInfo>,
    /// The number here of each number there.
    numbers: Vec<u32>,
}

impl Survey {
    /// Looks at all packs. The view must be a compact one.
    pub(super) fn new(view: &IndexView, used: &BlobSet, stats: &mut PruneStats) -> Self {
        let mut packs: Vec<PackId> = view.packs().map(|(pack, _)| pack).collect();
        packs.sort_unstable();
        packs.dedup();
        let number = |pack: &PackId| packs.binary_search(pack).map_or(u32::MAX, |number| number as u32);
        let numbers = view.packs().map(|(pack, _)| number(&pack)).collect();
        let header = PackInfo { used_size: u64::from(SEAL_OVERHEAD) + 4, ..PackInfo::default() };
        let mut survey = Self { infos: vec![header; packs.len()], packs, numbers };
        let duplicates = survey.count(view, used, stats);
        survey.choose(duplicates, stats);
        survey
    }

    /// The number of a place's pack.
    pub(super) fn number(&self, place: &Place) -> usize {
        self.numbers[place.pack as usize] as usize
    }

    pub(super) fn find(&self, pack: &PackId) -> Option<usize> {
        self.packs.binary_search(pack).ok()
    }

    /// Calls `each` for every blob with its ordinal and its places, those that two index files list counted once.
    pub(super) fn each_blob(&self, view: &IndexView, kind: BlobKind, mut each: impl FnMut(usize, &BlobId, &[Place])) {
        view.each_blob(kind, |ordinal, id, places| {
            if places.len() > 1 {
                places.sort_unstable_by_key(|place| (self.number(place), place.offset));
                places.dedup_by_key(|place| (self.number(place), place.offset));
            }
            each(ordinal, id, places);
        });
    }

    /// Counts, all places of duplicates as unused for now; gives the duplicates' places.
    fn count(&mut self, view: &IndexView, used: &BlobSet, stats: &mut PruneStats) -> Vec<Vec<Place>> {
        let mut infos = std::mem::take(&mut self.infos);
        let mut duplicates = Vec::new();
        for kind in [BlobKind::Data, BlobKind::Tree] {
            self.each_blob(view, kind, |ordinal, _, places| {
                let is_used = used.of(kind).has(ordinal);
                if is_used && places.len() > 1 {
                    duplicates.push(places.to_vec());
                }
                for place in places {
                    let info = &mut infos[self.number(place)];
                    let size = u64::from(place.stored_length);
                    info.has_data |= kind == BlobKind::Data;
                    info.has_trees |= kind == BlobKind::Tree;
                    info.uncompressed |= place.uncompressed_length == 0;
                    info.used_size += if place.uncompressed_length == 0 { 37 } else { 41 };
                    if is_used && places.len() == 1 {
                        info.used_blobs += 1;
                        info.used_size += size;
                        stats.blobs.used += 1;
                        stats.bytes.used += size;
                        continue;
                    }
                    info.unused_blobs += 1;
                    info.unused_size += size;
                    if is_used {
                        info.duplicate_blobs += 1;
                        stats.blobs.duplicate += 1;
                        stats.bytes.duplicate += size;
                    } else {
                        stats.blobs.unused += 1;
                        stats.bytes.unused += size;
                    }
                }
            });
        }
        self.infos = infos;
        duplicates
    }

    /// Chooses one place of each duplicate that counts as used: in a pack that has used blobs anyway, or that consists
    /// of duplicates only; else the last.
    fn choose(&mut self, duplicates: Vec<Vec<Place>>, stats: &mut PruneStats) {
        for places in duplicates {
            let is_good = |place: &&Place| {
                let info = &self.infos[self.number(place)];
                info.used_blobs > 0 || info.duplicate_blobs == info.unused_blobs
            };
            let Some(chosen) = places.iter().find(is_good).or(places.last()) else { continue };
            let size = u64::from(chosen.stored_length);
            let number = self.number(chosen);
            let info = &mut self.infos[number];
            info.used_blobs += 1;
            info.used_size += size;
            info.unused_blobs -= 1;
            info.unused_size -= size;
            stats.blobs.used += 1;
            stats.bytes.used += size;
            stats.blobs.duplicate -= 1;
            stats.bytes.duplicate -= size;
        }
    }
}
