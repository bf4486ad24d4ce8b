//! Folders of a local repository: opened, made, and synced into their parents.
//!
//! A new folder is synced into its parent before anything is put into it.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fstat, fstatfs, fsync, mkdirat, openat, stat, statat};
use rustix::io::Errno;

use crate::layout;

/// The root directory of a repository, and the modes of what is made in it.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) fd: OwnedFd,
    pub(super) modes: Modes,
}

/// Modes of new folders and files: as restic, for the owner alone unless the group may read the config.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modes {
    pub(super) folder: Mode,
    /// Files are never written again, hence read-only.
    pub(super) file: Mode,
}

impl Modes {
    const OWNER: Self = Self { folder: Mode::RWXU, file: Mode::RUSR };
    const GROUP: Self = Self { folder: Mode::RWXU.union(Mode::RWXG), file: Mode::RUSR.union(Mode::RGRP) };
}

impl Root {
    /// Opens the directory, which must exist.
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        let fd = openat(CWD, path, FOLDER, Mode::empty())?;
        let modes = match statat(&fd, "config", rustix::fs::AtFlags::empty()) {
            Ok(config) if Mode::from_raw_mode(config.st_mode).contains(Mode::RGRP) => Modes::GROUP,
            _ => Modes::OWNER,
        };
        Ok(Self { fd, modes })
    }

    /// Whether the path leads to it. Another disk may be mounted there by now, or none.
    pub(super) fn is_at(&self, path: &Path) -> Result<bool, Errno> {
        let (held, there) = (fstat(&self.fd)?, statat(CWD, path, rustix::fs::AtFlags::empty())?);
        Ok((held.st_dev, held.st_ino) == (there.st_dev, there.st_ino))
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// File systems of this machine, whose directories show a new name to all processes at once, by the numbers in
/// `linux/magic.h`. Those that other machines write to as well, and unknown ones, are not among them.
const OF_THIS_MACHINE: [u32; 8] = [
    0xEF53,      // ext4
    0x5846_5342, // XFS
    0x9123_683E, // btrfs
    0x0102_1994, // tmpfs
    0x2FC1_2FC1, // ZFS
    0xF2F5_2010, // F2FS
    0xCA45_1A4E, // bcachefs
    0x794C_7630, // overlayfs
];

/// Whether a listing shows a name as soon as it was put there.
pub(super) fn lists_at_once(root: impl AsFd) -> bool {
    fstatfs(root).is_ok_and(|system| OF_THIS_MACHINE.contains(&(system.f_type as u32)))
}

/// Opens a folder beneath another.
pub(super) fn open(root: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    openat(root, path, FOLDER, Mode::empty())
}

/// Makes a folder beneath the root, and its parents beneath the root, each synced into its parent.
pub(super) fn make(root: &Root, path: &str) -> Result<(), Errno> {
    let parent = match path.rsplit_once('/') {
        Some((parent, _)) => {
            make(root, parent)?;
            parent
        }
        None => ".",
    };
    match mkdirat(&root.fd, path, root.modes.folder) {
        // Whoever made it just before may not have synced it.
        Ok(()) | Err(Errno::EXIST) => sync(&open(&root.fd, parent)?),
        Err(errno) => Err(errno),
    }
}

/// Makes a repository's root and all its folders, durably.
pub(super) fn create(path: &Path) -> Result<(), Errno> {
    make_root(path)?;
    let root = Root::open(path)?;
    for folder in layout::folders() {
        match mkdirat(&root.fd, &folder, root.modes.folder) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    sync(&open(&root.fd, "data")?)?;
    sync(&root.fd)
}

/// Makes a directory and its missing parents, each synced into its parent.
fn make_root(path: &Path) -> Result<(), Errno> {
    match stat(path) {
        Ok(_) => return Ok(()),
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => return Err(Errno::NOENT),
    };
    make_root(&parent)?;
    match mkdirat(CWD, path, Modes::OWNER.folder) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    sync(&openat(CWD, &parent, FOLDER, Mode::empty())?)
}

/// Syncs a folder. File systems without such a call (`EINVAL`, `ENOTSUP`: some of the network) write names at once.
pub(super) fn sync(folder: &OwnedFd) -> Result<(), Errno> {
    match fsync(folder) {
        Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        result => result,
    }
}
