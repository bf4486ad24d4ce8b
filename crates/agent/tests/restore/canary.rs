//! Something outside of the target that must survive every restore.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use holdfast_testkit::Tree;

/// A directory that must not change, in content or in any attribute.
pub(crate) struct Canary {
    pub(crate) tree: Tree,
    before: Vec<(PathBuf, u32, u32, i64, i64, u64)>,
}

impl Canary {
    /// Always in the test's own directory: what a defect would write to must not be the machine's.
    pub(crate) fn new(path: &Path) -> Self {
        let tree = Tree::create(path);
        tree.file("file", "alive").file("dir/file", "alive").fifo("fifo").symlink("link", "file").dir("empty");
        tree.mode("file", 0o640);
        let mut canary = Self { tree, before: Vec::new() };
        canary.before = canary.state();
        canary
    }

    fn state(&self) -> Vec<(PathBuf, u32, u32, i64, i64, u64)> {
        let mut state: Vec<_> = ["", "file", "dir", "dir/file", "fifo", "link", "empty"]
            .map(|path| {
                let stat = fs::symlink_metadata(self.tree.path(path)).expect("the canary can be looked at");
                (PathBuf::from(path), stat.mode(), stat.uid(), stat.mtime(), stat.mtime_nsec(), stat.size())
            })
            .into();
        state.push((
            PathBuf::new(),
            0,
            0,
            0,
            0,
            fs::read_dir(self.tree.root()).expect("the canary can be looked at").count() as u64,
        ));
        state.push((
            PathBuf::new(),
            0,
            0,
            0,
            0,
            fs::read_dir(self.tree.path("empty")).expect("the canary can be looked at").count() as u64,
        ));
        state
    }

    #[track_caller]
    pub(crate) fn assert_alive(&self) {
        assert_eq!(self.state(), self.before);
        assert_eq!(fs::read(self.tree.path("file")).expect("the canary can be looked at"), b"alive");
        assert_eq!(fs::read(self.tree.path("dir/file")).expect("the canary can be looked at"), b"alive");
    }
}

