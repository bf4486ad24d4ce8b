//! What `stat` tells of one name, in the terms of the wire.
//!
//! `fstatat` and not `statx`: it tells all that is stored, and kernels before 4.11 know it too.

use holdfast_model::Timestamp;
use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, FileType};
use rustix::io;

/// Metadata of one name, without the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: Kind,
    /// Permission bits.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) mtime: Timestamp,
    pub(crate) atime: Timestamp,
    pub(crate) ctime: Timestamp,
    pub(crate) inode: u64,
    pub(crate) device: u64,
    pub(crate) links: u64,
    pub(crate) rdev: u64,
    /// Blocks of 512 bytes that it takes: fewer than its size has if it has holes.
    pub(crate) blocks: u64,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Dir,
    Symlink,
    Block,
    Char,
    Fifo,
    Socket,
}

impl Stat {
    /// Of a name in a directory; a symbolic link is not followed, nothing is mounted.
    pub(crate) fn at(dir: BorrowedFd<'_>, name: impl rustix::path::Arg) -> io::Result<Self> {
        Self::new(&rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)?)
    }

    /// Of something that is open.
    pub(crate) fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Self::new(&rustix::fs::fstat(fd)?)
    }

    #[expect(clippy::unnecessary_cast, reason = "the types of the fields differ between architectures")]
    fn new(stat: &rustix::fs::Stat) -> io::Result<Self> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Dir,
            FileType::Symlink => Kind::Symlink,
            FileType::BlockDevice => Kind::Block,
            FileType::CharacterDevice => Kind::Char,
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            FileType::Unknown => return Err(io::Errno::OPNOTSUPP),
        };
        Ok(Self {
            kind,
            mode: stat.st_mode as u32 & 0o7777,
            uid: stat.st_uid as u32,
            gid: stat.st_gid as u32,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: timestamp(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            atime: timestamp(stat.st_atime as i64, stat.st_atime_nsec as i64),
            ctime: timestamp(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            inode: stat.st_ino as u64,
            device: stat.st_dev as u64,
            links: stat.st_nlink as u64,
            rdev: stat.st_rdev as u64,
            blocks: u64::try_from(stat.st_blocks).unwrap_or(0),
        })
    }

    /// What says which directory this is, for as long as it exists.
    pub(crate) fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Whether the content is the one that `other` was taken of, as far as metadata can tell.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        (self.size, self.mtime, self.ctime, self.inode) == (other.size, other.mtime, other.ctime, other.inode)
    }
}

/// Broken file systems show nanoseconds out of range; these count as none.
fn timestamp(seconds: i64, nanoseconds: i64) -> Timestamp {
    u32::try_from(nanoseconds)
        .ok()
        .and_then(|nanoseconds| Timestamp::new(seconds, nanoseconds))
        .unwrap_or(Timestamp { seconds, nanoseconds: 0 })
}
