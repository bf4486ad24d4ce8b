//! The driver for directories reached by SSH, in restic's layout, through the server's SFTP subsystem.
//!
//! A file is written under a temporary name, synced, and renamed without replacing another; then its folder is synced:
//! with OpenSSH's server all of this is as safe as on a local disk. Other servers may lack `fsync@openssh.com`; then
//! nothing better than their word is to be had.

mod error;
mod files;
mod listing;
mod save;
mod session;
mod ssh;
mod wire;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use holdfast_model::Id;
use parking_lot::Mutex;

use self::error::SftpError;
use self::session::Session;
pub use self::ssh::SshProgram;
use crate::uri::{Place, SftpPlace};
use crate::{FileInfo, FileKind, Store, StoreError, layout};

/// Nothing in a repository is as large as this: a bound on what is allocated for one file, in bytes.
const MAX_READ: u64 = 4 << 30;

/// Keeps a repository in a directory of another machine.
#[derive(Debug)]
pub struct SftpStore {
    place: SftpPlace,
    how: SshProgram,
    /// The connection, opened when it is first needed and again when it was lost.
    session: Mutex<Option<Arc<Session>>>,
    modes: OnceLock<Modes>,
}

/// Modes of new folders and files: as restic, for the owner alone unless the group may read the config.
#[derive(Debug, Clone, Copy)]
struct Modes {
    folder: u32,
    file: u32,
}

impl SftpStore {
    /// A store in a directory that need not exist yet; nothing is connected to yet.
    pub fn new(place: &SftpPlace, how: &SshProgram) -> Self {
        Self { place: place.clone(), how: how.clone(), session: Mutex::new(None), modes: OnceLock::new() }
    }

    /// The connection.
    fn session(&self) -> Result<Arc<Session>, SftpError> {
        let mut current = self.session.lock();
        if let Some(session) = current.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Arc::clone(session));
        }
        *current = None;
        let line = ssh::command_line(&self.place, &self.how)?;
        let session = Arc::new(Session::start(ssh::start(&line)?)?);
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    fn modes(&self, session: &Session) -> Result<Modes, SftpError> {
        if let Some(modes) = self.modes.get() {
            return Ok(*modes);
        }
        let modes = match files::stat(session, &self.full("config"))?.attributes() {
            Ok(found) if found.mode.is_some_and(|mode| mode & 0o040 != 0) => Modes { folder: 0o770, file: 0o440 },
            Ok(_) => Modes { folder: 0o700, file: 0o400 },
            Err(error) if error.is_missing() => Modes { folder: 0o700, file: 0o400 },
            Err(error) => return Err(error),
        };
        Ok(*self.modes.get_or_init(|| modes))
    }

    /// The path on the server of one beneath the root.
    fn full(&self, path: &str) -> String {
        match self.place.path.as_str() {
            "/" => format!("/{path}"),
            root => format!("{root}/{path}"),
        }
    }

    fn file(&self, kind: FileKind, id: &Id) -> String {
        self.full(&layout::path(kind, id))
    }

    fn size_of(&self, kind: FileKind, id: &Id) -> Result<u64, SftpError> {
        let found = files::stat(&*self.session()?, &self.file(kind, id))?.attributes()?;
        found.size.ok_or(SftpError::Malformed(wire::Malformed))
    }

    fn read_whole(&self, kind: FileKind, id: &Id) -> Result<Vec<u8>, SftpError> {
        let (session, path) = (self.session()?, self.file(kind, id));
        let (found, opened) = (files::stat(&session, &path)?, files::open_read(&session, &path)?);
        let (opened, found) = (opened.handle(&session), found.attributes()?);
        let size = found.size.ok_or(SftpError::Malformed(wire::Malformed))?;
        if size > kind.max_size() {
            return Err(SftpError::TooLarge);
        }
        let bytes = opened?.read(0, size as usize)?;
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(SftpError::Short) }
    }

    fn read_part(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Vec<u8>, SftpError> {
        let (session, path) = (self.session()?, self.file(kind, id));
        let length = range.end.saturating_sub(range.start);
        if length > MAX_READ || range.end > i64::MAX as u64 {
            return Err(SftpError::Short);
        }
        let bytes = files::open_read(&session, &path)?.handle(&session)?.read(range.start, length as usize)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(SftpError::Short) }
    }

    fn error(&self, action: &'static str, file: (FileKind, &Id), error: SftpError) -> StoreError {
        StoreError::of_file(error.kind(), action, file, self.location(), error)
    }

    fn plain_error(&self, action: &'static str, what: &str, error: SftpError) -> StoreError {
        let (kind, location) = (error.kind(), self.location());
        StoreError { kind, action, what: what.to_owned(), location, source: error.into() }
    }
}

impl Store for SftpStore {
    fn location(&self) -> String {
        Place::Sftp(self.place.clone()).to_string()
    }

    fn create(&self) -> Result<(), StoreError> {
        self.make_folders().map_err(|error| self.plain_error("create", "the folders of a repository", error))
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        self.list_kind(kind).map_err(|error| self.plain_error("list", kind.folder(), error))
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        self.size_of(kind, id).map_err(|error| self.error("read the size of", (kind, id), error))
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.read_whole(kind, id).map(Bytes::from).map_err(|error| self.error("read", (kind, id), error))
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.read_part(kind, id, range).map(Bytes::from).map_err(|error| self.error("read", (kind, id), error))
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.save(kind, id, parts).map_err(|error| self.error("write", (kind, id), error))
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        self.delete(kind, id).map_err(|error| self.error("delete", (kind, id), error))
    }

    fn sweep(&self) -> Result<u64, StoreError> {
        self.sweep_leftovers().map_err(|error| self.plain_error("sweep", "the repository", error))
    }
}
