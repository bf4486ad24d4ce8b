//! Walking from trees down to all that they reach, past what is known to be closed.

use holdfast_model::TreeId;
use parking_lot::Mutex;

use super::ClosedTrees;
use crate::engine::Core;
use crate::id_table::IdSet;
use crate::index::IndexView;
use crate::pack::BlobKind;
use crate::tree_walk::{References, TreeVisitor, WalkError, walk_trees};

struct Prover<'a> {
    view: &'a IndexView,
    memory: &'a ClosedTrees,
    seen: Mutex<IdSet<TreeId>>,
}

impl Prover<'_> {
    /// Those that have to be walked: not known to be closed, and not seen on this walk.
    fn to_walk(&self, trees: Vec<TreeId>, of: Option<TreeId>) -> Result<Vec<TreeId>, WalkError> {
        let mut walk = Vec::new();
        for id in trees {
            if self.memory.knows(&id) || !self.seen.lock().insert(id) {
                continue;
            }
            if !self.view.has(BlobKind::Tree, &id.into()) {
                return Err(WalkError::Missing { kind: BlobKind::Tree, id: id.into(), tree: of });
            }
            walk.push(id);
        }
        Ok(walk)
    }
}

impl TreeVisitor for Prover<'_> {
    type Error = WalkError;

    fn visit(&self, id: TreeId, _: Vec<u8>, references: References) -> Result<Vec<TreeId>, WalkError> {
        if let Some(missing) = references.data.iter().find(|data| !self.view.has(BlobKind::Data, data)) {
            return Err(WalkError::Missing { kind: BlobKind::Data, id: *missing, tree: Some(id) });
        }
        self.to_walk(references.trees, Some(id))
    }
}

/// Proves that these trees are closed in this view; gives all trees that the proof walked over.
pub(crate) fn prove(
    core: &Core,
    view: &IndexView,
    memory: &ClosedTrees,
    roots: impl IntoIterator<Item = TreeId>,
) -> Result<IdSet<TreeId>, WalkError> {
    let prover = Prover { view, memory, seen: Mutex::default() };
    let roots = prover.to_walk(roots.into_iter().collect(), None)?;
    walk_trees(core, roots, &prover)?;
    Ok(prover.seen.into_inner())
}
