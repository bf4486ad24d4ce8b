//! The snapshot that a backup is compared with, looked up by path.

use std::sync::Arc;

use holdfast_model::{Timestamp, TreeId};
use holdfast_repo::tree::{Node, Tree};
use holdfast_repo::{ReadError, Repository};

/// Times as coarse as those of old file systems, or a client's clock that ticks slowly: a change within so many
/// seconds of the last backup may have left the same times behind.
const RACY_SECONDS: i64 = 2;

/// A snapshot to compare with.
pub(super) struct Parent {
    repository: Repository,
    root: TreeId,
    /// When that backup began, on the client's clock.
    began: Timestamp,
}

/// A directory of the parent.
pub(super) struct OldDir {
    id: TreeId,
    tree: Arc<Tree>,
}

impl Parent {
    /// Compares with the tree `root` of a backup that began at `began` on the client's clock.
    pub(super) fn new(repository: Repository, root: TreeId, began: Timestamp) -> Self {
        Self { repository, root, began }
    }

    /// The directory at an absolute path, if it was one.
    pub(super) fn dir(&self, path: &[u8]) -> Result<Option<OldDir>, ReadError> {
        let mut dir = OldDir { id: self.root, tree: self.repository.engine().load_tree(self.root)? };
        for name in path.split(|c| *c == b'/').filter(|name| !name.is_empty()) {
            let Some(id) = dir.get(name).and_then(Node::subtree) else { return Ok(None) };
            dir = OldDir { id, tree: self.repository.engine().load_tree(id)? };
        }
        Ok(Some(dir))
    }

    /// Whether equal times prove that a file has not changed since: not if it changed while the parent was made.
    pub(super) fn trusts(&self, old: &Node) -> bool {
        old.ctime.at.seconds < self.began.seconds - RACY_SECONDS
    }
}

impl OldDir {
    /// The tree's id.
    pub(super) fn id(&self) -> TreeId {
        self.id
    }

    /// The node of that name.
    pub(super) fn get(&self, name: &[u8]) -> Option<&Node> {
        self.tree.find(name)
    }

    /// Whether its nodes are these, in the order of their names, and it has no others that cannot be understood.
    pub(super) fn holds(&self, nodes: &[Node], same: impl Fn(&Node, &Node) -> bool) -> bool {
        let old = self.tree.nodes();
        self.tree.faults().is_empty()
            && old.len() == nodes.len()
            && old.iter().zip(nodes).all(|(old, new)| same(old, new))
    }
}
