//! What a store does with files, in the words of SFTP.
//!
//! Requests that do not wait for each other go out together, so that a call costs few round trips.

use std::collections::VecDeque;

use super::error::SftpError;
use super::session::{Pending, Session};
use super::wire::{Attributes, Malformed, Packet, Request, kind, open, status};
use crate::vectored;

/// How many bytes may be under way in one file at a time.
const WINDOW: usize = 8 << 20;

/// A handle of an open file or folder; closed when it goes, without waiting for the answer.
pub(super) struct Handle<'a> {
    session: &'a Session,
    name: Vec<u8>,
}

impl<'a> Handle<'a> {
    fn of(session: &'a Session, mut answer: Packet) -> Result<Self, SftpError> {
        match answer.kind {
            kind::HANDLE => Ok(Self { session, name: answer.text()?.to_vec() }),
            _ => Err(Malformed.into()),
        }
    }

    fn request(&self, kind: u8) -> Request {
        Request::new(kind).text(&self.name)
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        // What had to be known of the file is known.
        let _ = self.session.send(self.request(kind::CLOSE), &[]);
    }
}

pub(super) fn open_new<'a>(session: &'a Session, path: &str, mode: u32) -> Result<Pending<'a>, SftpError> {
    let flags = open::WRITE | open::CREATE | open::EXCLUSIVE;
    session.send(Request::new(kind::OPEN).text(path).u32(flags).mode(mode), &[])
}

pub(super) fn open_read<'a>(session: &'a Session, path: &str) -> Result<Pending<'a>, SftpError> {
    session.send(Request::new(kind::OPEN).text(path).u32(open::READ).u32(0), &[])
}

pub(super) fn open_folder<'a>(session: &'a Session, path: &str) -> Result<Pending<'a>, SftpError> {
    session.send(Request::new(kind::OPENDIR).text(path), &[])
}

pub(super) fn stat<'a>(session: &'a Session, path: &str) -> Result<Pending<'a>, SftpError> {
    session.send(Request::new(kind::STAT).text(path), &[])
}

pub(super) fn make_folder<'a>(session: &'a Session, path: &str, mode: u32) -> Result<Pending<'a>, SftpError> {
    session.send(Request::new(kind::MKDIR).text(path).mode(mode), &[])
}

pub(super) fn remove(session: &Session, path: &str) -> Result<(), SftpError> {
    session.call(Request::new(kind::REMOVE).text(path)).map(drop)
}

/// Gives a file another name; fails if that is taken (OpenSSH's server links and unlinks for it).
pub(super) fn rename(session: &Session, from: &str, to: &str) -> Result<(), SftpError> {
    session.call(Request::new(kind::RENAME).text(from).text(to)).map(drop)
}

/// How much space is free on the file system of a path, in bytes; `None` if the server does not say.
pub(super) fn free_space(session: &Session, path: &str) -> Option<u64> {
    if !session.knows("statvfs@openssh.com") {
        return None;
    }
    let request = Request::new(kind::EXTENDED).text("statvfs@openssh.com").text(path);
    let mut answer = session.call(request).ok().filter(|answer| answer.kind == kind::EXTENDED_REPLY)?;
    let (_block, fragment, _blocks, _free) =
        (answer.u64().ok()?, answer.u64().ok()?, answer.u64().ok()?, answer.u64().ok()?);
    answer.u64().ok()?.checked_mul(fragment)
}

