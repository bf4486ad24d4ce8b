//! Puts a file where it belongs: makes it, or finds out what can stay of the one that is there.
//!
//! A file is updated in place, or given other metadata, only if it has no other name, which holds only where nobody else
//! can make names, and if nobody but its future owner can have it open for writing. Else it is made anew, and what is
//! right in the old one is copied. Nothing is written before the file is closed to others and its setuid bits are gone.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use holdfast_wire::{EntryKind, Overwrite, RestoreOutcome};
use rustix::fs::{FileType, Mode, OFlags, Stat, fchmod, fstat, openat};
use rustix::io::Errno;

use super::super::confine::{Identity, is_private};
use super::super::metadata::{Handle, mtime};
use super::super::overwrite::{leaves, look};
use super::super::session::Session;
use super::super::sparse::Beneath;
use super::super::trouble::Trouble;
use super::{FileNode, Made, OPEN_TO_WRITE};

/// How often a name is tried that somebody else keeps putting something under.
const ATTEMPTS: usize = 8;

const TO_READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const TO_MAKE: OFlags =
    OFlags::RDWR.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What became of a file's place.
pub(super) enum Placed {
    /// The file is there and open; these chunks are missing.
    Writing { handle: File, missing: Vec<bool>, extent: u64, made: Made },
    /// Nothing is to be done, or nothing may be in a dry run.
    Done { outcome: RestoreOutcome, identity: Option<Identity> },
}

/// A place: the directory, the file's name there, and its path for reports.
struct Place<'a> {
    dir: &'a OwnedFd,
    name: &'a [u8],
    path: &'a [u8],
}

impl Session {
    pub(super) fn place(&self, file: &FileNode, buffer: &mut [u8]) -> Result<Placed, Trouble> {
        let Some((parent, name)) = file.node.path.split() else {
            return Err(Trouble::told("restore", "the target is a directory, the snapshot has a file for it"));
        };
        let dir = match self.tree.dir(parent) {
            // In a dry run its directory may be one that would be made.
            Err(_) if self.job.dry_run => return Ok(done(RestoreOutcome::Restored, None)),
            dir => dir.map_err(Trouble::os("open its directory"))?,
        };
        let place = Place { dir: &dir, name, path: file.node.path.as_bytes() };
        if self.job.dry_run {
            return self.imagine(file, &place, buffer);
        }
        for _ in 0..ATTEMPTS {
            match openat(place.dir, place.name, TO_MAKE, Mode::RUSR | Mode::WUSR) {
                Ok(made) => return self.place_new(file, made),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(Trouble::write("create")(errno)),
            }
            let Some(found) = look(place.dir, place.name)? else { continue };
            if leaves(self.job.overwrite, &found, file.node.entry.mtime) {
                return Ok(done(RestoreOutcome::Skipped, Some(Identity::from(&found))));
            }
            if let Some(placed) = self.place_over(file, &place, &found, buffer)? {
                return Ok(placed);
            }
        }
        Err(Trouble::told("create", "somebody keeps putting something else in its place"))
    }

    fn place_new(&self, file: &FileNode, made: OwnedFd) -> Result<Placed, Trouble> {
        let stat = fstat(&made).map_err(Trouble::os("create"))?;
        let missing = file.content.missing_in_new(&self.zeros);
        self.writing(made, &stat, missing, Beneath::Nothing, false)
    }

