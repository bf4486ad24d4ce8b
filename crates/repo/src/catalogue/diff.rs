//! What has changed between two directories, with restic's signs: `+`, `-`, `M`, `T`, `U` and `?`.
//!
//! Directories with the same tree are equal and not compared; they are only read for the statistics.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use holdfast_model::{BlobId, CancelToken, TreeId};

use super::{Blobs, CatalogueError, Walk, display_path, join};
use crate::pack::BlobKind;
use crate::tree::{Node, NodeKind, Tree};

/// How to compare.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiffOptions {
    /// Report what differs in nothing but its metadata as well.
    pub metadata: bool,
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The path; that of a directory ends with a slash.
    pub path: Vec<u8>,
    /// What happened.
    pub change: Change,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Only the second one has it.
    Added,
    /// Only the first one has it.
    Removed,
    /// Both have it, and it differs.
    Modified {
        /// It is of another type.
        kind: bool,
        /// The content of the file is another.
        content: bool,
        /// Nothing but the content differs, not even a time: the storage may be rotting.
        bitrot: bool,
        /// The metadata is another, and the content is not.
        metadata: bool,
    },
}

impl Change {
    /// restic's signs for it.
    pub fn sign(self) -> String {
        match self {
            Self::Added => "+".to_owned(),
            Self::Removed => "-".to_owned(),
            Self::Modified { kind, content, bitrot, metadata } => {
                let signs = [(kind, 'T'), (content, 'M'), (bitrot, '?'), (metadata, 'U')];
                signs.into_iter().filter_map(|(is, sign)| is.then_some(sign)).collect()
            }
        }
    }
}

/// Counts of what one of two snapshots has and the other has not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiffStats {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub dirs: u64,
    /// Everything else.
    pub others: u64,
    /// Data blobs.
    pub data_blobs: u64,
    /// Tree blobs.
    pub tree_blobs: u64,
    /// Plaintext of those blobs, in bytes.
    pub bytes: u64,
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct DiffSummary {
    /// Files whose content differs.
    pub changed_files: u64,
    /// What only the second one has.
    pub added: DiffStats,
    /// What only the first one has.
    pub removed: DiffStats,
    /// Directories that could not be read, and blobs that the index does not know: what the comparison left out.
    pub errors: Vec<CatalogueError>,
}

/// Compares two directories and calls `report` for each difference, in order of the paths.
pub fn diff(
    blobs: &dyn Blobs,
    (first, second): (TreeId, TreeId),
    options: DiffOptions,
    cancel: &CancelToken,
    report: &mut dyn FnMut(Diff),
) -> Result<DiffSummary, CatalogueError> {
    let mut comparison =
        Comparison { blobs, options, cancel, report, summary: DiffSummary::default(), used: Default::default() };
    comparison.used[Side::First as usize].insert((BlobKind::Tree, first.into()));
    comparison.used[Side::Second as usize].insert((BlobKind::Tree, second.into()));
    // The two roots themselves must be there.
    for root in [first, second] {
        blobs.tree(root).map_err(|source| CatalogueError::Read { path: "/".to_owned(), source })?;
    }
    comparison.directories(first, second)?;
    Ok(comparison.finish())
}

#[derive(Debug, Clone, Copy)]
enum Side {
    First,
    Second,
    Common,
}

/// Two directories of the same path, and how far their nodes have been compared.
struct Level {
    pair: (Arc<Tree>, Arc<Tree>),
    next: (usize, usize),
    /// Length of their path.
    path: usize,
}

impl Level {
    /// The places of the next node on either side or, if both have one of the same name, on both.
    fn step(&mut self) -> Option<(Option<usize>, Option<usize>)> {
        let (a, b) = self.next;
        let order = match (self.pair.0.nodes().get(a), self.pair.1.nodes().get(b)) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.name.cmp(&b.name),
        };
        self.next = (a + usize::from(order.is_le()), b + usize::from(order.is_ge()));
        Some((order.is_le().then_some(a), order.is_ge().then_some(b)))
    }
}

struct Comparison<'a> {
    blobs: &'a dyn Blobs,
    options: DiffOptions,
    cancel: &'a CancelToken,
    report: &'a mut dyn FnMut(Diff),
    summary: DiffSummary,
    /// By side.
    used: [HashSet<(BlobKind, BlobId)>; 3],
}

