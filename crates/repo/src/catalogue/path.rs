//! From a path to what is there.

use holdfast_model::TreeId;

use super::{Blobs, CatalogueError, display_path};
use crate::tree::Node;

/// What a path leads to.
#[derive(Debug, Clone)]
pub enum Place {
    /// The root directory of the snapshot, which has a tree but no node.
    Root(TreeId),
    /// Anything beneath.
    Node(Box<Node>),
}

impl Place {
    /// The tree, if it is a directory.
    pub fn tree(&self) -> Option<TreeId> {
        match self {
            Self::Root(tree) => Some(*tree),
            Self::Node(node) => node.subtree(),
        }
    }
}

/// The names in a path. Empty ones and `.` are left out; `..` goes back one, as in Go's `path.Clean`.
pub fn split(path: &[u8]) -> Vec<&[u8]> {
    let mut names = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            _ => names.push(name),
        }
    }
    names
}

/// Follows a path from the root of a snapshot. Links are not followed.
pub fn resolve(blobs: &dyn Blobs, root: TreeId, path: &[u8]) -> Result<Place, CatalogueError> {
    let mut place = Place::Root(root);
    let mut walked = Vec::new();
    for name in split(path) {
        let shown = |path: &[u8]| display_path(if path.is_empty() { b"/" } else { path });
        let tree = place.tree().ok_or_else(|| CatalogueError::NotADirectory { path: shown(&walked) })?;
        let tree = blobs.tree(tree).map_err(|source| CatalogueError::Read { path: shown(&walked), source })?;
        walked.push(b'/');
        walked.extend_from_slice(name);
        let node = tree.find(name).ok_or_else(|| CatalogueError::NotFound { path: shown(&walked) })?;
        place = Place::Node(Box::new(node.clone()));
    }
    Ok(place)
}
