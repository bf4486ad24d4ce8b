//! What to do with something that exists where a node belongs.
//!
//! The rules are restic's; [`Overwrite`] describes them. Directories are no matter of these: they stay and take what is new.

use std::os::fd::OwnedFd;

use holdfast_model::Timestamp;
use holdfast_wire::Overwrite;
use rustix::fs::{AtFlags, FileType, Stat, statat, unlinkat};
use rustix::io::Errno;

use super::delete;
use super::metadata::mtime;
use super::session::Session;
use super::trouble::Trouble;

/// Whether an existing file is to be left alone.
pub(super) fn leaves(mode: Overwrite, found: &Stat, wanted: Timestamp) -> bool {
    match mode {
        Overwrite::Always | Overwrite::IfChanged => false,
        Overwrite::IfNewer => wanted <= mtime(found),
        Overwrite::Never => true,
    }
}

/// What is in a directory under a name, if anything; a symbolic link is not followed.
pub(super) fn look(dir: &OwnedFd, name: &[u8]) -> Result<Option<Stat>, Trouble> {
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(Trouble::os("look up")(errno)),
    }
}

impl Session {
    /// Removes what is in the place of a node. A directory that is not empty goes only where deleting is wanted.
    pub(super) fn clear_place(&self, dir: &OwnedFd, path: &[u8], name: &[u8], found: &Stat) -> Result<(), Trouble> {
        if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
            return match unlinkat(dir, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(errno) => Err(Trouble::os("replace")(errno)),
            };
        }
        match unlinkat(dir, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) if self.job.delete => {
                if delete::tree(self, dir, path, name) {
                    Ok(())
                } else {
                    Err(Trouble::told("replace", "the directory in its place could not be deleted"))
                }
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                Err(Trouble::told("replace", "a directory that is not empty is in its place; only --delete removes it"))
            }
            Err(errno) => Err(Trouble::os("replace")(errno)),
        }
    }
}
