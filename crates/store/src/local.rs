//! The driver for a local directory, in restic's layout.
//!
//! A file appears under its name only complete and synced, and counts as saved only when the folder is synced too.
//! All work happens beneath one handle of the root directory: if its disk is unmounted or replaced while we run, calls
//! fail instead of writing into the empty mount point. The config alone is there only as long as the path leads there: by it
//! is asked whether that is so. It knows nothing of other machines that use the directory.

mod errno;
mod folder;
mod listing;
mod save;
mod sweep;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use holdfast_model::{Clock, Id, SystemClock};
use parking_lot::RwLock;
use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, StatxFlags, fstat, openat, statx, unlinkat};
use rustix::io::Errno;

use self::errno::{kind_of, source_of};
use self::folder::Root;
use crate::{ErrorKind, FileInfo, FileKind, Store, StoreError, layout};

/// Nothing in a repository is as large as this (restic's packs end at 128 MiB, rustic's at 4 GiB): a bound on what is
/// allocated for one file, in bytes.
const MAX_READ: u64 = 4 << 30;

/// Keeps a repository in a local directory.
#[derive(Debug)]
pub struct LocalStore {
    path: PathBuf,
    root: OnceLock<Root>,
    /// Held for writing while a folder is made and synced into its parent, for reading while one is opened to put a
    /// file there: so no file counts as saved in a folder that a power cut could still take away.
    folders: RwLock<()>,
    /// Whether this file system knows files without a name. Until one attempt fails, yes.
    anonymous: AtomicBool,
}

impl LocalStore {
    /// A store in `path`, which need not exist yet: [`Store::create`] makes it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), root: OnceLock::new(), folders: RwLock::new(()), anonymous: AtomicBool::new(true) }
    }

    /// The directory, opened when it is first needed.
    fn root(&self) -> Result<&Root, Errno> {
        if let Some(root) = self.root.get() {
            return Ok(root);
        }
        // What lies at or beneath a file that is no directory is not there.
        let root = Root::open(&self.path).map_err(|errno| if errno == Errno::NOTDIR { Errno::NOENT } else { errno })?;
        Ok(self.root.get_or_init(|| root))
    }

    /// The directory, to look for a file of this kind in it.
    fn root_of(&self, kind: FileKind) -> Result<&Root, Errno> {
        let was_open = self.root.get().is_some();
        let root = self.root()?;
        let has_moved = kind == FileKind::Config && was_open && !root.is_at(&self.path)?;
        if has_moved { Err(Errno::NOENT) } else { Ok(root) }
    }

    /// Opens a file for reading.
    fn open(&self, kind: FileKind, id: &Id) -> Result<OwnedFd, Errno> {
        let root = self.root_of(kind)?;
        openat(&root.fd, layout::path(kind, id), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    }

    fn error(&self, action: &'static str, file: (FileKind, &Id), errno: Errno) -> StoreError {
        StoreError::of_file(kind_of(errno), action, file, self.location(), source_of(errno))
    }

    fn corrupt(&self, file: (FileKind, &Id), text: String) -> StoreError {
        StoreError::of_file(ErrorKind::Corrupt, "read", file, self.location(), text)
    }

    fn folder_error(&self, action: &'static str, kind: FileKind, errno: Errno) -> StoreError {
        StoreError {
            kind: kind_of(errno),
            action,
            what: kind.folder().to_owned(),
            location: self.location(),
            source: source_of(errno).into(),
        }
    }
}

impl Store for LocalStore {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn listing_delay(&self) -> Duration {
        match self.root() {
            Ok(root) if folder::lists_at_once(&root.fd) => Duration::ZERO,
            _ => Duration::from_millis(200),
        }
    }

    fn create(&self) -> Result<(), StoreError> {
        folder::create(&self.path).map_err(|errno| StoreError {
            kind: kind_of(errno),
            action: "create",
            what: "the folders of a repository".to_owned(),
            location: self.location(),
            source: source_of(errno).into(),
        })
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        let failed = |errno| self.folder_error("list", kind, errno);
        listing::list(&self.root().map_err(failed)?.fd, kind).map_err(failed)
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        let failed = |errno| self.error("read the size of", (kind, id), errno);
        let root = self.root_of(kind).map_err(failed)?;
        let info = statx(&root.fd, layout::path(kind, id), AtFlags::empty(), StatxFlags::SIZE | StatxFlags::TYPE)
            .map_err(failed)?;
        match FileType::from_raw_mode(info.stx_mode.into()) {
            FileType::RegularFile => Ok(info.stx_size),
            _ => Err(failed(Errno::ISDIR)),
        }
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        let failed = |errno| self.error("read", (kind, id), errno);
        let file = self.open(kind, id).map_err(failed)?;
        let size = fstat(&file).map_err(failed)?.st_size as u64;
        if size > kind.max_size() {
            return Err(failed(Errno::FBIG));
        }
        let bytes = read_at(&file, 0, size).map_err(failed)?;
        if bytes.len() as u64 != size {
            return Err(self.corrupt((kind, id), format!("it ends after {} of {size} bytes", bytes.len())));
        }
        Ok(bytes)
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        let failed = |errno| self.error("read", (kind, id), errno);
        let file = self.open(kind, id).map_err(failed)?;
        let wanted = range.end.saturating_sub(range.start);
        let bytes = read_at(&file, range.start, wanted).map_err(failed)?;
        if bytes.len() as u64 != wanted {
            let text = format!("it has only {} of the {wanted} bytes from {} on", bytes.len(), range.start);
            return Err(self.corrupt((kind, id), text));
        }
        Ok(bytes)
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.save(kind, id, parts).map_err(|errno| self.error("write", (kind, id), errno))
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        let failed = |errno| self.error("delete", (kind, id), errno);
        let root = self.root().map_err(failed)?;
        unlinkat(&root.fd, layout::path(kind, id), AtFlags::empty()).map_err(failed)?;
        if matches!(kind, FileKind::Pack | FileKind::Lock) {
            return Ok(());
        }
        let folder = folder::open(&root.fd, &layout::folder(kind, id)).map_err(failed)?;
        folder::sync(&folder).map_err(failed)
    }

    fn sweep(&self) -> Result<u64, StoreError> {
        let failed = |errno| self.folder_error("list", FileKind::Pack, errno);
        sweep::sweep(&self.root().map_err(failed)?.fd, SystemClock.now()).map_err(failed)
    }
}

/// Up to `length` bytes from `offset` on: fewer only where the file ends.
fn read_at(file: &OwnedFd, offset: u64, length: u64) -> Result<Bytes, Errno> {
    if length > MAX_READ {
        return Err(Errno::FBIG);
    }
    let length = length as usize;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| Errno::NOMEM)?;
    while bytes.len() < length {
        // The allocator may have given more room than was asked for: a longer file must not come back longer.
        let missing = length - bytes.len();
        let at = offset.checked_add(bytes.len() as u64).ok_or(Errno::OVERFLOW)?;
        match read_some(file, &mut bytes, missing, at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    bytes.truncate(length);
    Ok(bytes.into())
}

/// One `pread` to the end of what is there.
fn read_some(file: &OwnedFd, bytes: &mut Vec<u8>, missing: usize, at: u64) -> Result<usize, Errno> {
    debug_assert!(bytes.capacity() - bytes.len() >= missing);
    rustix::io::pread(file, spare_capacity(bytes), at)
}
