//! Opens a file for reading, without a trace and without ever waiting for somebody else.

use std::sync::Arc;

use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{self, Errno};

use crate::backup::handle::{DirHandle, open_unseen};
use crate::backup::stat::{Kind, Stat};

/// Opens a name in a directory, not following a symbolic link. It may be anything by now: look at what it is.
pub(super) fn open(dir: &Arc<DirHandle>, name: &[u8]) -> io::Result<(OwnedFd, Stat)> {
    let above = dir.fd()?;
    // A pipe that was put in the file's place must not make the open wait, nor a terminal become ours.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match dir.cache().retry(|| open_unseen(&above, name, flags)) {
        Err(Errno::AGAIN) => open_leased(&above, name)?,
        other => other?,
    };
    let stat = Stat::of(file.as_fd())?;
    Ok((file, stat))
}

/// A file server holds a lease on the file (as Samba does for its clients) and gets the time to give it up, which the
/// kernel bounds. Only a regular file can have one, so it is made sure first that it is one.
fn open_leased(above: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    let path = rustix::fs::openat(above, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if Stat::of(path.as_fd())?.kind != Kind::File {
        return Err(Errno::AGAIN);
    }
    let link = format!("/proc/self/fd/{}", path.as_raw_fd());
    rustix::fs::open(link, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}
