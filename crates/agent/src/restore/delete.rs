//! Deletes what a snapshot does not hold, and everything in it, without ever leaving the tree.
//!
//! No symbolic link is followed, no mount point entered. A directory is reached from its parent by name and left by going
//! back to a parent that is recognised by device and inode. What can't be deleted is reported and stays.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, statat, unlinkat};
use rustix::io::Errno;

use super::confine::Identity;
use super::session::Session;
use super::trouble::Trouble;

const LIST: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Directories that are kept open on the way down.
const OPEN: usize = 64;

/// Shows every name in a directory to `each`; names may be deleted meanwhile.
pub(super) fn each_name(dir: &OwnedFd, mut each: impl FnMut(&[u8])) -> Result<(), Errno> {
    let mut list = Dir::new(openat(dir, c".", LIST, Mode::empty())?)?;
    while let Some(name) = next_name(&mut list) {
        each(&name?);
    }
    Ok(())
}

fn next_name(list: &mut Dir) -> Option<Result<Vec<u8>, Errno>> {
    loop {
        match list.read()? {
            Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
            entry => return Some(entry.map(|entry| entry.file_name().to_bytes().to_vec())),
        }
    }
}

/// Deletes an entry and everything beneath it, or counts it in a dry run; `false` if something of it stays.
pub(super) fn tree(session: &Session, dir: &OwnedFd, path: &[u8], name: &[u8]) -> bool {
    let mut sweep = Sweep { session, path: path.to_vec(), whole: true };
    let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return true,
        Err(errno) => {
            sweep.stays(errno);
            return false;
        }
    };
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        sweep.directory(dir, name);
    } else {
        sweep.unlink(dir, name, AtFlags::empty());
    }
    sweep.whole
}

struct Sweep<'a> {
    session: &'a Session,
    /// Path of what is being deleted, for reports.
    path: Vec<u8>,
    whole: bool,
}

/// A directory on the way down.
struct Level {
    /// `None` if it had to be closed.
    dir: Option<OwnedFd>,
    identity: Identity,
    name: Vec<u8>,
    names: Names,
}

/// The names in a directory that are still to be deleted.
enum Names {
    Listing(Dir),
    /// What was left of the list when the directory had to be closed.
    Rest(Vec<Vec<u8>>),
}

impl Level {
    fn next(&mut self) -> Option<Result<Vec<u8>, Errno>> {
        match &mut self.names {
            Names::Listing(list) => next_name(list),
            Names::Rest(names) => names.pop().map(Ok),
        }
    }

    fn close(&mut self) {
        let rest: Vec<_> = std::iter::from_fn(|| self.next()).filter_map(Result::ok).collect();
        self.names = Names::Rest(rest);
        self.dir = None;
    }
}

impl Sweep<'_> {
    fn stays(&mut self, errno: Errno) {
        self.whole = false;
        self.session.trouble_at(&self.path, &Trouble::os("delete")(errno));
    }

    fn stays_because(&mut self, why: &str) {
        self.whole = false;
        self.session.trouble_at(&self.path, &Trouble::told("delete", why));
    }

    fn unlink(&mut self, dir: &OwnedFd, name: &[u8], flags: AtFlags) {
        if self.session.job.dry_run {
            self.session.report.deleted(1);
            return;
        }
        match unlinkat(dir, name, flags) {
            Ok(()) => self.session.report.deleted(1),
            Err(Errno::NOENT) => {}
            // What was in it has been reported.
            Err(Errno::NOTEMPTY | Errno::EXIST) if !self.whole => {}
            Err(errno) => self.stays(errno),
        }
    }

    /// Empties and deletes a directory, depth first, with a stack of our own: it may be deeper than threads' stacks.
    fn directory(&mut self, top: &OwnedFd, name: &[u8]) {
        let Some(level) = self.enter(top, name) else { return };
        let mut levels = vec![level];
        while let Some(level) = levels.last_mut() {
            if self.session.is_stopped() {
                return;
            }
            let name = match level.next() {
                Some(Ok(name)) => name,
                Some(Err(errno)) => {
                    self.stays(errno);
                    continue;
                }
                None if self.leave(&mut levels, top) => continue,
                None => return,
            };
            let Some(dir) = &level.dir else { return self.stays(Errno::STALE) };
            let before = self.path.len();
            self.path.push(b'/');
            self.path.extend_from_slice(&name);
            let down = match statat(dir, &name[..], AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => self.enter(dir, &name),
                Ok(_) => {
                    self.unlink(dir, &name, AtFlags::empty());
                    None
                }
                Err(Errno::NOENT) => None,
                Err(errno) => {
                    self.stays(errno);
                    None
                }
            };
            match down {
                Some(level) => levels.push(level),
                None => self.path.truncate(before),
            }
            if let Some(above) = levels.len().checked_sub(OPEN + 1) {
                levels[above].close();
            }
        }
    }

    fn enter(&mut self, parent: &OwnedFd, name: &[u8]) -> Option<Level> {
        let entered = open_same_mount(parent, name).and_then(|dir| {
            let identity = Identity::from(&fstat(&dir)?);
            let names = Names::Listing(Dir::new(openat(&dir, c".", LIST, Mode::empty())?)?);
            Ok(Level { dir: Some(dir), identity, name: name.to_vec(), names })
        });
        match entered {
            Ok(level) => Some(level),
            Err(Errno::XDEV) => {
                self.stays_because("another file system is mounted there");
                None
            }
            Err(errno) => {
                self.stays(errno);
                None
            }
        }
    }

    /// Deletes the directory that was emptied and goes back to the one above; `false` if there is no way back.
    fn leave(&mut self, levels: &mut Vec<Level>, top: &OwnedFd) -> bool {
        let Some(done) = levels.pop() else { return false };
        match levels.last_mut() {
            None => self.unlink(top, &done.name, AtFlags::REMOVEDIR),
            Some(above) => {
                if above.dir.is_none() {
                    above.dir = done.dir.as_ref().and_then(|dir| back(dir, above.identity));
                }
                match &above.dir {
                    Some(dir) => self.unlink(dir, &done.name, AtFlags::REMOVEDIR),
                    None => {
                        self.stays(Errno::STALE);
                        return false;
                    }
                }
                let above = self.path.len() - done.name.len() - 1;
                self.path.truncate(above);
            }
        }
        true
    }
}

/// The parent of a directory, if it is still the one that we came from.
fn back(dir: &OwnedFd, expected: Identity) -> Option<OwnedFd> {
    let parent = openat(dir, c"..", LIST, Mode::empty()).ok()?;
    (Identity::from(&fstat(&parent).ok()?) == expected).then_some(parent)
}

/// Opens a directory unless something is mounted there: then `EXDEV`.
fn open_same_mount(parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    match openat2(parent, name, LIST, Mode::empty(), resolve) {
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {
            let dir = openat(parent, name, LIST, Mode::empty())?;
            if fstat(&dir)?.st_dev == fstat(parent)?.st_dev { Ok(dir) } else { Err(Errno::XDEV) }
        }
        other => other,
    }
}