impl Comparison<'_> {
    /// Compares two directories and all beneath them. Depth is no matter: the stack is our own.
    fn directories(&mut self, first: TreeId, second: TreeId) -> Result<(), CatalogueError> {
        let mut path = Vec::new();
        let mut stack: Vec<Level> = self.open(&path, first, second).into_iter().collect();
        while let Some(level) = stack.last_mut() {
            self.cancel.check()?;
            path.truncate(level.path);
            let pair = level.pair.clone();
            match level.step() {
                None => drop(stack.pop()),
                Some((Some(a), Some(b))) => {
                    let (a, b) = (&pair.0.nodes()[a], &pair.1.nodes()[b]);
                    path.push(b'/');
                    path.extend_from_slice(&a.name);
                    self.nodes(&path, a, b);
                    match (a.subtree(), b.subtree()) {
                        (Some(a), Some(b)) if a == b => self.common(&path, a)?,
                        (Some(a), Some(b)) => stack.extend(self.open(&path, a, b)),
                        _ => {}
                    }
                }
                Some((Some(a), None)) => self.only(&path, &pair.0.nodes()[a], Side::First)?,
                Some((None, b)) => {
                    let b = b.expect("a step gives at least one node");
                    self.only(&path, &pair.1.nodes()[b], Side::Second)?;
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, path: &[u8], first: TreeId, second: TreeId) -> Option<Level> {
        match (self.blobs.tree(first), self.blobs.tree(second)) {
            (Ok(first), Ok(second)) => {
                for source in first.faults().iter().chain(second.faults()).cloned() {
                    self.summary.errors.push(CatalogueError::Node { path: display_path(path), source });
                }
                Some(Level { pair: (first, second), next: (0, 0), path: path.len() })
            }
            (Err(source), _) | (_, Err(source)) => {
                self.summary.errors.push(CatalogueError::Read { path: display_path(path), source });
                None
            }
        }
    }

    /// Two of the same path.
    fn nodes(&mut self, path: &[u8], a: &Node, b: &Node) {
        self.count_blobs(Side::First, a);
        self.count_blobs(Side::Second, b);
        let kind = a.kind.as_str() != b.kind.as_str();
        let content = a.is_file() && b.is_file() && a.content() != b.content();
        let bitrot = content && {
            let mut same_content = b.clone();
            same_content.kind = a.kind.clone();
            same_content == *a
        };
        let metadata = self.options.metadata && !content && a != b;
        self.summary.changed_files += u64::from(content);
        if kind || content || metadata {
            let change = Change::Modified { kind, content, bitrot, metadata };
            (self.report)(Diff { path: with_slash(path, b), change });
        }
    }

    /// One that the other side does not have, with all beneath it.
    fn only(&mut self, directory: &[u8], node: &Node, side: Side) -> Result<(), CatalogueError> {
        let path = join(directory, &node.name);
        self.count_only(&path, node, side);
        let Some(tree) = node.subtree() else { return Ok(()) };
        for entry in Walk::new(self.blobs, &path, tree) {
            self.cancel.check()?;
            match entry {
                Ok(entry) => self.count_only(&entry.path, entry.node(), side),
                Err(error) => self.summary.errors.push(error),
            }
        }
        Ok(())
    }

    fn count_only(&mut self, path: &[u8], node: &Node, side: Side) {
        let (change, stats) = match side {
            Side::First => (Change::Removed, &mut self.summary.removed),
            Side::Second | Side::Common => (Change::Added, &mut self.summary.added),
        };
        match node.kind {
            NodeKind::File { .. } => stats.files += 1,
            NodeKind::Dir { .. } => stats.dirs += 1,
            _ => stats.others += 1,
        }
        self.count_blobs(side, node);
        (self.report)(Diff { path: with_slash(path, node), change });
    }

    /// A directory that is the same on both sides: its blobs are neither new nor gone, wherever else they appear.
    fn common(&mut self, path: &[u8], tree: TreeId) -> Result<(), CatalogueError> {
        let mut walk = Walk::new(self.blobs, path, tree);
        while let Some(entry) = walk.next() {
            self.cancel.check()?;
            match entry {
                Ok(entry) => {
                    let node = entry.node();
                    let known = node
                        .subtree()
                        .is_some_and(|tree| self.used[Side::Common as usize].contains(&(BlobKind::Tree, tree.into())));
                    if known {
                        walk.pass_over();
                    }
                    self.count_blobs(Side::Common, node);
                }
                Err(error) => self.summary.errors.push(error),
            }
        }
        Ok(())
    }

    fn count_blobs(&mut self, side: Side, node: &Node) {
        let used = &mut self.used[side as usize];
        used.extend(node.content().iter().map(|id| (BlobKind::Data, *id)));
        used.extend(node.subtree().map(|tree| (BlobKind::Tree, tree.into())));
    }

    fn finish(mut self) -> DiffSummary {
        let [first, second, common] = &self.used;
        let summary = &mut self.summary;
        for (ours, other, stats) in [(first, second, &mut summary.removed), (second, first, &mut summary.added)] {
            for &(kind, id) in ours.iter().filter(|blob| !other.contains(*blob) && !common.contains(*blob)) {
                match kind {
                    BlobKind::Data => stats.data_blobs += 1,
                    BlobKind::Tree => stats.tree_blobs += 1,
                }
                match self.blobs.size(kind, id) {
                    Some(size) => stats.bytes += size.plain,
                    None => {
                        let path = "one of the two snapshots".to_owned();
                        summary.errors.push(CatalogueError::MissingBlob { path, id });
                    }
                }
            }
        }
        self.summary
    }
}

fn with_slash(path: &[u8], node: &Node) -> Vec<u8> {
    let mut path = path.to_vec();
    if node.is_dir() {
        path.push(b'/');
    }
    path
}
