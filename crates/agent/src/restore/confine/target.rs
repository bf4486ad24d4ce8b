//! Opens the target of a restore, making it and its parents where they are missing.
//!
//! The way to the target is the administrator's word, so symbolic links on it are followed, but only such as belong to
//! root or to the user who restores: nobody else can send a restore elsewhere by swapping a directory for a link.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, mkdirat, open, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Symbolic links on the way, as the kernel allows.
const MAX_LINKS: usize = 40;

/// An open target.
#[derive(Debug)]
pub(in super::super) struct Target {
    /// The directory; `None` in a dry run if it is missing.
    pub(in super::super) root: Option<OwnedFd>,
    /// Whether it existed before.
    pub(in super::super) existed: bool,
    /// Directories that were made on the way, the target last if it was made: closed to others until the restore ends.
    pub(in super::super) made: Vec<OwnedFd>,
}

/// Why a target can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It is no absolute path, or holds a NUL byte.
    #[error("it must be an absolute path")]
    NotAbsolute,
    /// Somebody else could send the restore elsewhere.
    #[error(
        "'{component}' on the way is a symbolic link of another user (uid {uid}); name the directory that it means"
    )]
    ForeignLink {
        /// The link's name.
        component: String,
        /// Whose it is.
        uid: u32,
    },
    /// A component of the path is something else.
    #[error("'{component}' is not a directory; name another one")]
    NotADirectory {
        /// Its name.
        component: String,
    },
    /// The links on the way lead in circles.
    #[error("it leads through more than {MAX_LINKS} symbolic links")]
    TooManyLinks,
    /// The system refused.
    #[error("'{component}' cannot be opened or made")]
    Io {
        /// The name that it failed at.
        component: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Opens the directory at an absolute path. Unless `dry_run`, what is missing is made.
pub(in super::super) fn open_target(path: &[u8], dry_run: bool) -> Result<Target, TargetError> {
    if path.first() != Some(&b'/') || path.contains(&0) {
        return Err(TargetError::NotAbsolute);
    }
    let mut way = Way { at: slash()?, ahead: VecDeque::new(), links: 0, made: Vec::new(), just_made: false };
    way.enqueue(path);
    while let Some(name) = way.ahead.pop_front() {
        if !way.step(&name, dry_run)? {
            return Ok(Target { root: None, existed: false, made: Vec::new() });
        }
    }
    Ok(Target { root: Some(way.at), existed: !way.just_made, made: way.made })
}

struct Way {
    at: OwnedFd,
    ahead: VecDeque<Vec<u8>>,
    links: usize,
    made: Vec<OwnedFd>,
    just_made: bool,
}

impl Way {
    /// Puts the components of a path before those that are still ahead.
    fn enqueue(&mut self, path: &[u8]) {
        for name in path.rsplit(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".") {
            self.ahead.push_front(name.to_vec());
        }
    }

    /// Goes one component on; `false` if it is missing and a dry run makes nothing.
    fn step(&mut self, name: &[u8], dry_run: bool) -> Result<bool, TargetError> {
        let failed = |errno: Errno| TargetError::Io { component: shown(name), source: errno.into() };
        self.just_made = false;
        let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = match openat(&self.at, name, look, Mode::empty()) {
            Err(Errno::NOENT) if dry_run => return Ok(false),
            Err(Errno::NOENT) => self.make(name).map_err(failed)?,
            other => other.map_err(failed)?,
        };
        let stat = fstat(&found).map_err(failed)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                self.at = found;
                Ok(true)
            }
            FileType::Symlink => self.follow(&found, &stat, name).map(|()| true),
            _ => Err(TargetError::NotADirectory { component: shown(name) }),
        }
    }

    fn make(&mut self, name: &[u8]) -> Result<OwnedFd, Errno> {
        mkdirat(&self.at, name, Mode::RWXU)?;
        let made = super::Beneath::child(&self.at, name)?;
        self.made.push(rustix::io::fcntl_dupfd_cloexec(&made, 0)?);
        self.just_made = true;
        Ok(made)
    }

    fn follow(&mut self, link: &OwnedFd, stat: &Stat, name: &[u8]) -> Result<(), TargetError> {
        if stat.st_uid != 0 && stat.st_uid != geteuid().as_raw() {
            return Err(TargetError::ForeignLink { component: shown(name), uid: stat.st_uid });
        }
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(TargetError::TooManyLinks);
        }
        let failed = |errno: Errno| TargetError::Io { component: shown(name), source: errno.into() };
        let to = readlinkat(link, c"", Vec::new()).map_err(failed)?;
        if to.as_bytes().first() == Some(&b'/') {
            self.at = slash()?;
        }
        self.enqueue(to.as_bytes());
        Ok(())
    }
}

fn slash() -> Result<OwnedFd, TargetError> {
    open(c"/", super::DIRECTORY, Mode::empty())
        .map_err(|errno| TargetError::Io { component: "/".to_owned(), source: errno.into() })
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).escape_debug().collect()
}

/// The permissions that `mkdir` would give a directory: what the process' mask leaves of 0777.
///
/// The mask is read from `/proc`, because the system call can only exchange it, for all threads at once.
pub(in super::super) fn usual_dir_mode() -> Mode {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    let mask = mask.and_then(|text| u32::from_str_radix(text.trim(), 8).ok()).unwrap_or(0o022);
    Mode::from_raw_mode(0o777 & !mask)
}

/// Gives a directory to which only a path handle is open other permissions.
pub(in super::super) fn open_up(dir: &OwnedFd, mode: Mode) -> Result<(), Errno> {
    let dir = openat(dir, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::fs::fchmod(dir, mode)
}
