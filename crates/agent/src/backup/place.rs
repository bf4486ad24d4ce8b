//! A directory of the walk, with everything that decides what of it is backed up.

use std::sync::Arc;

use super::handle::DirHandle;
use super::roots::RootNode;

/// A directory to list. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) handle: Arc<DirHandle>,
    pub(crate) extent: Extent,
    /// Roots beneath it.
    pub(crate) roots: Option<Arc<RootNode>>,
    /// The only device whose files belong to the backup, if it keeps to one.
    pub(crate) device: Option<u64>,
}

/// How much of a directory is backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Only the ways to roots.
    Way,
    /// Everything that the filter lets through.
    All,
    /// Nothing: another file system is mounted there, or it can't be read. The directory itself is.
    Nothing,
}

/// A subdirectory that was met, not yet opened.
pub(crate) struct Subdir {
    pub(crate) name: Box<[u8]>,
    pub(crate) extent: Extent,
    /// Whether it is a root itself: then its own file system counts.
    pub(crate) is_root: bool,
    pub(crate) roots: Option<Arc<RootNode>>,
}
