//! Searching snapshots: for names, for times, and for the blobs that make them up.
//!
//! Snapshots of one host have most directories in common. A directory at the same path with the same tree, in which
//! nothing was found in one snapshot, is not read again for the next.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use holdfast_model::pattern::{PatternList, Verdict};
use holdfast_model::{BlobId, CancelToken, Timestamp, TreeId};

use super::{Blobs, CatalogueError, Walk, WalkEntry};

/// Judges a path.
type Judge<'a> = Box<dyn Fn(&[u8]) -> Verdict + 'a>;

/// A search that goes from snapshot to snapshot.
pub struct Find<'a> {
    blobs: &'a dyn Blobs,
    judge: Judge<'a>,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    barren: HashSet<(u64, TreeId)>,
    hasher: RandomState,
}

impl<'a> Find<'a> {
    /// Searches for paths that `judge` says match. It must give the same answer for the same path each time.
    pub fn new(blobs: &'a dyn Blobs, judge: impl Fn(&[u8]) -> Verdict + 'a) -> Self {
        let barren = HashSet::new();
        Self { blobs, judge: Box::new(judge), oldest: None, newest: None, barren, hasher: RandomState::new() }
    }

    /// Searches for paths that one of the patterns chooses.
    pub fn matching(blobs: &'a dyn Blobs, patterns: &'a PatternList) -> Self {
        Self::new(blobs, |path| patterns.verdict(path))
    }

    /// Only what was last changed within these times, both included.
    #[must_use]
    pub fn changed(mut self, oldest: Option<Timestamp>, newest: Option<Timestamp>) -> Self {
        (self.oldest, self.newest) = (oldest, newest);
        self
    }

    /// Gives every match in a snapshot to `found`, and every directory that can't be read as an error.
    pub fn search(
        &mut self,
        root: TreeId,
        cancel: &CancelToken,
        mut found: impl FnMut(Result<&WalkEntry, CatalogueError>),
    ) -> Result<(), CatalogueError> {
        let mut walk = Walk::new(self.blobs, b"/", root);
        // The directories that the walk is in, and the count of finds when it entered each.
        let mut inside: Vec<((u64, TreeId), usize, u64)> = Vec::new();
        let mut finds = 0u64;
        while let Some(entry) = walk.next() {
            cancel.check()?;
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    // What can't be read is searched for again in the next snapshot.
                    finds += 1;
                    found(Err(error));
                    continue;
                }
            };
            self.leave(&mut inside, entry.depth, finds);
            let Verdict { matched, child_may_match } = (self.judge)(&entry.path);
            let node = entry.node();
            let time = node.mtime.at;
            let in_time =
                self.oldest.is_none_or(|oldest| time >= oldest) && self.newest.is_none_or(|newest| time <= newest);
            if matched && in_time {
                finds += 1;
                found(Ok(&entry));
            }
            if let Some(tree) = node.subtree() {
                let key = (self.hasher.hash_one(&entry.path), tree);
                if !child_may_match || self.barren.contains(&key) {
                    walk.pass_over();
                } else {
                    inside.push((key, entry.depth, finds));
                }
            }
        }
        self.leave(&mut inside, 0, finds);
        Ok(())
    }

    /// Remembers the directories that the walk has left and in which nothing was found.
    fn leave(&mut self, inside: &mut Vec<((u64, TreeId), usize, u64)>, depth: usize, finds: u64) {
        while let Some((key, _, before)) = inside.pop_if(|(_, at, _)| *at >= depth) {
            if before == finds {
                self.barren.insert(key);
            }
        }
    }
}

/// Blobs and trees to be searched for, by their ids.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    /// Data blobs.
    pub data: HashSet<BlobId>,
    /// Trees.
    pub trees: HashSet<TreeId>,
}

impl Objects {
    /// Gives every place in a snapshot that has one of them to `found`: the path, the tree around it, and the id. The
    /// root directory is in no tree.
    pub fn search(
        &self,
        blobs: &dyn Blobs,
        root: TreeId,
        cancel: &CancelToken,
        mut found: impl FnMut(&[u8], Option<TreeId>, BlobId),
    ) -> Result<(), CatalogueError> {
        if self.trees.contains(&root) {
            found(b"/", None, root.into());
        }
        for entry in Walk::new(blobs, b"/", root) {
            cancel.check()?;
            let entry = entry?;
            let node = entry.node();
            if let Some(tree) = node.subtree().filter(|tree| self.trees.contains(tree)) {
                found(&entry.path, Some(entry.parent), tree.into());
            }
            for id in node.content().iter().filter(|id| self.data.contains(*id)) {
                found(&entry.path, Some(entry.parent), *id);
            }
        }
        Ok(())
    }
}
