//! Saving a file in a local repository: written under no name or a temporary one, synced, named, and the name synced.
//!
//! Nothing that failed to sync is tried again and trusted: after a failed `fsync` the kernel may count lost pages as
//! clean, so the file goes away and the caller is told.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_model::Id;
use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags, fchmod, flock, fstat, fsync, linkat, openat, renameat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::{LocalStore, folder};
use crate::layout::TEMPORARY;
use crate::{FileKind, layout, vectored};

/// Makes temporary names of one process differ.
static COUNTER: AtomicU64 = AtomicU64::new(0);

impl LocalStore {
    /// [`crate::Store::put`], with the system's errors.
    pub(super) fn save(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), Errno> {
        let folder = self.folder_for(kind, id)?;
        let name = layout::name(kind, id);
        match statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => return Err(Errno::EXIST),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        self.save_as(&folder, &name, parts)?;
        folder::sync(&folder).inspect_err(|_| discard(&folder, &name))
    }

    /// The folder of a file, made if need be.
    fn folder_for(&self, kind: FileKind, id: &Id) -> Result<OwnedFd, Errno> {
        let root = self.root()?;
        let path = layout::folder(kind, id);
        {
            let _not_being_made = self.folders.read();
            match folder::open(&root.fd, &path) {
                Err(Errno::NOENT) => {}
                opened => return opened,
            }
        }
        let _alone = self.folders.write();
        folder::make(root, &path)?;
        folder::open(&root.fd, &path)
    }

    /// Writes and syncs the content, then gives it its name.
    fn save_as(&self, folder: &OwnedFd, name: &str, parts: &[&[u8]]) -> Result<(), Errno> {
        let mode = self.root()?.modes.file;
        if self.anonymous.load(Ordering::Relaxed) {
            match save_anonymous(folder, name, parts, mode) {
                Anonymous::Done(result) => return result,
                Anonymous::Unsupported => self.anonymous.store(false, Ordering::Relaxed),
            }
        }
        save_named(folder, name, parts, mode)
    }

    /// Leaves behind what a process leaves that dies while it writes this file by name: for tests of crashes.
    #[doc(hidden)]
    pub fn leave_torn(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), Errno> {
        let folder = self.folder_for(kind, id)?;
        let (file, _) = create_temporary(&folder, &layout::name(kind, id))?;
        vectored::write_all(&file, parts)
    }
}

enum Anonymous {
    Done(Result<(), Errno>),
    Unsupported,
}

/// Writes a file that has no name until it is complete: a process that dies leaves nothing behind.
fn save_anonymous(folder: &OwnedFd, name: &str, parts: &[&[u8]], mode: Mode) -> Anonymous {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = match openat(folder, ".", flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => file,
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => return Anonymous::Unsupported,
        Err(errno) => return Anonymous::Done(Err(errno)),
    };
    if let Err(errno) = write_synced(&file, parts, mode) {
        return Anonymous::Done(Err(errno));
    }
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    match linkat(CWD, path, folder, name, AtFlags::SYMLINK_FOLLOW) {
        // Without /proc, or where it is hidden from us, the name cannot be given this way.
        Err(Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::XDEV | Errno::OPNOTSUPP | Errno::INVAL) => {
            Anonymous::Unsupported
        }
        result => Anonymous::Done(result),
    }
}

/// Writes a file under a temporary name and renames it, on file systems that know nothing better.
fn save_named(folder: &OwnedFd, name: &str, parts: &[&[u8]], mode: Mode) -> Result<(), Errno> {
    let (file, temporary) = create_temporary(folder, name)?;
    // The lock tells a sweep that the writer lives. Where there are no locks, its age has to.
    let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
    write_synced(&file, parts, mode)
        .and_then(|()| rename_without_replacing(folder, &file, &temporary, name))
        .inspect_err(|_| discard(folder, &temporary))
}

fn create_temporary(folder: &OwnedFd, name: &str) -> Result<(OwnedFd, String), Errno> {
    loop {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary = format!("{name}{TEMPORARY}{:x}-{nanos:x}-{count:x}", std::process::id());
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        match openat(folder, &temporary, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => return Ok((file, temporary)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Content, mode, and both on the disk.
fn write_synced(file: &OwnedFd, parts: &[&[u8]], mode: Mode) -> Result<(), Errno> {
    vectored::write_all(file, parts)?;
    match fchmod(file, mode) {
        // Some file systems have no modes; the file is as good without.
        Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => fsync(file),
        Err(errno) => Err(errno),
    }
}

/// Gives a temporary file its name unless that is taken, with the strongest means that the file system has.
fn rename_without_replacing(folder: &OwnedFd, file: &OwnedFd, from: &str, to: &str) -> Result<(), Errno> {
    match renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        result => return result,
    }
    match linkat(folder, from, folder, to, AtFlags::empty()) {
        Ok(()) => {
            discard(folder, from);
            Ok(())
        }
        // NFS answers so, too, when its first answer was lost and the link is ours.
        Err(Errno::EXIST) if fstat(file)?.st_nlink == 2 => {
            discard(folder, from);
            Ok(())
        }
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => match statat(folder, to, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => renameat(folder, from, folder, to),
            Ok(_) => Err(Errno::EXIST),
            Err(errno) => Err(errno),
        },
        Err(errno) => Err(errno),
    }
}

/// Deletes a file whose absence is all that is left to wish for.
fn discard(folder: &OwnedFd, name: &str) {
    let _ = unlinkat(folder, name, AtFlags::empty());
}
