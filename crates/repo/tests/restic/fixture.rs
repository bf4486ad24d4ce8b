//! A directory with a source tree, and a repository that restic wrote of it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_repo::key::KdfCost;
use holdfast_repo::{ChunkerKind, InitOptions, OpenOptions, RepoError, Repository};
use holdfast_store::LocalStore;
use holdfast_testkit::{Restic, TempDir, Tree, temp_dir};
use serde_json::Value;

pub(crate) const PASSWORD: &str = "a password";

/// What a key costs that restic opens and no test waits for.
pub(crate) const CHEAP: KdfCost = KdfCost { log_n: 4, r: 8, p: 1 };

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) restic: Restic,
    pub(crate) source: PathBuf,
    pub(crate) repository: PathBuf,
}

impl Fixture {
    /// An empty repository of restic's. Without restic the test is skipped.
    pub(crate) fn empty() -> Option<Self> {
        let fixture = Self::nothing()?;
        fixture.restic.ok(["init"]);
        Some(fixture)
    }

    /// With two snapshots of a tree that changed in between.
    pub(crate) fn by_restic_alone() -> Option<Self> {
        let fixture = Self::empty()?;
        fixture.two_snapshots();
        Some(fixture)
    }

    /// The same, with a key of ours that opens fast: for tests that open it often.
    pub(crate) fn with_two_snapshots() -> Option<Self> {
        let fixture = Self::nothing()?;
        let init = InitOptions { chunker: ChunkerKind::Rabin, kdf_cost: CHEAP };
        Repository::init(fixture.store(), PASSWORD.as_bytes(), init, OpenOptions::default()).unwrap();
        fixture.two_snapshots();
        Some(fixture)
    }

    fn nothing() -> Option<Self> {
        let dir = temp_dir();
        let repository = dir.path().join("repository");
        let restic = Restic::new(&repository, PASSWORD)?;
        let source = dir.path().join("source");
        Some(Self { dir, restic, source, repository })
    }

    fn store(&self) -> Arc<LocalStore> {
        Arc::new(LocalStore::new(&self.repository))
    }

    fn two_snapshots(&self) {
        let tree = Tree::create(&self.source);
        tree.dir("etc/conf.d").file("etc/conf.d/a.conf", "a").file("etc/conf.d/b.conf", "b").file("empty", "");
        tree.random_file("large", 5 << 20, 1).many_files("many", 60, 2).symlink("link", "etc").fifo("pipe");
        tree.hard_link("etc/also-a", "etc/conf.d/a.conf").file("naïve \"name\"\n\\", "x").file("gone/inner", "i");
        self.backup();
        tree.file("etc/conf.d/b.conf", "changed").remove("gone/inner").remove("gone").file("new/deep/er", "n");
        tree.remove("pipe").file("pipe", "a file now").mode("empty", 0o600);
        self.backup();
    }

    pub(crate) fn backup(&self) {
        self.restic.ok([OsStr::new("backup"), self.source.as_os_str()]);
    }

    pub(crate) fn open(&self) -> Repository {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<Repository, RepoError> {
        Repository::open(self.store(), PASSWORD.as_bytes(), OpenOptions::default())
    }

    /// Opened, with its index read.
    pub(crate) fn open_with_index(&self) -> Repository {
        let repository = self.open();
        repository.engine().refresh().unwrap();
        repository
    }

    /// What restic prints as JSON, one document a line.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Vec<Value> {
        let said = self.restic.ok(arguments);
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
