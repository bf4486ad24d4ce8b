//! Which blobs are used: one bit for each blob of the index, set from many threads.
//!
//! Invariant: a blob that a snapshot reaches is never left out; a tree that cannot be read, or a blob that is missing,
//! stops the search.

use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_model::TreeId;

use crate::engine::Core;
use crate::index::IndexView;
use crate::pack::BlobKind;
use crate::tree_walk::{References, TreeVisitor, WalkError, walk_trees};

/// A set of the numbers below a bound.
pub(super) struct Bits(Vec<AtomicU64>);

impl Bits {
    pub(super) fn new(bound: usize) -> Self {
        Self((0..bound.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Adds a number; says whether it is new.
    pub(super) fn add(&self, number: usize) -> bool {
        let bit = 1 << (number % 64);
        self.0[number / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Takes a number out; says whether it was there.
    pub(super) fn take(&self, number: usize) -> bool {
        let bit = 1 << (number % 64);
        self.0[number / 64].fetch_and(!bit, Ordering::Relaxed) & bit != 0
    }

    pub(super) fn has(&self, number: usize) -> bool {
        self.0[number / 64].load(Ordering::Relaxed) & 1 << (number % 64) != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| word.load(Ordering::Relaxed) == 0)
    }
}

/// Blobs of both kinds, by their ordinals in one view.
pub(super) struct BlobSet {
    pub(super) data: Bits,
    pub(super) trees: Bits,
}

impl BlobSet {
    pub(super) fn new(view: &IndexView) -> Self {
        Self { data: Bits::new(view.len(BlobKind::Data)), trees: Bits::new(view.len(BlobKind::Tree)) }
    }

    pub(super) fn of(&self, kind: BlobKind) -> &Bits {
        match kind {
            BlobKind::Data => &self.data,
            BlobKind::Tree => &self.trees,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.data.is_empty() && self.trees.is_empty()
    }
}

/// All blobs that these trees reach.
pub(super) fn find_used(core: &Core, view: &IndexView, roots: Vec<TreeId>) -> Result<BlobSet, WalkError> {
    let search = Search { view, used: BlobSet::new(view) };
    let roots = search.new_trees(roots, None)?;
    walk_trees(core, roots, &search)?;
    Ok(search.used)
}

struct Search<'a> {
    view: &'a IndexView,
    used: BlobSet,
}

impl Search<'_> {
    fn new_trees(&self, mut trees: Vec<TreeId>, of: Option<TreeId>) -> Result<Vec<TreeId>, WalkError> {
        let mut missing = None;
        trees.retain(|tree| match self.view.ordinal(BlobKind::Tree, &(*tree).into()) {
            Some(ordinal) => self.used.trees.add(ordinal),
            None => {
                missing = Some(*tree);
                false
            }
        });
        match missing {
            Some(id) => Err(WalkError::Missing { kind: BlobKind::Tree, id: id.into(), tree: of }),
            None => Ok(trees),
        }
    }
}

impl TreeVisitor for Search<'_> {
    type Error = WalkError;

    fn visit(&self, id: TreeId, _: Vec<u8>, references: References) -> Result<Vec<TreeId>, WalkError> {
        for data in references.data {
            let ordinal = self.view.ordinal(BlobKind::Data, &data);
            let missing = WalkError::Missing { kind: BlobKind::Data, id: data, tree: Some(id) };
            self.used.data.add(ordinal.ok_or(missing)?);
        }
        self.new_trees(references.trees, Some(id))
    }
}
