//! Extended attributes of an entry: ACLs (`system.posix_acl_*`) and capabilities (`security.capability`) among them.
//!
//! They are read of the name in an open directory, through `/proc/self/fd`, and of the name itself, never of what a
//! symbolic link points to. What the file system does not support has no attributes.

use holdfast_wire::Xattr;
use holdfast_wire::limits::MAX_XATTRS;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::{self, Errno};
use serde_bytes::ByteBuf;

/// The most that Linux gives for a list of names, and for a value.
const MAX_SYSCALL: usize = 64 << 10;

/// Why attributes are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XattrError {
    #[error("{0}")]
    System(#[from] Errno),
    #[error("there are more than {MAX_XATTRS} bytes of them")]
    TooMany,
}

/// Reads attributes, in memory that is used again.
pub(crate) struct XattrReader {
    path: Vec<u8>,
    list: Vec<u8>,
    value: Vec<u8>,
}

impl XattrReader {
    pub(crate) fn new() -> Self {
        Self { path: Vec::new(), list: vec![0; MAX_SYSCALL], value: vec![0; MAX_SYSCALL] }
    }

    /// The attributes of a name in a directory, sorted by name.
    pub(crate) fn of(&mut self, dir: &OwnedFd, name: &[u8]) -> Result<Vec<Xattr>, XattrError> {
        self.path.clear();
        self.path.extend_from_slice(format!("/proc/self/fd/{}/", dir.as_raw_fd()).as_bytes());
        self.path.extend_from_slice(name);
        self.read()
    }

    /// The attributes of an open file.
    pub(crate) fn of_open(&mut self, file: &OwnedFd) -> Result<Vec<Xattr>, XattrError> {
        // With the slash-dot a directory is named, without it the link itself: a file has neither.
        let (list, value) = (&mut self.list, &mut self.value);
        let len = match rustix::fs::flistxattr(file, &mut list[..]) {
            Err(error) if is_none(error) => return Ok(Vec::new()),
            other => other?,
        };
        collect(&list[..len], |name| rustix::fs::fgetxattr(file, name, &mut value[..]).map(|len| value[..len].to_vec()))
    }

    fn read(&mut self) -> Result<Vec<Xattr>, XattrError> {
        let Self { path, list, value } = self;
        let path = path.as_slice();
        let len = match rustix::fs::llistxattr(path, &mut list[..]) {
            Err(error) if is_none(error) => return Ok(Vec::new()),
            other => other?,
        };
        collect(&list[..len], |name| rustix::fs::lgetxattr(path, name, &mut value[..]).map(|len| value[..len].to_vec()))
    }
}

/// Whether it means that there are no attributes.
fn is_none(error: Errno) -> bool {
    error == Errno::NOTSUP || error == Errno::NODATA
}

fn collect(list: &[u8], mut get: impl FnMut(&[u8]) -> io::Result<Vec<u8>>) -> Result<Vec<Xattr>, XattrError> {
    let mut xattrs = Vec::new();
    let mut bytes = 0;
    for name in list.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let value = match get(name) {
            // Removed since it was listed, or listed by a module that does not give it.
            Err(error) if is_none(error) => continue,
            other => other?,
        };
        bytes += name.len() + value.len();
        if bytes > MAX_XATTRS {
            return Err(XattrError::TooMany);
        }
        xattrs.push(Xattr { name: ByteBuf::from(name), value: ByteBuf::from(value) });
    }
    xattrs.sort_unstable();
    xattrs.dedup_by(|b, a| a.name == b.name);
    Ok(xattrs)
}
