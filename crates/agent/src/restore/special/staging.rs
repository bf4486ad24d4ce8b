//! A place of our own beside the place of a node, where the node is made before it gets its name.
//!
//! In a directory where others can make names, a node that is made and then opened by name may be something else by then,
//! even a further name of a file outside. Here nobody else can: what is opened is what was made.

use std::hash::{BuildHasher, RandomState};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, fstat, mkdirat, renameat, unlinkat};
use rustix::io::Errno;

use super::super::confine::Beneath;

/// The name within the staging directory.
pub(super) const NAME: &[u8] = b"node";

/// A directory that only the user who restores can use.
pub(super) struct Staging<'a> {
    beside: &'a OwnedFd,
    name: String,
    pub(super) dir: OwnedFd,
}

impl<'a> Staging<'a> {
    /// Makes one in the directory in which the node belongs.
    pub(super) fn new(beside: &'a OwnedFd) -> Result<Self, Errno> {
        let name = format!(".holdfast-restore-{:016x}", RandomState::new().hash_one(0));
        mkdirat(beside, &name, Mode::RWXU)?;
        let opened = Beneath::child(beside, name.as_bytes()).and_then(|dir| Ok((fstat(&dir)?, dir)));
        match opened {
            Ok((stat, dir)) if super::super::confine::is_private(&dir) && stat.st_mode & 0o077 == 0 => {
                Ok(Self { beside, name, dir })
            }
            Ok(_) => Err(Errno::STALE),
            Err(errno) => Err(errno),
        }
    }

    /// Gives what was made its name.
    pub(super) fn publish(&self, name: &[u8]) -> Result<(), Errno> {
        renameat(&self.dir, NAME, self.beside, name)
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        // What is left was refused; that it can't be deleted is no further trouble.
        let _ = unlinkat(&self.dir, NAME, AtFlags::empty());
        let _ = unlinkat(self.beside, &self.name, AtFlags::REMOVEDIR);
    }
}
