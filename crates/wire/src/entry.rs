//! One entry of a directory, as the file system shows it.

use holdfast_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::limits::{MAX_LINK_TARGET, MAX_XATTR_NAME, MAX_XATTRS};
use crate::name::{check_name, name_violation};
use crate::violation::{NameFault, Violation, check_len};

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

impl Entry {
    /// Checks everything that can be told from the entry alone. An agent calls it before it sends an entry and
    /// reports what does not pass: odd file systems can show such things.
    pub fn validate(&self) -> Result<(), Violation> {
        check_name(&self.name)?;
        self.validate_metadata()
    }

    /// As [`Entry::validate`], but for the name.
    pub(crate) fn validate_metadata(&self) -> Result<(), Violation> {
        if let EntryKind::Symlink { target } = &self.kind {
            check_link_target(target)?;
        }
        if self.mode > 0o7777 {
            return Err(Violation::Value { what: "permission bits", value: self.mode.into() });
        }
        for time in [self.mtime, self.atime, self.ctime] {
            check_time(time)?;
        }
        check_xattrs(&self.xattrs)
    }
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

pub(crate) fn check_time(time: Timestamp) -> Result<(), Violation> {
    match Timestamp::new(time.seconds, time.nanoseconds) {
        Some(_) => Ok(()),
        None => Err(Violation::Value { what: "nanoseconds of a time", value: time.nanoseconds.into() }),
    }
}

fn check_link_target(target: &[u8]) -> Result<(), Violation> {
    check_len("bytes of the target of a symbolic link", target.len(), MAX_LINK_TARGET)?;
    if target.is_empty() || target.contains(&0) {
        return Err(Violation::Contradiction { what: "the target of a symbolic link is empty or holds a NUL byte" });
    }
    Ok(())
}

/// Names are 1 to 255 bytes without NUL and strictly ascending, so that none comes twice.
fn check_xattrs(xattrs: &[Xattr]) -> Result<(), Violation> {
    let mut total = 0;
    let mut before: &[u8] = b"";
    for Xattr { name, value } in xattrs {
        let fault = match name.len() {
            0 => Some(NameFault::Empty),
            len if len > MAX_XATTR_NAME => Some(NameFault::TooLong { len }),
            _ if name.contains(&0) => Some(NameFault::Separator),
            _ if name.as_slice() <= before => Some(NameFault::Order),
            _ => None,
        };
        if let Some(fault) = fault {
            return Err(name_violation(name, fault));
        }
        before = name;
        total += name.len() + value.len();
    }
    check_len("bytes of the extended attributes of one entry", total, MAX_XATTRS)
}

#[cfg(test)]
mod tests;
