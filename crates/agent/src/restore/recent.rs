//! A bounded map that lets go of what was not used for longest.
//!
//! It holds at most its capacity; an insertion beyond that drops the least recent quarter at once, so that the search for
//! them is rare. What the values are is not known here.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Holds what was used last.
pub(super) struct Recent<K, V> {
    entries: HashMap<K, (V, u64)>,
    uses: u64,
    capacity: usize,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// Holds up to `capacity` values, at least 4.
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), uses: 0, capacity: capacity.max(4) }
    }

    /// A copy of the value, which thereby counts as used.
    pub(super) fn get<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.uses += 1;
        let (value, used) = self.entries.get_mut(key)?;
        *used = self.uses;
        Some(value.clone())
    }

    /// Puts a value in, or in the place of the one under the same key.
    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.entries.len() >= self.capacity {
            let mut uses: Vec<u64> = self.entries.values().map(|(_, used)| *used).collect();
            let quarter = uses.len() / 4;
            let (_, limit, _) = uses.select_nth_unstable(quarter);
            let limit = *limit;
            self.entries.retain(|_, (_, used)| *used > limit);
        }
        self.uses += 1;
        self.entries.insert(key, (value, self.uses));
    }

    /// Drops a value.
    pub(super) fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let mut recent = Recent::new(8);
        for i in 0..100 {
            recent.insert(i, i);
            assert_eq!(recent.get(&0), Some(0), "always used, never dropped");
            assert!(recent.entries.len() <= 8);
        }
        assert_eq!(recent.get(&99), Some(99));
        assert_eq!(recent.get(&50), None);
        recent.remove(&99);
        assert_eq!(recent.get(&99), None);
    }
}
