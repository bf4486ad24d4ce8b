//! A directory while it is walked: what is known of it until its last subdirectory is complete.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

use super::digest::{Digester, Sums};
use super::listing::{Content, WalkingBytes};
use super::place::Place;
use super::record::Record;

/// A directory that is not complete.
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) parent: Option<Arc<Node>>,
    /// Its own entry in the one above.
    record: Record,
    /// Whether that entry is old enough to be remembered.
    settled: bool,
    parts: Mutex<Parts>,
}

/// What has come together.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) sums: Sums,
    pub(crate) memorable: bool,
    pub(crate) content: Content,
    /// Names that were listed, while the directory is put aside.
    pub(crate) names: Option<Names>,
    /// Scans and subdirectories that are not finished.
    open: usize,
}

impl Node {
    /// A directory that is about to be scanned.
    pub(crate) fn new(place: Place, parent: Option<Arc<Self>>, record: Record, settled: bool) -> Arc<Self> {
        let parts = Parts { memorable: true, open: 1, ..Parts::default() };
        Arc::new(Self { place, parent, record, settled, parts: Mutex::new(parts) })
    }

    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Parts) -> R) -> R {
        work(&mut self.parts.lock())
    }

    /// One more subdirectory that has to be finished first, or several.
    pub(crate) fn open(&self, parts: usize) {
        self.with(|own| own.open += parts);
    }

    /// One part is finished. If it was the last one, gives what has come together.
    pub(crate) fn close(&self) -> Option<Parts> {
        self.with(|parts| {
            parts.open -= 1;
            (parts.open == 0).then(|| std::mem::take(parts))
        })
    }

    /// Adds a subdirectory that is complete.
    pub(crate) fn add(&self, child: &Self, done: &Done, digester: &Digester, budget: &WalkingBytes) {
        let entry = digester.entry(child.record.digested());
        let subdir = digester.subdir(child.place.handle.name(), &done.digest);
        self.with(|parts| {
            parts.sums.entries += entry;
            parts.sums.subdirs += subdir;
            parts.memorable &= done.memorable && child.settled;
            parts.content.add_subdir(&child.record, done.number, budget, digester);
        });
    }
}

/// A directory that is complete.
pub(crate) struct Done {
    pub(crate) number: u64,
    pub(crate) digest: [u8; 16],
    pub(crate) memorable: bool,
}

/// Names that were seen, as 128 bits each of a hash that nobody can foresee.
#[derive(Default)]
pub(crate) struct Names {
    seen: HashSet<(u64, u64)>,
    hashers: (RandomState, RandomState),
}

impl Names {
    /// Whether the name is new.
    pub(crate) fn insert(&mut self, name: &[u8]) -> bool {
        self.seen.insert((self.hashers.0.hash_one(name), self.hashers.1.hash_one(name)))
    }

    /// Forgets them, keeping the memory for the next directory unless it is too much to clear it every time.
    pub(crate) fn clear(&mut self) {
        if self.seen.capacity() > 4096 {
            self.seen = HashSet::new();
        } else {
            self.seen.clear();
        }
    }
}
