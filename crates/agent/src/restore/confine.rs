//! Directories beneath the target, opened so that no symbolic link and no race leads out of it.
//!
//! Every operation of a restore goes through a directory handle from here and one plain name. A handle was reached from
//! the target's own by names alone: with `openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)` where the kernel has it, else one
//! component at a time with `O_NOFOLLOW`. Handles are cached, boundedly; a directory that the session knows by path is
//! recognised by device and inode when it is opened again, so that another one put in its place is not mistaken for it.
//! What is done in the directories is not known here.

pub(super) mod target;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::node_path::split;
use super::recent::Recent;

/// Directory handles that are kept open, at least and at most: as many as an eighth of the files that may be open.
const OPEN_DIRS: std::ops::RangeInclusive<usize> = 128..=1024;
/// Bytes of a path that the kernel takes in one call, with room for its NUL.
const PIECE: usize = 4000;

/// How a handle is opened: good for reaching what is in the directory, for nothing else.
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What a file is known by, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl From<&Stat> for Identity {
    fn from(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// Whether nobody else can put something under the names in a directory.
///
/// Where others can, what is under a name may at any moment be a further name of a file anywhere, and taken away again
/// before its count of names is looked at: then nothing that was found by name is safe to change.
pub(super) fn is_private(dir: &OwnedFd) -> bool {
    let own = rustix::process::geteuid().as_raw();
    fstat(dir).is_ok_and(|stat| [0, own].contains(&stat.st_uid) && stat.st_mode & 0o022 == 0)
}

/// How paths are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolver {
    /// By the kernel, many components at once.
    Openat2,
    /// One component at a time.
    Stepwise,
}

/// The target and what is beneath it.
pub(super) struct Beneath {
    root: Option<Arc<OwnedFd>>,
    resolver: Resolver,
    cache: Mutex<Recent<Box<[u8]>, Arc<OwnedFd>>>,
    known: Mutex<HashMap<Box<[u8]>, Identity>>,
}

impl Beneath {
    /// Confines to an open directory; to nothing at all when there is none (a dry run into a missing target).
    pub(super) fn new(root: Option<OwnedFd>) -> Self {
        let has_openat2 = root.as_ref().is_some_and(|root| resolve_beneath(root, b".").is_ok());
        let resolver = if has_openat2 { Resolver::Openat2 } else { Resolver::Stepwise };
        Self::with_resolver(root, resolver)
    }

    /// As [`Beneath::new`], with this way to resolve paths.
    pub(super) fn with_resolver(root: Option<OwnedFd>, resolver: Resolver) -> Self {
        Self {
            root: root.map(Arc::new),
            resolver,
            cache: Mutex::new(Recent::new(open_dirs())),
            known: Mutex::new(HashMap::new()),
        }
    }

    /// The directory at a checked path.
    ///
    /// # Errors
    /// `ELOOP` or `ENOTDIR` if a component is no directory, `ESTALE` if the directory is no longer the one that was adopted.
    pub(super) fn dir(&self, path: &[u8]) -> Result<Arc<OwnedFd>, Errno> {
        if path.is_empty() {
            return self.root.clone().ok_or(Errno::NOENT);
        }
        if let Some(dir) = self.cache.lock().get(path) {
            return Ok(dir);
        }
        let (mut above, mut dir) = self.nearest(path)?;
        while above < path.len() {
            let start = if above == 0 { 0 } else { above + 1 };
            let end = piece_end(path, start, if self.resolver == Resolver::Openat2 { PIECE } else { 0 });
            dir = Arc::new(self.open_piece(&dir, &path[start..end])?);
            above = end;
        }
        let known = self.known.lock().get(path).copied();
        if known.is_some_and(|known| !fstat(&*dir).is_ok_and(|stat| Identity::from(&stat) == known)) {
            return Err(Errno::STALE);
        }
        self.cache.lock().insert(path.into(), dir.clone());
        Ok(dir)
    }

    /// Opens a directory in `parent` by its name, without following a link.
    pub(super) fn child(parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
        openat(parent, name, DIRECTORY, Mode::empty())
    }

    /// From now on this directory and no other is at that path, until it is released.
    pub(super) fn adopt(&self, path: &[u8], dir: OwnedFd) -> Result<(), Errno> {
        let identity = Identity::from(&fstat(&dir)?);
        self.known.lock().insert(path.into(), identity);
        self.cache.lock().insert(path.into(), Arc::new(dir));
        Ok(())
    }

    /// Forgets a directory that the session is done with.
    pub(super) fn release(&self, path: &[u8]) {
        self.known.lock().remove(path);
        self.cache.lock().remove(path);
    }

    /// The closest directory above `path` that is open, and the length of its path.
    fn nearest(&self, path: &[u8]) -> Result<(usize, Arc<OwnedFd>), Errno> {
        let mut cache = self.cache.lock();
        let mut above = split(path).0;
        while !above.is_empty() {
            if let Some(dir) = cache.get(above) {
                return Ok((above.len(), dir));
            }
            above = split(above).0;
        }
        Ok((0, self.root.clone().ok_or(Errno::NOENT)?))
    }

    fn open_piece(&self, dir: &OwnedFd, piece: &[u8]) -> Result<OwnedFd, Errno> {
        match self.resolver {
            // A rename anywhere in the system can disturb the kernel's walk; then it says to try again.
            Resolver::Openat2 => (0..64)
                .map(|_| resolve_beneath(dir, piece))
                .find(|result| !matches!(result, Err(Errno::AGAIN)))
                .unwrap_or(Err(Errno::AGAIN)),
            Resolver::Stepwise => Self::child(dir, piece),
        }
    }
}

fn open_dirs() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files / 8).unwrap_or(usize::MAX).clamp(*OPEN_DIRS.start(), *OPEN_DIRS.end())
}

fn resolve_beneath(dir: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(dir, path, DIRECTORY, Mode::empty(), resolve)
}

/// Where a piece that begins at `start` ends: at the last component that fits into `room`, at least one component on.
fn piece_end(path: &[u8], start: usize, room: usize) -> usize {
    let ends = path[start..].iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| start + at);
    let mut end = None;
    for slash in ends.chain([path.len()]) {
        if end.is_some() && slash - start > room {
            break;
        }
        end = Some(slash);
    }
    end.unwrap_or(path.len())
}

#[cfg(test)]
mod tests;
