//! The folder into which a sample is restored, for nobody else to see, and gone afterwards: what a process left that died is
//! removed by the next.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, statvfs};
use tempfile::TempDir;

/// Where they are beneath the state folder.
const NAME: &str = "verify";

/// A folder of its own. As long as it is in use it is locked.
pub(super) struct Folder {
    dir: TempDir,
    // Let go when it is gone.
    _lock: File,
}

impl Folder {
    /// A new one; removes those that nobody uses.
    pub(super) fn make(state: &Path) -> io::Result<Self> {
        let base = state.join(NAME);
        DirBuilder::new().recursive(true).mode(0o700).create(&base)?;
        // Whoever makes one holds this, so that none is removed before it is locked.
        let making = File::open(&base)?;
        flock(&making, FlockOperation::LockExclusive)?;
        for entry in fs::read_dir(&base)? {
            remove_unused(&entry?.path());
        }
        let dir = tempfile::Builder::new().prefix("sample-").tempdir_in(base.canonicalize()?)?;
        let lock = File::open(dir.path())?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { dir, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn path_bytes(&self) -> Vec<u8> {
        self.dir.path().as_os_str().as_bytes().to_vec()
    }
}

fn remove_unused(path: &Path) {
    let is_unused = |dir: &File| flock(dir, FlockOperation::NonBlockingLockExclusive).is_ok();
    if File::open(path).is_ok_and(|dir| is_unused(&dir)) {
        // One that cannot be removed now is tried again the next time.
        let _ = fs::remove_dir_all(path);
    }
}

/// Bytes that a sample may take: half of what is free.
pub(super) fn room(state: &Path) -> u64 {
    let mut at: PathBuf = state.to_path_buf();
    loop {
        match statvfs(&at) {
            Ok(found) => return found.f_bavail.saturating_mul(found.f_frsize) / 2,
            // It is not made yet.
            Err(_) if at.pop() => {}
            Err(_) => return u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::temp_dir;

    use super::*;

    #[test]
    fn what_a_dead_process_left_is_removed_and_what_is_in_use_stays() {
        let dir = temp_dir();
        let left = dir.path().join("verify/sample-old");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("secret"), "x").unwrap();
        let one = Folder::make(dir.path()).unwrap();
        assert!(!left.exists());
        fs::write(one.path().join("file"), "x").unwrap();
        let other = Folder::make(dir.path()).unwrap();
        assert!(one.path().join("file").exists() && other.path() != one.path());
        let path = one.path().to_path_buf();
        drop(one);
        assert!(!path.exists() && other.path().exists());
    }
}
