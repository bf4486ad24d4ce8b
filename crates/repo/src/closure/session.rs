//! What one session has to prove at its commit, gathered while it builds its trees.
//!
//! Invariant: every tree that the session built is closed if all blobs in `awaited` and all trees in `built` come into
//! the index and all trees in `unproven` are closed. All of it is void when an index file has vanished since the
//! session began.

use holdfast_model::{BlobId, TreeId};

use super::ClosedTrees;
use crate::id_table::IdSet;
use crate::index::IndexView;
use crate::pack::BlobKind;
use crate::tree_walk::{References, WalkError};

/// Gathered by one session.
#[derive(Debug, Default)]
pub(crate) struct SessionClosure {
    /// The generation of the index when the session began.
    generation: u64,
    built: IdSet<TreeId>,
    /// Data that was on its way when a tree named it.
    awaited: IdSet<BlobId>,
    /// Those of `awaited` that are in the index by now are dropped when there are so many.
    sift_at: usize,
    /// Trees that were taken over by id and are not known to be closed.
    unproven: IdSet<TreeId>,
}

const SIFT_FROM: usize = 1 << 16;

impl SessionClosure {
    pub(crate) fn new(generation: u64) -> Self {
        Self { generation, sift_at: SIFT_FROM, ..Self::default() }
    }

    /// Whether the session has built this tree.
    pub(crate) fn has_built(&self, id: &TreeId) -> bool {
        self.built.contains(id)
    }

    /// The session has built this tree.
    pub(crate) fn build(&mut self, id: TreeId, references: References, view: &IndexView, memory: &ClosedTrees) {
        self.built.insert(id);
        self.awaited.extend(references.data.into_iter().filter(|data| !view.has(BlobKind::Data, data)));
        for tree in references.trees {
            if !self.built.contains(&tree) && !memory.knows(&tree) {
                self.unproven.insert(tree);
            }
        }
        if self.awaited.len() >= self.sift_at {
            self.awaited.retain(|data| !view.has(BlobKind::Data, data));
            self.sift_at = SIFT_FROM.max(2 * self.awaited.len());
        }
    }

    /// Whether what was gathered still holds in this view.
    pub(crate) fn is_valid(&self, view: &IndexView) -> bool {
        self.generation == view.generation()
    }

    /// Looks whether all that was built and awaited is in the index. Gives the trees that are still to be proven.
    pub(crate) fn settle(&self, view: &IndexView, root: TreeId) -> Result<Vec<TreeId>, WalkError> {
        let missing = |kind, id| WalkError::Missing { kind, id, tree: None };
        if let Some(id) = self.awaited.iter().find(|id| !view.has(BlobKind::Data, id)) {
            return Err(missing(BlobKind::Data, *id));
        }
        if let Some(id) = self.built.iter().find(|id| !view.has(BlobKind::Tree, &(**id).into())) {
            return Err(missing(BlobKind::Tree, (*id).into()));
        }
        let root = (!self.built.contains(&root)).then_some(root);
        Ok(self.unproven.iter().copied().chain(root).filter(|tree| !self.built.contains(tree)).collect())
    }

    /// The trees that the session built.
    pub(crate) fn built(&self) -> impl Iterator<Item = TreeId> + '_ {
        self.built.iter().copied()
    }
}
