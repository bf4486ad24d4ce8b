//! What is known about one directory entry without opening it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use holdfast_model::Timestamp;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, StatxFlags};
use rustix::io::{Errno, Result};

/// Metadata of an entry.
pub(super) struct Entry {
    pub(super) kind: FileType,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    pub(super) size: u64,
    /// Room on the disk, in bytes.
    pub(super) room: u64,
    pub(super) mtime: Timestamp,
    pub(super) device: (u32, u32),
    pub(super) links: u32,
    /// Which file it is: device and inode.
    pub(super) identity: (u32, u32, u64),
}

impl Entry {
    /// The entry `name` of a directory; with an empty name the directory itself.
    pub(super) fn read(dir: &OwnedFd, name: &OsStr) -> Result<Self> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
        let found = rustix::fs::statx(dir, name, flags, StatxFlags::BASIC_STATS)?;
        Ok(Self {
            kind: FileType::from_raw_mode(found.stx_mode.into()),
            mode: u32::from(found.stx_mode) & 0o7777,
            owner: (found.stx_uid, found.stx_gid),
            size: found.stx_size,
            room: found.stx_blocks * 512,
            mtime: Timestamp { seconds: found.stx_mtime.tv_sec, nanoseconds: found.stx_mtime.tv_nsec },
            device: (found.stx_rdev_major, found.stx_rdev_minor),
            links: found.stx_nlink,
            identity: (found.stx_dev_major, found.stx_dev_minor, found.stx_ino),
        })
    }
}

/// The names in a directory, in order.
pub(super) fn names(dir: &OwnedFd) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name.to_vec()));
        }
    }
    names.sort();
    Ok(names)
}

/// Opens an entry for reading, whatever it is, without following it. `NONBLOCK` keeps a fifo from waiting.
pub(super) fn open(dir: &OwnedFd, name: &OsStr, flags: OFlags) -> Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// Where a symbolic link points.
pub(super) fn link_target(dir: &OwnedFd, name: &OsStr) -> Result<OsString> {
    Ok(OsString::from_vec(rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes()))
}

/// All extended attributes. None where the file system has no such thing.
pub(super) fn xattrs(dir: &OwnedFd, name: &OsStr) -> Result<BTreeMap<OsString, Vec<u8>>> {
    // There is no *at() form of these calls for older kernels; the way through /proc is as short for any depth.
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()));
    path.push(if name.is_empty() { OsStr::new(".") } else { name });
    let mut list = vec![0; 65_536];
    let length = match rustix::fs::llistxattr(&path, &mut list[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut found = BTreeMap::new();
    for name in list[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 65_536];
        let length = rustix::fs::lgetxattr(&path, name, &mut value[..])?;
        value.truncate(length);
        found.insert(OsStr::from_bytes(name).to_owned(), value);
    }
    Ok(found)
}
