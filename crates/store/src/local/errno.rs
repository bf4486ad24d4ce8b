//! What the errors of the operating system mean for the callers of a store.
//!
//! A failing disk (`EIO`) is never worth another try: after a failed write the kernel may have dropped the data.

use std::io;

use rustix::io::Errno;

use crate::ErrorKind;

/// The meaning of an error number.
pub(super) fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        Errno::NOENT => ErrorKind::NotFound,
        Errno::EXIST => ErrorKind::AlreadyExists,
        Errno::NOSPC | Errno::DQUOT => ErrorKind::Full,
        Errno::ACCESS | Errno::PERM | Errno::ROFS => ErrorKind::Denied,
        Errno::AGAIN
        | Errno::BUSY
        | Errno::INTR
        | Errno::MFILE
        | Errno::NFILE
        | Errno::NOMEM
        | Errno::STALE
        | Errno::TIMEDOUT => ErrorKind::Transient,
        _ => ErrorKind::Permanent,
    }
}

/// The error with the system's own words for it.
pub(super) fn source_of(errno: Errno) -> io::Error {
    errno.into()
}