    /// Makes a file in a directory of the session's own making, where nothing of its name can be.
    pub(super) fn place_missing(&self, file: &FileNode) -> Result<(File, Made), Trouble> {
        let (parent, name) = file.node.path.split().ok_or(Trouble::Above)?;
        let dir = self.tree.dir(parent).map_err(Trouble::os("open its directory"))?;
        let mode = match file.content.len() {
            1 if !self.job.verify => self.metadata.first_mode(&file.node),
            _ => Mode::RUSR | Mode::WUSR,
        };
        let made = openat(&dir, name, TO_MAKE, mode).map_err(|errno| match errno {
            Errno::EXIST => {
                Trouble::told("create", "the snapshot has this name twice, or somebody else has just put it there")
            }
            errno => Trouble::write("create")(errno),
        })?;
        let stat = fstat(&made).map_err(Trouble::os("create"))?;
        let claim = self.files.claim(Identity::from(&stat))?;
        let current = (&stat).into();
        let made_as = Made { current, beneath: Beneath::Nothing, untouched: false, closed_from: None, claim };
        Ok((made.into(), made_as))
    }

    /// Deals with something that exists; `None` if the place is free now, or something else is there already.
    fn place_over(
        &self,
        file: &FileNode,
        place: &Place<'_>,
        found: &Stat,
        buffer: &mut [u8],
    ) -> Result<Option<Placed>, Trouble> {
        let clear = || self.clear_place(place.dir, place.path, place.name, found).map(|()| None);
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return clear();
        }
        let old = match open_to_read(place.dir, place.name) {
            Ok(old) => File::from(old),
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
            // What can't be read can't be compared, but replaced.
            Err(Errno::ACCESS | Errno::PERM) => return clear(),
            Err(errno) => return Err(Trouble::os("open")(errno)),
        };
        let stat = fstat(&old).map_err(Trouble::os("open"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        let trusted = self.is_trusted(file, &stat);
        let missing = if trusted {
            vec![false; file.content.len()]
        } else {
            file.content.missing_in(&old, stat.st_size.unsigned_abs(), buffer).map_err(read_failed)?
        };
        let complete = !missing.contains(&true) && stat.st_size.unsigned_abs() == file.content.size();
        let handle = Handle::Real(old.as_fd());
        if is_private(place.dir) && self.may_stay(file, &stat) {
            if complete {
                return self.writing(old.into(), &stat, missing, Beneath::Content, true).map(Some);
            }
            if let Some(open) = open_in_place(place, &old, &stat)? {
                let now = fstat(&open).map_err(Trouble::os("open"))?;
                let mut placed = self.writing(open, &now, missing, Beneath::Content, false)?;
                if let Placed::Writing { made, .. } = &mut placed {
                    made.closed_from = Some(Mode::from_raw_mode(stat.st_mode));
                }
                return Ok(Some(placed));
            }
        } else if complete && self.metadata.matches(handle, &stat, &file.node) {
            return Ok(Some(done(RestoreOutcome::Unchanged, Some(Identity::from(&stat)))));
        }
        self.clear_place(place.dir, place.path, place.name, &stat)?;
        self.place_anew(file, place, &old, missing, buffer)
    }

    /// Makes a new file with what is right in the old one, which has lost its name.
    fn place_anew(
        &self,
        file: &FileNode,
        place: &Place<'_>,
        old: &File,
        mut missing: Vec<bool>,
        buffer: &mut [u8],
    ) -> Result<Option<Placed>, Trouble> {
        let made = match openat(place.dir, place.name, TO_MAKE, Mode::RUSR | Mode::WUSR) {
            Ok(made) => File::from(made),
            Err(Errno::EXIST) => return Ok(None),
            Err(errno) => return Err(Trouble::write("create")(errno)),
        };
        let copied = file.content.copy(old, &made, &mut missing, buffer);
        let beneath =
            copied.map_err(|error| Trouble::write("copy")(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        let stat = fstat(&made).map_err(Trouble::os("create"))?;
        self.writing(made.into(), &stat, missing, beneath, false).map(Some)
    }

    /// Whether size and time say that the content is right, and that is to be believed.
    fn is_trusted(&self, file: &FileNode, found: &Stat) -> bool {
        self.job.overwrite == Overwrite::IfChanged
            && found.st_size.unsigned_abs() == file.content.size()
            && mtime(found) == file.node.entry.mtime
    }

    /// Whether the file itself may be used on: it has no other name, and whoever may have it open for writing may also
    /// write to it afterwards, or is to be trusted.
    fn may_stay(&self, file: &FileNode, found: &Stat) -> bool {
        let (uid, gid) = self.metadata.owner_of(&file.node);
        let own = rustix::process::geteuid().as_raw();
        let wider = found.st_mode & 0o022 & !file.node.entry.mode;
        let other_group = found.st_mode & 0o020 != 0 && found.st_gid != gid && self.metadata.is_root();
        found.st_nlink == 1 && [0, own, uid].contains(&found.st_uid) && wider == 0 && !other_group
    }

    fn writing(
        &self,
        handle: OwnedFd,
        stat: &Stat,
        missing: Vec<bool>,
        beneath: Beneath,
        untouched: bool,
    ) -> Result<Placed, Trouble> {
        let claim = self.files.claim(Identity::from(stat))?;
        let made = Made { current: stat.into(), beneath, untouched, closed_from: None, claim };
        Ok(Placed::Writing { handle: handle.into(), missing, extent: stat.st_size.unsigned_abs(), made })
    }

    /// What [`Session::place`] would do.
    fn imagine(&self, file: &FileNode, place: &Place<'_>, buffer: &mut [u8]) -> Result<Placed, Trouble> {
        let Some(found) = look(place.dir, place.name)? else { return Ok(done(RestoreOutcome::Restored, None)) };
        let identity = Some(Identity::from(&found));
        if leaves(self.job.overwrite, &found, file.node.entry.mtime) {
            return Ok(done(RestoreOutcome::Skipped, identity));
        }
        let regular = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        if !regular || found.st_size.unsigned_abs() != file.content.size() {
            return Ok(done(RestoreOutcome::Restored, identity));
        }
        if self.is_trusted(file, &found) {
            return Ok(done(RestoreOutcome::Unchanged, identity));
        }
        let Ok(old) = open_to_read(place.dir, place.name) else { return Ok(done(RestoreOutcome::Restored, identity)) };
        let differs = file.content.first_difference(&old.into(), buffer).map_err(read_failed)?.is_some();
        Ok(done(if differs { RestoreOutcome::Restored } else { RestoreOutcome::Unchanged }, identity))
    }
}

/// Checks that the size which the snapshot tells is that of the content.
pub(super) fn check_size(file: &FileNode) -> Result<(), Trouble> {
    match file.node.entry.kind {
        EntryKind::File { size } if size != file.content.size() => Err(Trouble::told(
            "restore",
            format!("the snapshot lists {size} bytes but holds {}; that is what was restored", file.content.size()),
        )),
        _ => Ok(()),
    }
}

fn done(outcome: RestoreOutcome, identity: Option<Identity>) -> Placed {
    Placed::Done { outcome, identity }
}

fn read_failed(error: std::io::Error) -> Trouble {
    Trouble::os("compare")(Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

fn open_to_read(dir: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    match openat(dir, name, TO_READ | OFlags::NOATIME, Mode::empty()) {
        // Only the owner may leave no trace.
        Err(Errno::PERM) => openat(dir, name, TO_READ, Mode::empty()),
        other => other,
    }
}

/// Opens for writing the very file that is open for reading, closed to others; `None` if it can't be written, as a program
/// that runs, and must be replaced.
fn open_in_place(place: &Place<'_>, old: &File, stat: &Stat) -> Result<Option<OwnedFd>, Trouble> {
    if fchmod(old, Mode::RUSR | Mode::WUSR).is_err() {
        return Ok(None);
    }
    let Ok(open) = openat(place.dir, place.name, OPEN_TO_WRITE, Mode::empty()) else { return Ok(None) };
    let now = fstat(&open).map_err(Trouble::os("open"))?;
    Ok((Identity::from(&now) == Identity::from(stat)).then_some(open))
}
