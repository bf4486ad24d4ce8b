//! Directories for the length of one test, in memory where the machine has room for it.

use std::path::{Path, PathBuf};

pub use tempfile::TempDir;

/// Less free memory than this and tests write to disk instead, in bytes.
const ROOM_IN_MEMORY: u64 = 2 << 30;

/// A fresh directory that goes when the value is dropped.
///
/// It lies beneath `HOLDFAST_TEST_DIR` if that is set, else in `/dev/shm` if that can hold files of every kind and
/// start programs, else where temporary files go. Its path has no blanks, so it may stand in an ssh command.
pub fn temp_dir() -> TempDir {
    let parent = parent();
    tempfile::Builder::new()
        .prefix("holdfast-test-")
        .tempdir_in(&parent)
        .unwrap_or_else(|error| panic!("cannot make a directory in {}: {error}", parent.display()))
}

fn parent() -> PathBuf {
    if let Some(chosen) = std::env::var_os("HOLDFAST_TEST_DIR") {
        return chosen.into();
    }
    let memory = Path::new("/dev/shm");
    if serves(memory) { memory.to_owned() } else { std::env::temp_dir() }
}

fn serves(path: &Path) -> bool {
    use rustix::fs::StatVfsMountFlags as Flags;
    rustix::fs::statvfs(path).is_ok_and(|fs| {
        // Containers often give /dev/shm 64 MiB and forbid programs and devices on it.
        fs.f_bavail.saturating_mul(fs.f_frsize) >= ROOM_IN_MEMORY
            && !fs.f_flag.intersects(Flags::NOEXEC | Flags::NOSUID | Flags::NODEV | Flags::RDONLY)
            && rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_there_until_it_is_dropped() {
        let dir = temp_dir();
        let path = dir.path().to_owned();
        assert!(path.is_dir());
        assert!(!path.to_string_lossy().contains(char::is_whitespace));
        drop(dir);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_system_that_is_not_there_does_not_serve() {
        assert!(!serves(Path::new("/nonexistent")));
        assert!(!serves(Path::new("/proc")));
    }
}
