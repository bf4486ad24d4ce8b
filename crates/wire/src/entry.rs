//! One entry of a directory, as the file system shows it.

use holdfast_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A name in a directory with all its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 1 to 255 bytes, without `/` and NUL, not `.` or `..`.
    pub name: ByteBuf,
    /// What it is, with what only that kind has.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky: `st_mode & 0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last change of the content.
    pub mtime: Timestamp,
    /// Last access; equal to `mtime` unless the job asks for it.
    pub atime: Timestamp,
    /// Last change of content or metadata.
    pub ctime: Timestamp,
    /// Number of the inode.
    pub inode: u64,
    /// Device that holds it: `st_dev`.
    pub device: u64,
    /// Count of hard links.
    pub links: u64,
    /// Extended attributes, ACLs and capabilities among them, sorted by name.
    pub xattrs: Vec<Xattr>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A regular file of so many bytes.
    File {
        /// `st_size`
        size: u64,
    },
    /// A directory.
    Dir {
        /// In a backup: the number under which this session announced it, always before its parent.
        /// In a restore: 0.
        number: u64,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as it stands there.
        target: ByteBuf,
    },
    /// A block device.
    Block {
        /// `st_rdev`
        rdev: u64,
    },
    /// A character device.
    Char {
        /// `st_rdev`
        rdev: u64,
    },
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// One extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Xattr {
    /// `user.colour`, `system.posix_acl_access`, `security.capability`, …
    pub name: ByteBuf,
    /// Its bytes.
    pub value: ByteBuf,
}