impl<'a> Pending<'a> {
    /// The answer as a handle.
    pub(super) fn handle(self, session: &'a Session) -> Result<Handle<'a>, SftpError> {
        Handle::of(session, self.wait()?)
    }

    /// The answer as attributes.
    pub(super) fn attributes(self) -> Result<Attributes, SftpError> {
        let mut answer = self.wait()?;
        if answer.kind == kind::ATTRS { Ok(answer.attributes()?) } else { Err(Malformed.into()) }
    }
}

impl<'a> Handle<'a> {
    /// Writes all parts from the start of the file on.
    pub(super) fn write_all(&self, parts: &[&[u8]]) -> Result<(), SftpError> {
        let size = self.session.max_write as usize;
        let mut under_way: VecDeque<Pending<'_>> = VecDeque::new();
        let mut offset = 0;
        for piece in vectored::pieces(parts, size) {
            if under_way.len() * size >= WINDOW {
                under_way.pop_front().map(Pending::wait).transpose()?;
            }
            let length: usize = piece.iter().map(|slice| slice.len()).sum();
            let request = self.request(kind::WRITE).u64(offset).u32(length as u32);
            under_way.push_back(self.session.send(request, &piece)?);
            offset += length as u64;
        }
        under_way.into_iter().try_for_each(|pending| pending.wait().map(drop))
    }

    /// Up to `length` bytes from `offset` on: fewer only where the file ends.
    pub(super) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, SftpError> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| SftpError::TooLarge)?;
        let mut size = self.session.max_read as usize;
        let (mut asked, mut under_way) = (0, VecDeque::new());
        while bytes.len() < length {
            while asked < length && asked - bytes.len() < WINDOW {
                let count = size.min(length - asked);
                let request = self.request(kind::READ).u64(offset + asked as u64).u32(count as u32);
                under_way.push_back((self.session.send(request, &[])?, count));
                asked += count;
            }
            let Some((pending, count)) = under_way.pop_front() else { break };
            let got = read_answer(pending, &mut bytes, count)?;
            if got == 0 {
                break;
            }
            if got < count {
                // A server may send less than asked for: from the gap on, ask again for no more than that.
                under_way.clear();
                (asked, size) = (bytes.len(), got);
            }
        }
        Ok(bytes)
    }

    /// The next entries of a folder; `None` after the last.
    pub(super) fn next_entries(&self) -> Result<Pending<'a>, SftpError> {
        self.session.send(self.request(kind::READDIR), &[])
    }

    /// Sets the mode.
    pub(super) fn set_mode(&self, mode: u32) -> Result<Pending<'a>, SftpError> {
        self.session.send(self.request(kind::FSETSTAT).mode(mode), &[])
    }

    /// Puts content, or a folder's names, on the disk, if the server can.
    pub(super) fn sync(&self) -> Result<(), SftpError> {
        if !self.session.knows("fsync@openssh.com") {
            return Ok(());
        }
        self.session.call(Request::new(kind::EXTENDED).text("fsync@openssh.com").text(&self.name)).map(drop)
    }
}

/// Appends what an answer to `READ` brings; 0 at the end of the file.
fn read_answer(pending: Pending<'_>, bytes: &mut Vec<u8>, most: usize) -> Result<usize, SftpError> {
    match pending.wait() {
        Ok(mut answer) if answer.kind == kind::DATA => {
            let data = answer.text()?;
            if data.len() > most {
                return Err(Malformed.into());
            }
            bytes.extend_from_slice(data);
            Ok(data.len())
        }
        Ok(_) => Err(Malformed.into()),
        Err(SftpError::Status { code: status::EOF, .. }) => Ok(0),
        Err(error) => Err(error),
    }
}

/// One entry of a folder.
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) attributes: Attributes,
}

/// The entries in an answer to `READDIR`; `None` at the end of the folder.
pub(super) fn entries(pending: Pending<'_>) -> Result<Option<Vec<Entry>>, SftpError> {
    let mut answer = match pending.wait() {
        Ok(answer) if answer.kind == kind::NAME => answer,
        Ok(_) => return Err(Malformed.into()),
        Err(SftpError::Status { code: status::EOF, .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for _ in 0..answer.u32()? {
        let name = answer.text()?.to_vec();
        answer.text()?;
        found.push(Entry { name, attributes: answer.attributes()? });
    }
    Ok(Some(found))
}
