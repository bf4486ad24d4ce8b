//! One run at a time for each repository: a lock on a file in the state directory, which ends with its process.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use holdfast_store::Place;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Holds the lock.
#[derive(Debug)]
pub struct Instance {
    _file: File,
}

impl Instance {
    /// Takes the lock of a repository's address; `None` if another run holds it.
    pub fn take(state: &Path, address: &str) -> Result<Option<Self>> {
        let folder = state.join("runs");
        let path = folder.join(format!("{:016x}.lock", hash(place(address).as_os_str().as_encoded_bytes())));
        let cannot = || format!("cannot use the lock file {}", path.display());
        // Nobody else needs to know which repositories there are.
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(cannot)?;
        let file = File::options().create(true).append(true).mode(0o600).open(&path).with_context(cannot)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error).with_context(cannot),
        }
    }
}

/// The address, written in one way if it is a directory here.
fn place(address: &str) -> PathBuf {
    match address.parse() {
        Ok(Place::Local(path)) => fs::canonicalize(&path).or_else(|_| std::path::absolute(&path)).unwrap_or(path),
        _ => PathBuf::from(address),
    }
}

/// FNV-1a (RFC 9923): the same in all versions of the program.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_runs_for_one_repository_the_second_starts_nothing() {
        let state = holdfast_testkit::temp_dir();
        let first = Instance::take(state.path(), "/tmp/").unwrap();
        assert!(first.is_some());
        assert!(Instance::take(state.path(), "/tmp").unwrap().is_none());
        assert!(Instance::take(state.path(), "/usr").unwrap().is_some());
        drop(first);
        assert!(Instance::take(state.path(), "/tmp").unwrap().is_some());
    }

    #[test]
    fn nobody_else_can_look_into_the_state() {
        use std::os::unix::fs::MetadataExt;
        let dir = holdfast_testkit::temp_dir();
        let state = dir.path().join("state");
        let _held = Instance::take(&state, "/tmp").unwrap();
        for folder in [&state, &state.join("runs")] {
            assert_eq!(fs::metadata(folder).unwrap().mode() & 0o077, 0, "{}", folder.display());
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
