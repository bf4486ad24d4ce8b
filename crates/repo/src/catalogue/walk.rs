//! Walking through a tree: each directory before what is in it, names in order.
//!
//! Depth is no matter: the walk keeps its own stack, and one path for all of it.

use std::sync::Arc;

use holdfast_model::TreeId;

use super::{Blobs, CatalogueError, display_path};
use crate::tree::{Node, Tree};

/// Goes through everything beneath a directory, which itself is not given.
///
/// A directory that can't be read gives an error, once, and the walk goes on behind it; so does each node that can't be
/// understood.
pub struct Walk<'a> {
    blobs: &'a dyn Blobs,
    stack: Vec<Level>,
    /// The path of what was given last.
    path: Vec<u8>,
    /// The tree of the directory that was given last: entered next, unless it is passed over.
    ahead: Option<TreeId>,
}

struct Level {
    id: TreeId,
    tree: Arc<Tree>,
    next: usize,
    /// How many of its faults have been told.
    faults: usize,
    /// Length of the directory's path.
    path: usize,
}

/// Something in a snapshot.
#[derive(Debug, Clone)]
pub struct WalkEntry {
    /// Its path.
    pub path: Vec<u8>,
    /// How many directories of the walk it is in, the first one included.
    pub depth: usize,
    /// The tree that it is in.
    pub parent: TreeId,
    tree: Arc<Tree>,
    at: usize,
}

impl WalkEntry {
    /// What is there.
    pub fn node(&self) -> &Node {
        &self.tree.nodes()[self.at]
    }
}

impl<'a> Walk<'a> {
    /// Walks through what is beneath the directory at `path`, whose tree is `tree`.
    pub fn new(blobs: &'a dyn Blobs, path: &[u8], tree: TreeId) -> Self {
        let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
        Self { blobs, stack: Vec::new(), path, ahead: Some(tree) }
    }

    /// Leaves out what is beneath the directory that was given last. Does nothing if that was no directory.
    pub fn pass_over(&mut self) {
        self.ahead = None;
    }

    /// The path of the directory that has just been entered, or could not be.
    fn directory(&self) -> String {
        display_path(if self.path.is_empty() { b"/" } else { &self.path })
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<WalkEntry, CatalogueError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(id) = self.ahead.take() {
            match self.blobs.tree(id) {
                Ok(tree) => self.stack.push(Level { id, tree, next: 0, faults: 0, path: self.path.len() }),
                Err(source) => return Some(Err(CatalogueError::Read { path: self.directory(), source })),
            }
        }
        while let Some(level) = self.stack.last_mut() {
            if let Some(source) = level.tree.faults().get(level.faults).cloned() {
                level.faults += 1;
                return Some(Err(CatalogueError::Node { path: self.directory(), source }));
            }
            let at = level.next;
            let Some(node) = level.tree.nodes().get(at) else {
                self.stack.pop();
                continue;
            };
            level.next += 1;
            self.path.truncate(level.path);
            self.path.push(b'/');
            self.path.extend_from_slice(&node.name);
            self.ahead = node.subtree();
            let (path, parent, tree) = (self.path.clone(), level.id, Arc::clone(&level.tree));
            return Some(Ok(WalkEntry { path, depth: self.stack.len(), parent, tree, at }));
        }
        None
    }
}
