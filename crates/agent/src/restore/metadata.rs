//! Sets what a node has besides its content: owner, permissions, extended attributes, times.
//!
//! The order is owner, mode, attributes, times: a change of owner takes setuid bits and capabilities away, and any other
//! change would spoil the times. Setuid, setgid and capabilities are never given to a file whose owner is not the
//! snapshot's. Everything goes through a handle to the very node, never through a name that could be swapped.

pub(super) mod owners;
mod xattrs;

pub(super) use self::xattrs::hands_down_acl;

use std::os::fd::{AsRawFd, BorrowedFd};

use holdfast_model::Timestamp;
use rustix::fs::{AtFlags, FileType, Mode, Stat, Timespec, Timestamps, chmod, chownat, fchmod, utimensat};
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;

use self::owners::Owners;
use super::node::Node;
use super::trouble::Trouble;

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;

/// An open node.
#[derive(Clone, Copy)]
pub(super) enum Handle<'a> {
    /// Opened for real.
    Real(BorrowedFd<'a>),
    /// Opened with `O_PATH`, because opening it for real is impossible or does something.
    Path(BorrowedFd<'a>),
}

impl<'a> Handle<'a> {
    fn fd(self) -> BorrowedFd<'a> {
        match self {
            Self::Real(fd) | Self::Path(fd) => fd,
        }
    }

    /// A path that leads to the node that is open, for calls that don't take such handles.
    fn proc_path(self) -> String {
        format!("/proc/self/fd/{}", self.fd().as_raw_fd())
    }
}

/// What matters of a node's metadata as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Current {
    uid: u32,
    gid: u32,
    /// Permission bits, setuid and the like included.
    pub(super) mode: u32,
}

impl From<&Stat> for Current {
    fn from(stat: &Stat) -> Self {
        Self { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 }
    }
}

/// Sets metadata by the rules of one session.
pub(super) struct Metadata {
    owners: Owners,
    root: bool,
    /// User and group that new files belong to.
    own: (u32, u32),
}

/// What could not be set.
#[derive(Debug, Default)]
pub(super) struct Shortfall {
    pub(super) troubles: Vec<Trouble>,
    /// Something that only root may do was left undone because the user is not root.
    pub(super) only_root: bool,
}

impl Metadata {
    pub(super) fn new(owners: Owners) -> Self {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        Self { owners, root: user.is_root(), own: (user.as_raw(), group.as_raw()) }
    }

    /// The permissions to make a file with whose whole content is at hand, and which nobody else can reach yet: its own,
    /// if it has no owner, bits or attributes but such as any new file may have. Else, closed to others.
    pub(super) fn first_mode(&self, node: &Node) -> Mode {
        let (mode, plain) = (node.entry.mode & 0o7777, Mode::RUSR | Mode::WUSR);
        let usual = mode & 0o7022 == 0 && mode & 0o600 == 0o600;
        if usual && node.entry.xattrs.is_empty() && self.owner_of(node) == self.own {
            Mode::from_raw_mode(mode)
        } else {
            plain
        }
    }

    /// Whether root restores.
    pub(super) fn is_root(&self) -> bool {
        self.root
    }

    /// Who is to own a node here: by name where it is known, else by number.
    pub(super) fn owner_of(&self, node: &Node) -> (u32, u32) {
        self.owners.resolve(node)
    }

    /// Whether everything is already as it should be, times of access and change aside.
    pub(super) fn matches(&self, handle: Handle<'_>, stat: &Stat, node: &Node) -> bool {
        let (uid, gid) = self.owner_of(node);
        (stat.st_uid, stat.st_gid) == (uid, gid)
            && stat.st_mode & 0o7777 == node.entry.mode & 0o7777
            && mtime(stat) == node.entry.mtime
            && xattrs::matches(handle, &node.entry.xattrs)
    }

