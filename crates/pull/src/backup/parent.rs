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
    /// The directories on the way to the one that was looked up last, each with its name, the root first. Lookups come in
    /// runs of neighbours, and a tree may be too large for any cache.
    way: Vec<(Box<[u8]>, OldDir)>,
}

/// A directory of the parent.
#[derive(Clone)]
pub(super) struct OldDir {
    id: TreeId,
    tree: Arc<Tree>,
}

impl Parent {
    /// Compares with the tree `root` of a backup that began at `began` on the client's clock.
    pub(super) fn new(repository: Repository, root: TreeId, began: Timestamp) -> Self {
        Self { repository, root, began, way: Vec::new() }
    }

    /// The directory at an absolute path, if it was one.
    pub(super) fn dir(&mut self, path: &[u8]) -> Result<Option<OldDir>, ReadError> {
        let mut depth = 0;
        let mut found = self.enter(&mut depth, b"", Some(self.root))?;
        for name in path.split(|c| *c == b'/').filter(|name| !name.is_empty()) {
            let Some(dir) = found else { return Ok(None) };
            found = self.enter(&mut depth, name, dir.get(name).and_then(Node::subtree))?;
        }
        Ok(found)
    }

    /// One step further on the way.
    fn enter(&mut self, depth: &mut usize, name: &[u8], id: Option<TreeId>) -> Result<Option<OldDir>, ReadError> {
        let Some(id) = id else { return Ok(None) };
        if !self.way.get(*depth).is_some_and(|(known, dir)| **known == *name && dir.id == id) {
            self.way.truncate(*depth);
            let tree = self.repository.engine().load_tree(id)?;
            self.way.push((name.into(), OldDir { id, tree }));
        }
        let dir = self.way[*depth].1.clone();
        *depth += 1;
        Ok(Some(dir))
    }

    /// Whether equal times prove that a file has not changed since: not if it changed while the parent was made.
    pub(super) fn trusts(&self, old: &Node) -> bool {
        old.ctime.at.seconds < self.began.seconds.saturating_sub(RACY_SECONDS)
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
