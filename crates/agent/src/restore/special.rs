//! Symbolic links, pipes, sockets and devices.
//!
//! They are made by name in a confined directory and then opened by a handle that does nothing but refer; metadata goes
//! through that handle, and only if it is what was made and has no other name.

use std::os::fd::{AsFd, OwnedFd};

use holdfast_wire::{EntryKind, RestoreOutcome};
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, mknodat, openat, readlinkat, symlinkat};
use rustix::io::Errno;

use super::confine::Identity;
use super::metadata::Handle;
use super::node::Node;
use super::overwrite::{leaves, look};
use super::session::Session;
use super::trouble::Trouble;

impl Session {
    /// Restores a node that is neither a regular file nor a directory.
    pub(super) fn place_special(&self, node: &Node) {
        match self.special(node) {
            Ok((outcome, identity)) => {
                self.links_ready(node, identity);
                self.report.outcome(node.number, outcome);
            }
            Err(trouble) => self.fail_node(node, &trouble),
        }
    }

    fn special(&self, node: &Node) -> Result<(RestoreOutcome, Option<Identity>), Trouble> {
        let Some((parent, name)) = node.path.split() else {
            return Err(Trouble::told("restore", "the target is a directory, the snapshot has something else for it"));
        };
        let dir = match self.tree.dir(parent) {
            Err(_) if self.job.dry_run => return Ok((RestoreOutcome::Restored, None)),
            dir => dir.map_err(Trouble::os("open its directory"))?,
        };
        let mut outcome = RestoreOutcome::Restored;
        if let Some(found) = look(&dir, name)? {
            let identity = Some(Identity::from(&found));
            if leaves(self.job.overwrite, &found, node.entry.mtime) {
                return Ok((RestoreOutcome::Skipped, identity));
            }
            if found.st_nlink == 1 && is_same(&dir, name, &found, node) {
                outcome = RestoreOutcome::Unchanged;
            } else if !self.job.dry_run {
                self.clear_place(&dir, node.path.as_bytes(), name, &found)?;
            }
        }
        if self.job.dry_run {
            return Ok((outcome, None));
        }
        if outcome == RestoreOutcome::Restored {
            make(&dir, name, node)?;
        }
        let (handle, stat) = open_made(&dir, name, node)?;
        let whole = self.apply_metadata(Handle::Path(handle.as_fd()), (&stat).into(), node);
        Ok((if whole { outcome } else { RestoreOutcome::Failed }, Some(Identity::from(&stat))))
    }
}

fn make(dir: &OwnedFd, name: &[u8], node: &Node) -> Result<(), Trouble> {
    let own = Mode::RUSR | Mode::WUSR;
    match &node.entry.kind {
        EntryKind::Symlink { target } => symlinkat(target.as_slice(), dir, name),
        EntryKind::Block { rdev } => mknodat(dir, name, FileType::BlockDevice, own, *rdev),
        EntryKind::Char { rdev } => mknodat(dir, name, FileType::CharacterDevice, own, *rdev),
        EntryKind::Fifo => mknodat(dir, name, FileType::Fifo, own, 0),
        EntryKind::Socket => mknodat(dir, name, FileType::Socket, own, 0),
        EntryKind::File { .. } | EntryKind::Dir { .. } => Err(Errno::INVAL),
    }
    .map_err(|errno| match (errno, &node.entry.kind) {
        (Errno::PERM, EntryKind::Block { .. } | EntryKind::Char { .. }) => {
            Trouble::told("create", "only root may make device files, and not everywhere")
        }
        _ => Trouble::write("create")(errno),
    })
}

/// Whether the node is there already, metadata aside.
fn is_same(dir: &OwnedFd, name: &[u8], found: &Stat, node: &Node) -> bool {
    FileType::from_raw_mode(found.st_mode) == node.file_type()
        && match &node.entry.kind {
            EntryKind::Symlink { target } => {
                readlinkat(dir, name, Vec::new()).is_ok_and(|found| found.as_bytes() == target.as_slice())
            }
            EntryKind::Block { rdev } | EntryKind::Char { rdev } => found.st_rdev == *rdev,
            _ => true,
        }
}

fn open_made(dir: &OwnedFd, name: &[u8], node: &Node) -> Result<(OwnedFd, Stat), Trouble> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = openat(dir, name, flags, Mode::empty()).map_err(Trouble::os("open"))?;
    let stat = fstat(&handle).map_err(Trouble::os("open"))?;
    let rdev = match node.entry.kind {
        EntryKind::Block { rdev } | EntryKind::Char { rdev } => rdev,
        _ => 0,
    };
    if stat.st_nlink != 1 || FileType::from_raw_mode(stat.st_mode) != node.file_type() || stat.st_rdev != rdev {
        return Err(Trouble::told("open", "somebody put something else in its place while it was restored"));
    }
    Ok((handle, stat))
}
