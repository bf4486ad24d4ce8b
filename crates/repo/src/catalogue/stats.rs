//! How large snapshots are, counted in restic's four ways.

use std::collections::{HashMap, HashSet};

use holdfast_model::{BlobId, CancelToken, TreeId};
use sha2::{Digest, Sha256};

use super::{Blobs, CatalogueError, Walk, WalkEntry, display_path};
use crate::pack::BlobKind;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatsMode {
    /// What a restore of every snapshot would write; hard links once per snapshot.
    #[default]
    RestoreSize,
    /// Files of different content.
    FilesByContents,
    /// The blobs of each file of different content, by its path.
    BlobsPerFile,
    /// The blobs as they are stored, each once.
    RawData,
}

/// The result. Sizes in bytes; what a mode does not count is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
    /// Size.
    pub size: u64,
    /// Size before compression, encryption included.
    pub uncompressed: u64,
    /// Compressed blobs as they are stored.
    pub compressed_blobs: u64,
    /// Compressed blobs before compression.
    pub compressed_blobs_uncompressed: u64,
    /// Files (in the mode [`StatsMode::RestoreSize`]: everything that has a name).
    pub files: u64,
    /// Blobs.
    pub blobs: u64,
    /// Snapshots.
    pub snapshots: u64,
}

impl Totals {
    /// How many times smaller compression made what it was used on.
    pub fn compression_ratio(&self) -> Option<f64> {
        ratio(self.compressed_blobs_uncompressed, self.compressed_blobs)
    }

    /// How many percent of the data are compressed.
    pub fn compression_progress(&self) -> Option<f64> {
        ratio(self.compressed_blobs_uncompressed, self.uncompressed).map(|part| part * 100.0)
    }

    /// How many percent of the room compression saves.
    pub fn space_saving(&self) -> Option<f64> {
        ratio(self.size, self.uncompressed).map(|part| (1.0 - part) * 100.0)
    }
}

fn ratio(a: u64, b: u64) -> Option<f64> {
    (b > 0).then(|| a as f64 / b as f64)
}

/// Counts snapshot after snapshot.
pub struct Stats<'a> {
    blobs: &'a dyn Blobs,
    mode: StatsMode,
    version: u32,
    totals: Totals,
    contents: HashSet<[u8; 32]>,
    by_path: HashMap<Vec<u8>, HashSet<BlobId>>,
    used: HashSet<(BlobKind, BlobId)>,
}

impl<'a> Stats<'a> {
    /// Nothing counted yet. `version` is that of the repository's format: the first knows no compression.
    pub fn new(blobs: &'a dyn Blobs, mode: StatsMode, version: u32) -> Self {
        Self {
            blobs,
            mode,
            version,
            totals: Totals::default(),
            contents: HashSet::new(),
            by_path: HashMap::new(),
            used: HashSet::new(),
        }
    }

    /// Counts a snapshot. Fails at the first thing that can't be read: half a count would be none.
    pub fn add(&mut self, root: TreeId, cancel: &CancelToken) -> Result<(), CatalogueError> {
        self.totals.snapshots += 1;
        if self.mode == StatsMode::RawData && !self.used.insert((BlobKind::Tree, root.into())) {
            return Ok(());
        }
        let mut links = HashSet::new();
        let mut walk = Walk::new(self.blobs, b"/", root);
        while let Some(entry) = walk.next() {
            cancel.check()?;
            let entry = entry?;
            match self.mode {
                StatsMode::RestoreSize => self.restore_size(&entry, &mut links),
                StatsMode::FilesByContents | StatsMode::BlobsPerFile => self.by_contents(&entry)?,
                StatsMode::RawData => {
                    let node = entry.node();
                    self.used.extend(node.content().iter().map(|id| (BlobKind::Data, *id)));
                    if node.subtree().is_some_and(|tree| !self.used.insert((BlobKind::Tree, tree.into()))) {
                        walk.pass_over();
                    }
                }
            }
        }
        Ok(())
    }

    /// The sums.
    pub fn finish(mut self) -> Result<Totals, CatalogueError> {
        for &(kind, id) in &self.used {
            let path = "a snapshot".to_owned();
            let size = self.blobs.size(kind, id).ok_or(CatalogueError::MissingBlob { path, id })?;
            self.totals.size += size.stored;
            self.totals.blobs += 1;
            if self.version >= 2 {
                let uncompressed = size.plain + u64::from(crate::pack::SEAL_OVERHEAD);
                self.totals.uncompressed += uncompressed;
                if size.compressed {
                    self.totals.compressed_blobs += size.stored;
                    self.totals.compressed_blobs_uncompressed += uncompressed;
                }
            }
        }
        Ok(self.totals)
    }

    fn restore_size(&mut self, entry: &WalkEntry, links: &mut HashSet<(u64, u64)>) {
        let node = entry.node();
        self.totals.files += 1;
        let alone = node.links == 1 || node.is_dir() || node.inode == 0;
        if alone || links.insert((node.device_id, node.inode)) {
            self.totals.size += node.size;
        }
    }

    fn by_contents(&mut self, entry: &WalkEntry) -> Result<(), CatalogueError> {
        let node = entry.node();
        let mut hash = Sha256::new();
        for id in node.content() {
            hash.update(id.as_bytes());
        }
        if !self.contents.insert(hash.finalize().into()) {
            return Ok(());
        }
        if self.mode == StatsMode::FilesByContents {
            self.totals.files += 1;
            self.totals.size += node.size;
            return Ok(());
        }
        for &id in node.content() {
            let known = self.by_path.entry(entry.path.clone()).or_insert_with(|| {
                self.totals.files += 1;
                HashSet::new()
            });
            if known.insert(id) {
                let size = self.blobs.size(BlobKind::Data, id);
                let path = || display_path(&entry.path);
                let size = size.ok_or_else(|| CatalogueError::MissingBlob { path: path(), id })?;
                self.totals.size += size.plain;
                self.totals.blobs += 1;
            }
        }
        Ok(())
    }
}
