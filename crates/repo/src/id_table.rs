//! Tables in memory whose keys are ids: hashes already, so that little is left to hash.
//!
//! Invariant: which ids share a slot depends on a secret of this process. Whoever sends content chooses ids by trial, but
//! not so that they collide.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher};

use crate::crypto::fill_random;

/// A map whose keys are ids, perhaps with a kind.
pub(crate) type IdMap<K, V> = HashMap<K, V, IdState>;
/// A set of ids.
pub(crate) type IdSet<K> = HashSet<K, IdState>;

/// The secret of one table.
#[derive(Debug, Clone)]
pub(crate) struct IdState {
    mask: u64,
    factor: u64,
}

impl Default for IdState {
    fn default() -> Self {
        let mut random = [0; 16];
        fill_random(&mut random);
        let (mask, factor) = random.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Self { mask: number(mask), factor: number(factor) | 1 }
    }
}

impl BuildHasher for IdState {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher { hash: self.mask, factor: self.factor }
    }
}

/// Mixes the first 8 bytes of an id with the secret.
pub(crate) struct IdHasher {
    hash: u64,
    factor: u64,
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first_chunk().map_or(bytes.len() as u64, |first| u64::from_le_bytes(*first));
        self.write_u64(first);
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.hash ^ number) * u128::from(self.factor);
        self.hash = product as u64 ^ (product >> 64) as u64;
    }

    /// The length of an id is always the same.
    fn write_usize(&mut self, _: usize) {}

    /// Which kind it is.
    fn write_isize(&mut self, number: isize) {
        self.hash = self.hash.wrapping_add(number as u64);
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher as _;

    use holdfast_model::BlobId;

    use super::*;
    use crate::pack::BlobKind;

    #[test]
    fn ids_that_somebody_chose_spread_over_the_slots_all_the_same() {
        let state = IdState::default();
        let mut slots = HashSet::new();
        for number in 0..4096_u64 {
            let mut id = [0; 32];
            // Equal in all but a few bits that a plain table would not look at.
            id[..8].copy_from_slice(&(number << 40).to_le_bytes());
            slots.insert(state.hash_one((BlobKind::Data, BlobId::new(id))) % 4096);
        }
        assert!(slots.len() > 400, "{}", slots.len());
    }

    #[test]
    fn kinds_are_told_apart() {
        let state = IdState::default();
        let id = BlobId::new([7; 32]);
        assert_ne!(state.hash_one((BlobKind::Data, id)), state.hash_one((BlobKind::Tree, id)));
    }
}
