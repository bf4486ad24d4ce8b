//! What lies in a tree: its files in a fixed order, their number and their size.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extent {
    pub(crate) files: u64,
    pub(crate) dirs: u64,
    /// The sizes of all files, holes included.
    pub(crate) bytes: u64,
    /// What they take on the disk, in bytes.
    pub(crate) allocated: u64,
}

/// Measures a tree, without following links.
pub(crate) fn extent(root: &Path) -> Result<Extent> {
    let mut extent = Extent::default();
    visit(root, &mut |_, metadata| {
        if metadata.is_dir() {
            extent.dirs += 1;
        } else {
            extent.files += 1;
            extent.allocated += metadata.blocks() * 512;
        }
        if metadata.is_file() {
            extent.bytes += metadata.len();
        }
    })?;
    Ok(extent)
}

/// All regular files, in the order of their paths.
pub(super) fn regular_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    visit(root, &mut |path, metadata| {
        if metadata.is_file() {
            files.push(path.to_owned());
        }
    })?;
    files.sort_unstable();
    Ok(files)
}

/// The directory without subdirectories whose number of files is nearest to a hundred; of several the first.
pub(crate) fn hundred_files(root: &Path) -> Result<(PathBuf, u64)> {
    let mut counts = std::collections::BTreeMap::<PathBuf, Option<u64>>::new();
    visit(root, &mut |path, metadata| {
        let Some(parent) = path.parent().filter(|parent| parent.starts_with(root)) else { return };
        let count = counts.entry(parent.to_owned()).or_insert(Some(0));
        *count = count.filter(|_| !metadata.is_dir()).map(|count| count + 1);
    })?;
    let leaves = counts.into_iter().filter_map(|(path, count)| Some((path, count?)));
    leaves.min_by_key(|(_, count)| count.abs_diff(100)).context("the tree has no files")
}

fn visit(path: &Path, see: &mut dyn FnMut(&Path, &std::fs::Metadata)) -> Result<()> {
    let metadata = path.symlink_metadata().with_context(|| format!("cannot look at {}", path.display()))?;
    see(path, &metadata);
    if metadata.is_dir() {
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
        for entry in entries {
            visit(&entry.with_context(|| format!("cannot list {}", path.display()))?.path(), see)?;
        }
    }
    Ok(())
}
