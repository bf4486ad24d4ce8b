//! Sweeping up files of writers that died, on file systems where a file being written has a temporary name.
//!
//! Only names of our own pattern, whose lock nobody holds and that nobody has written to for an hour: the lock alone is not enough, for it
//! is taken just after the file is made, and does not reach other machines on every network file system.

use std::os::fd::OwnedFd;
use std::time::Duration;

use holdfast_model::Timestamp;
use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags, flock, fstat, openat, unlinkat};
use rustix::io::Errno;

use super::folder;
use crate::layout::{self, TEMPORARY};

/// How long a temporary file must have been left alone.
const AGE: Duration = Duration::from_secs(3600);

/// Deletes the leftovers beneath a root and counts them.
pub(super) fn sweep(root: &OwnedFd, now: Timestamp) -> Result<u64, Errno> {
    let mut swept = sweep_folder(root, now)?;
    for path in layout::folders() {
        match openat(root, &path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(folder) => swept += sweep_folder(&folder, now)?,
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(swept)
}

fn sweep_folder(folder: &OwnedFd, now: Timestamp) -> Result<u64, Errno> {
    let mut swept = 0;
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name.contains(TEMPORARY) && is_abandoned(folder, name, now)? {
            match unlinkat(folder, name, AtFlags::empty()) {
                Ok(()) => swept += 1,
                // Another sweep was faster.
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    if swept > 0 {
        folder::sync(folder)?;
    }
    Ok(swept)
}

fn is_abandoned(folder: &OwnedFd, name: &str, now: Timestamp) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::ACCESS | Errno::LOOP) => return Ok(false),
        Err(errno) => return Err(errno),
    };
    let found = fstat(&file)?;
    let modified = Timestamp { seconds: found.st_mtime, nanoseconds: found.st_mtime_nsec as u32 };
    Ok(now.since(modified) > AGE && flock(&file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::AGAIN))
}