    /// Sets everything. `current` is how the node is now; `bare` says that it has no attributes.
    pub(super) fn apply(&self, handle: Handle<'_>, current: Current, node: &Node, bare: bool) -> Shortfall {
        let mut shortfall = Shortfall::default();
        let kind = node.file_type();
        let owned = self.chown(handle, current, node, &mut shortfall);
        if kind != FileType::Symlink && !bare {
            shortfall.troubles.extend(xattrs::remove_others(handle, &node.entry.xattrs));
        }
        if kind != FileType::Symlink {
            let mode = owned.permitted(node.entry.mode & 0o7777);
            // A change of owner may have changed the mode too.
            if (mode != current.mode || owned.changed)
                && let Err(errno) = set_mode(handle, mode)
            {
                shortfall.troubles.push(Trouble::os("set the permissions")(errno));
            }
        }
        xattrs::set(handle, node, owned.wholly(), self.root, &mut shortfall);
        if let Err(errno) = set_times(handle, node.entry.atime, node.entry.mtime) {
            shortfall.troubles.push(Trouble::os("set the times")(errno));
        }
        shortfall
    }

    fn chown(&self, handle: Handle<'_>, current: Current, node: &Node, shortfall: &mut Shortfall) -> Owned {
        let (uid, gid) = self.owner_of(node);
        if (uid, gid) == (current.uid, current.gid) {
            return Owned { user: true, group: true, changed: false };
        }
        match chown(handle, Some(uid), Some(gid)) {
            Ok(()) => Owned { user: true, group: true, changed: true },
            Err(Errno::PERM) if !self.root => {
                // The group alone may be one of the user's.
                let group = gid == current.gid || chown(handle, None, Some(gid)).is_ok();
                shortfall.only_root = true;
                Owned { user: uid == current.uid, group, changed: true }
            }
            Err(errno) => {
                shortfall.troubles.push(Trouble::os("set the owner")(errno));
                Owned { user: uid == current.uid, group: gid == current.gid, changed: true }
            }
        }
    }
}

/// What became of the owner.
struct Owned {
    user: bool,
    group: bool,
    changed: bool,
}

impl Owned {
    fn wholly(&self) -> bool {
        self.user && self.group
    }

    /// The mode without the bits that would give another owner's rights away.
    fn permitted(&self, mode: u32) -> u32 {
        let without_setuid = if self.user { mode } else { mode & !SETUID };
        if self.group { without_setuid } else { without_setuid & !SETGID }
    }
}

fn chown(handle: Handle<'_>, uid: Option<u32>, gid: Option<u32>) -> Result<(), Errno> {
    // `-1` means "leave it" to the kernel, so it can be nobody's number.
    if uid == Some(u32::MAX) || gid == Some(u32::MAX) {
        return Err(Errno::INVAL);
    }
    chownat(handle.fd(), c"", uid.map(Uid::from_raw), gid.map(Gid::from_raw), AtFlags::EMPTY_PATH)
}

/// Sets permission bits of anything but a symbolic link.
pub(super) fn set_mode(handle: Handle<'_>, mode: u32) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(mode);
    match handle {
        Handle::Real(fd) => fchmod(fd, mode),
        Handle::Path(_) => chmod(handle.proc_path(), mode),
    }
}

fn set_times(handle: Handle<'_>, atime: Timestamp, mtime: Timestamp) -> Result<(), Errno> {
    // Larger numbers of nanoseconds have meanings of their own to the kernel.
    let spec = |time: Timestamp| Timespec { tv_sec: time.seconds, tv_nsec: time.nanoseconds.min(999_999_999).into() };
    let times = Timestamps { last_access: spec(atime), last_modification: spec(mtime) };
    match handle {
        Handle::Real(fd) => rustix::fs::futimens(fd, &times),
        // Kernels before 5.8 don't take the empty path.
        Handle::Path(fd) => match utimensat(fd, c"", &times, AtFlags::EMPTY_PATH) {
            Err(Errno::INVAL) => utimensat(rustix::fs::CWD, handle.proc_path(), &times, AtFlags::empty()),
            other => other,
        },
    }
}

/// The time of the last modification.
pub(super) fn mtime(stat: &Stat) -> Timestamp {
    let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    Timestamp { seconds: stat.st_mtime, nanoseconds }
}
