//! Trees that were read lately, bounded by the bytes of their documents.
//!
//! Two halves: what is used moves to the young one; when that is full, it becomes the old one and the old one is
//! dropped. So what was used among the last half is still there, and nothing is ever searched for a victim.

use std::sync::Arc;

use holdfast_model::TreeId;
use parking_lot::Mutex;

use crate::id_table::IdMap;
use crate::tree::Tree;

/// The cache. A parsed tree takes about as many bytes as its document.
pub(crate) struct TreeCache {
    half: usize,
    halves: Mutex<Halves>,
}

#[derive(Default)]
struct Halves {
    young: IdMap<TreeId, (Arc<Tree>, usize)>,
    young_bytes: usize,
    old: IdMap<TreeId, (Arc<Tree>, usize)>,
}

impl TreeCache {
    /// A cache for trees whose documents have this many bytes together.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { half: bytes / 2, halves: Mutex::default() }
    }

    pub(crate) fn get(&self, id: &TreeId) -> Option<Arc<Tree>> {
        let mut halves = self.halves.lock();
        if let Some((tree, _)) = halves.young.get(id) {
            return Some(tree.clone());
        }
        let (tree, bytes) = halves.old.remove(id)?;
        self.put(&mut halves, *id, tree.clone(), bytes);
        Some(tree)
    }

    pub(crate) fn insert(&self, id: TreeId, tree: Arc<Tree>, bytes: usize) {
        self.put(&mut self.halves.lock(), id, tree, bytes);
    }

    fn put(&self, halves: &mut Halves, id: TreeId, tree: Arc<Tree>, bytes: usize) {
        if bytes > self.half {
            return;
        }
        if halves.young_bytes + bytes > self.half {
            halves.old = std::mem::take(&mut halves.young);
            halves.young_bytes = 0;
        }
        if halves.young.insert(id, (tree, bytes)).is_none() {
            halves.young_bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_bound_holds() {
        let cache = TreeCache::new(1000);
        let id = |n: u8| TreeId::new([n; 32]);
        for n in 0..100 {
            cache.insert(id(n), Arc::default(), 100);
            assert!(cache.get(&id(0)).is_some(), "{n}");
            let halves = cache.halves.lock();
            assert!(halves.young.len() <= 5 && halves.old.len() <= 5);
        }
        assert!(cache.get(&id(50)).is_none());
        cache.insert(id(200), Arc::default(), 501);
        assert!(cache.get(&id(200)).is_none());
    }
}
