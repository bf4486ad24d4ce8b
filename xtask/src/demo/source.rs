//! Chooses what the demonstration backs up: something real that every Linux machine has and everyone may read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Enough to show something, and little enough not to keep anyone waiting.
const FILES: std::ops::RangeInclusive<u64> = 1_000..=40_000;
const BYTES: u64 = 800 << 20;

/// A directory and what is in it.
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Regular files.
    pub(super) files: u64,
}

pub(super) fn choose() -> Result<Source> {
    let candidates =
        ["/usr/share", "/usr/share/doc", "/usr/lib/python3", "/usr/include", "/usr/share/zoneinfo", "/etc"];
    let fits = candidates.iter().find_map(|path| fitting(Path::new(path)));
    fits.context("found no directory with some thousand files on this machine to demonstrate a backup with")
}

/// The source, if all of it can be read and it has the right size.
fn fitting(path: &Path) -> Option<Source> {
    let mut size = Size::default();
    measure(path, &mut size)?;
    let fits = FILES.contains(&size.files);
    fits.then(|| Source { path: path.to_owned(), files: size.files })
}

#[derive(Default)]
struct Size {
    files: u64,
    bytes: u64,
}

/// `None` as soon as it is too much, or something cannot be read.
fn measure(dir: &Path, size: &mut Size) -> Option<()> {
    for entry in std::fs::read_dir(dir).ok()? {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok()?;
        if metadata.is_dir() {
            measure(&entry.path(), size)?;
        } else if metadata.is_file() {
            std::fs::File::open(entry.path()).ok()?;
            size.files += 1;
            size.bytes += metadata.len();
        }
        if size.files > *FILES.end() || size.bytes > BYTES {
            return None;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::{Tree, temp_dir};

    use super::*;

    #[test]
    fn a_directory_fits_if_it_has_some_thousand_files() {
        let dir = temp_dir();
        let tree = Tree::create(dir.path());
        tree.many_files("a", 999, 1);
        assert!(fitting(dir.path()).is_none());
        tree.file("one-more", "").symlink("no-file", "a");
        assert_eq!(fitting(dir.path()).unwrap().files, 1_000);
        tree.sparse_file("huge", BYTES + 1, &[]);
        assert!(fitting(dir.path()).is_none());
    }
}
