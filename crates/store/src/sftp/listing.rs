//! Listing a repository over SFTP: complete, or an error. And sweeping up what interrupted writes left.
//!
//! Many folders are read at the same time, as the answers are far away.

use holdfast_model::{Clock as _, Id, SystemClock, Timestamp};

use super::SftpStore;
use super::error::SftpError;
use super::files::{self, Entry};
use super::session::Session;
use super::wire::{Attributes, Malformed};
use crate::layout::TEMPORARY;
use crate::{FileInfo, FileKind, layout};

/// How many folders are read at the same time.
const FOLDERS: usize = 32;

/// How old a leftover must be, in seconds: a server does not tell whether somebody still writes to it.
const AGE: u64 = 24 * 3600;

impl SftpStore {
    /// [`crate::Store::list`]
    pub(super) fn list_kind(&self, kind: FileKind) -> Result<Vec<FileInfo>, SftpError> {
        let session = self.session()?;
        let (mut found, mut untold) = (Vec::new(), Vec::new());
        match kind {
            FileKind::Config => match files::stat(&session, &self.full("config"))?.attributes() {
                Ok(attributes) => {
                    let size = attributes.size.ok_or(Malformed)?;
                    found.push(FileInfo { id: Id::default(), size, modified: modified(attributes.modified) });
                }
                Err(error) if error.is_missing() => self.check_root(&session)?,
                Err(error) => return Err(error),
            },
            FileKind::Pack => {
                let folders: Vec<String> = (0u8..=255).map(|first| format!("data/{first:02x}")).collect();
                self.each_entry(&session, &folders, |folder, entry| {
                    let Some(id) = id(&entry).filter(|id| id.as_bytes()[0] as usize == folder) else { return };
                    match entry.attributes.size {
                        Some(_) => found.extend(info(id, &entry.attributes)),
                        None => untold.push(id),
                    }
                })?;
            }
            _ => self.each_entry(&session, &[kind.folder().to_owned()], |_, entry| {
                let Some(id) = id(&entry) else { return };
                match entry.attributes.size {
                    Some(_) => found.extend(info(id, &entry.attributes)),
                    None => untold.push(id),
                }
            })?,
        }
        // A server that lists names alone is asked about each: what is left out here counts as lost.
        for id in untold {
            match files::stat(&session, &self.file(kind, &id))?.attributes() {
                Ok(attributes) if attributes.size.is_none() => return Err(Malformed.into()),
                Ok(attributes) => found.extend(info(id, &attributes)),
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error),
            }
        }
        if found.is_empty() && kind != FileKind::Config {
            self.check_root(&session)?;
        }
        Ok(found)
    }

    /// Fails if there is no repository's root: an empty listing would be a lie.
    fn check_root(&self, session: &Session) -> Result<(), SftpError> {
        files::stat(session, &self.place.path)?.attributes().map(drop)
    }

    /// Gives every entry of some folders beneath the root, with the number of its folder. Folders that are not there are
    /// empty: copies of a repository often lack those.
    fn each_entry(
        &self,
        session: &Session,
        folders: &[String],
        mut each: impl FnMut(usize, Entry),
    ) -> Result<(), SftpError> {
        for (batch, some) in folders.chunks(FOLDERS).enumerate() {
            let opened: Result<Vec<_>, _> =
                some.iter().map(|folder| files::open_folder(session, &self.full(folder))).collect();
            let mut open = Vec::new();
            for (number, pending) in opened?.into_iter().enumerate() {
                match pending.handle(session) {
                    Ok(handle) => open.push((batch * FOLDERS + number, handle)),
                    Err(error) if error.is_missing() => {}
                    Err(error) => return Err(error),
                }
            }
            while !open.is_empty() {
                let asked: Result<Vec<_>, _> = open.iter().map(|(_, handle)| handle.next_entries()).collect();
                let mut left = Vec::new();
                for ((number, handle), pending) in open.into_iter().zip(asked?) {
                    if let Some(entries) = files::entries(pending)? {
                        entries.into_iter().for_each(|entry| each(number, entry));
                        left.push((number, handle));
                    }
                }
                open = left;
            }
        }
        Ok(())
    }

    /// [`crate::Store::sweep`]
    pub(super) fn sweep_leftovers(&self) -> Result<u64, SftpError> {
        let session = self.session()?;
        self.check_root(&session)?;
        let folders: Vec<String> =
            [".".to_owned()].into_iter().chain(layout::folders().map(|p| p.to_string_lossy().into_owned())).collect();
        let (now, mut old) = (SystemClock.now(), Vec::new());
        self.each_entry(&session, &folders, |folder, entry| {
            let Ok(name) = String::from_utf8(entry.name) else { return };
            let aged = modified(entry.attributes.modified).is_some_and(|time| now.since(time).as_secs() > AGE);
            if aged && name.contains(TEMPORARY) {
                old.push(self.full(&format!("{}/{name}", folders[folder])));
            }
        })?;
        old.iter().try_for_each(|path| files::remove(&session, path))?;
        Ok(old.len() as u64)
    }
}

fn id(entry: &Entry) -> Option<Id> {
    std::str::from_utf8(&entry.name).ok().and_then(layout::parse)
}

/// `None` for what is no file.
fn info(id: Id, attributes: &Attributes) -> Option<FileInfo> {
    let size = attributes.size.filter(|_| attributes.is_file())?;
    Some(FileInfo { id, size, modified: modified(attributes.modified) })
}

fn modified(seconds: Option<u32>) -> Option<Timestamp> {
    seconds.and_then(|seconds| Timestamp::new(seconds.into(), 0))
}
