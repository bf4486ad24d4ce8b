//! Symbolic links, pipes, sockets and devices.
//!
//! They are made by name and then opened by a handle that does nothing but refer; metadata goes through that handle.
//! Both happens only where nobody else can make names: where others can, in a [`staging`] directory.

mod staging;

use std::os::fd::{AsFd, OwnedFd};

use holdfast_wire::{EntryKind, RestoreOutcome};
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, mknodat, openat, readlinkat, symlinkat};
use rustix::io::Errno;

use self::staging::Staging;
use super::confine::{Identity, is_private};
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
        let mut reused = false;
        if let Some(found) = look(&dir, name)? {
            let identity = Some(Identity::from(&found));
            if leaves(self.job.overwrite, &found, node.entry.mtime) {
                return Ok((RestoreOutcome::Skipped, identity));
            }
            if is_same(&dir, name, &found, node) {
                let (handle, stat) = open_made(&dir, name, node)?;
                if self.job.dry_run || self.metadata.matches(Handle::Path(handle.as_fd()), &stat, node) {
                    return Ok((RestoreOutcome::Unchanged, Some(Identity::from(&stat))));
                }
                reused = stat.st_nlink == 1 && is_private(&dir);
            }
            if !reused && !self.job.dry_run {
                self.clear_place(&dir, node.path.as_bytes(), name, &found)?;
            }
        }
        if self.job.dry_run {
            return Ok((RestoreOutcome::Restored, None));
        }
        let (whole, identity) = if reused || is_private(&dir) {
            if !reused {
                make(&dir, name, node)?;
            }
            self.dress(&dir, name, node)?
        } else {
            let staging = Staging::new(&dir).map_err(Trouble::write("create"))?;
            make(&staging.dir, staging::NAME, node)?;
            let dressed = self.dress(&staging.dir, staging::NAME, node)?;
            staging.publish(name).map_err(Trouble::write("create"))?;
            dressed
        };
        let outcome = match (whole, reused) {
            (false, _) => RestoreOutcome::Failed,
            (true, true) => RestoreOutcome::Unchanged,
            (true, false) => RestoreOutcome::Restored,
        };
        Ok((outcome, Some(identity)))
    }

    /// Sets the metadata of what is in a directory in which nobody else makes names.
    fn dress(&self, dir: &OwnedFd, name: &[u8], node: &Node) -> Result<(bool, Identity), Trouble> {
        let (handle, stat) = open_made(dir, name, node)?;
        let whole = self.apply_metadata(Handle::Path(handle.as_fd()), (&stat).into(), node, false);
        Ok((whole, Identity::from(&stat)))
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
    if FileType::from_raw_mode(stat.st_mode) != node.file_type() || stat.st_rdev != rdev {
        return Err(Trouble::told("open", "somebody put something else in its place while it was restored"));
    }
    Ok((handle, stat))
}
