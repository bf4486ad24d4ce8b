//! Saving and deleting files over SFTP.
//!
//! Nothing that failed to sync is tried again and trusted: the file goes away and the caller is told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_model::Id;

use super::error::SftpError;
use super::files::{self, Handle};
use super::session::{Pending, Session};
use super::wire::status;
use super::{Modes, SftpStore};
use crate::FileKind;
use crate::layout::{self, TEMPORARY};

/// Makes temporary names of one process differ.
static COUNTER: AtomicU64 = AtomicU64::new(0);

impl SftpStore {
    /// [`crate::Store::put`]
    pub(super) fn save(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), SftpError> {
        let session = self.session()?;
        let modes = self.modes(&session)?;
        let folder = self.full(&layout::folder(kind, id));
        let name = self.file(kind, id);
        match self.save_in(&session, modes, &folder, &name, parts) {
            Err(error) if error.is_missing() => {
                self.make_folder(&session, &folder, modes)?;
                self.save_in(&session, modes, &folder, &name, parts)
            }
            result => result,
        }
    }

    fn save_in(
        &self,
        session: &Session,
        modes: Modes,
        folder: &str,
        name: &str,
        parts: &[&[u8]],
    ) -> Result<(), SftpError> {
        let temporary = temporary_name(name);
        let taken = files::stat(session, name)?;
        let opened = files::open_new(session, &temporary, modes.file | 0o200)?;
        let folder_handle = files::open_read(session, folder)?;
        let file = opened.handle(session);
        let folder_handle = opened_folder(folder_handle.handle(session));
        let saved = file.and_then(|file| {
            match taken.attributes() {
                Ok(_) => return Err(SftpError::Exists),
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error),
            }
            write_synced(&file, parts, modes.file).map_err(|error| explain(session, folder, parts, error))?;
            drop(file);
            match files::rename(session, &temporary, name) {
                // The one code for everything: see whether the name was taken meanwhile.
                Err(SftpError::Status { code: status::FAILURE, .. }) if exists(session, name) => Err(SftpError::Exists),
                renamed => renamed,
            }
        });
        let folder_handle = match (saved, folder_handle) {
            (Ok(()), Ok(folder)) => folder,
            (Ok(()), Err(error)) => {
                let _ = files::remove(session, name);
                return Err(error);
            }
            (Err(error), folder) => {
                let _ = files::remove(session, &temporary);
                if matches!(error, SftpError::Exists) {
                    // Perhaps by an attempt of ours whose connection broke before the folder was synced: who finds the
                    // file may count it as saved.
                    sync_folder(folder?.as_ref())?;
                }
                return Err(error);
            }
        };
        sync_folder(folder_handle.as_ref()).inspect_err(|_| {
            let _ = files::remove(session, name);
        })
    }

    /// [`crate::Store::remove`]
    pub(super) fn delete(&self, kind: FileKind, id: &Id) -> Result<(), SftpError> {
        let (session, path) = (self.session()?, self.file(kind, id));
        if matches!(kind, FileKind::Pack | FileKind::Lock) {
            return files::remove(&session, &path);
        }
        let folder = files::open_read(&session, &self.full(&layout::folder(kind, id)))?;
        let removed = files::remove(&session, &path);
        let folder = opened_folder(folder.handle(&session))?;
        removed?;
        sync_folder(folder.as_ref())
    }

    /// [`crate::Store::create`]
    pub(super) fn make_folders(&self) -> Result<(), SftpError> {
        let session = self.session()?;
        let modes = self.modes(&session)?;
        self.make_root(&session, &self.place.path, modes)?;
        let paths: Vec<String> = layout::folders().map(|path| self.full(&path.to_string_lossy())).collect();
        // The few that hold the others first.
        let (kinds, packs) = paths.split_at(paths.len() - 256);
        for level in [kinds, packs] {
            let made: Result<Vec<_>, SftpError> =
                level.iter().map(|path| Ok((path, files::make_folder(&session, path, modes.folder)?))).collect();
            made?.into_iter().try_for_each(|(path, pending)| made_or_there(&session, path, pending))?;
        }
        for folder in [self.full("data"), self.place.path.clone()] {
            sync_folder(files::open_read(&session, &folder)?.handle(&session).ok().as_ref())?;
        }
        Ok(())
    }

    /// Makes a folder beneath the root, in a repository that exists, and syncs its parent.
    fn make_folder(&self, session: &Session, path: &str, modes: Modes) -> Result<(), SftpError> {
        // Without its root a repository is not there: its disk may not be mounted.
        files::stat(session, &self.place.path)?.attributes()?;
        self.make_root(session, path, modes)
    }

    /// Makes a folder and its missing parents, each synced into its parent.
    fn make_root(&self, session: &Session, path: &str, modes: Modes) -> Result<(), SftpError> {
        match files::stat(session, path)?.attributes() {
            Ok(_) => return Ok(()),
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
        let parent = match path.rsplit_once('/') {
            Some(("", _)) => "/",
            Some((parent, _)) => parent,
            None => ".",
        };
        if parent != path && parent != "." {
            self.make_root(session, parent, modes)?;
        }
        made_or_there(session, path, files::make_folder(session, path, modes.folder)?)?;
        sync_folder(files::open_read(session, parent)?.handle(session).ok().as_ref())
    }
}

/// Content and mode, on the disk.
fn write_synced(file: &Handle<'_>, parts: &[&[u8]], mode: u32) -> Result<(), SftpError> {
    file.write_all(parts)?;
    match file.set_mode(mode)?.wait() {
        // Some servers know no modes; the file is as good without. A lost connection shows in the next call.
        Ok(_) | Err(SftpError::Status { .. }) => file.sync(),
        Err(error) => Err(error),
    }
}

/// A server may not open folders: then it cannot sync them either. A connection that broke says nothing of that.
fn opened_folder(opened: Result<Handle<'_>, SftpError>) -> Result<Option<Handle<'_>>, SftpError> {
    match opened {
        Ok(folder) => Ok(Some(folder)),
        Err(SftpError::Status { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn sync_folder(folder: Option<&Handle<'_>>) -> Result<(), SftpError> {
    folder.map_or(Ok(()), Handle::sync)
}

fn exists(session: &Session, path: &str) -> bool {
    files::stat(session, path).and_then(Pending::attributes).is_ok()
}

/// Servers say "failure" where a folder is there already.
fn made_or_there(session: &Session, path: &str, pending: Pending<'_>) -> Result<(), SftpError> {
    match pending.wait() {
        Err(SftpError::Status { code: status::FAILURE, .. }) if exists(session, path) => Ok(()),
        result => result.map(drop),
    }
}

/// OpenSSH's server says "failure" where the disk is full: ask for the space that is left.
fn explain(session: &Session, folder: &str, parts: &[&[u8]], error: SftpError) -> SftpError {
    let wanted: u64 = parts.iter().map(|part| part.len() as u64).sum();
    match error {
        SftpError::Status { code: status::FAILURE, .. }
            if files::free_space(session, folder).is_some_and(|free| free < wanted) =>
        {
            SftpError::Full
        }
        error => error,
    }
}

fn temporary_name(name: &str) -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{name}{TEMPORARY}{:x}-{nanos:x}-{count:x}", std::process::id())
}
