//! Reads the files that the server wants: opens, cuts, announces, and tells how it went.
//!
//! What is opened must still be a regular file; nothing can make a reader wait (a pipe put in its place does not). No
//! more is read than the file had when it was opened, but where its file system does not know sizes ([`unsized_files`]).
//! One that changes meanwhile is stored as read, and reported.

mod extents;
mod onto;
mod open;
mod unsized_files;

use std::sync::Arc;

use holdfast_wire::limits::MAX_FILE_CHUNKS;
use holdfast_wire::{FileEnd, FileOutcome};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::Advice;
use rustix::io::Errno;

use self::extents::{Extents, Run};
use self::onto::pread_onto;
use self::open::open;
use self::unsized_files::UnsizedFiles;
use super::Backup;
use super::context::explain;
use super::record::wire_entry;
use super::requests::{Requests, WantedFile};
use super::stat::{Kind, Stat};
use super::xattr::XattrReader;
use crate::chunks::{Chunk, Content, Part};
use crate::cutter::{Cutter, LARGEST};
use crate::stop::Stopped;
use crate::window::{Room, UNANNOUNCED};

/// Bytes that are read at once: few enough to be still in the processor's cache when they are cut.
const PIECE: usize = 256 << 10;
/// What a chunk takes besides its bytes.
const OVERHEAD: usize = 256;
/// Chunks of zeros that are noted at once.
const ZEROS_AT_ONCE: u64 = 1024;

/// Parts of files that are announced at once.
const PARTS: usize = 64;

/// A thread that reads.
pub(crate) struct Reader {
    backup: Arc<Backup>,
    cutter: Cutter,
    xattrs: XattrReader,
    /// Bytes that were read with a chunk and belong to the next one.
    rest: Vec<u8>,
    unsized_files: UnsizedFiles,
    /// Small files that were read and go together, or two chunks of large ones: their names are found together.
    unannounced: Vec<Part>,
    /// The room that these hold.
    held: usize,
    /// Whether that is more than may be held while waiting for room: nothing more is added then.
    is_pair: bool,
}

/// Why a file's content is not complete.
enum ReadError {
    Stopped(Stopped),
    System(Errno),
    TooManyChunks,
}

impl From<Stopped> for ReadError {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl From<Errno> for ReadError {
    fn from(error: Errno) -> Self {
        Self::System(error)
    }
}

/// A file while it is read.
struct Reading<'a> {
    number: u64,
    file: &'a OwnedFd,
    extents: Extents,
    /// Where reading stands.
    at: u64,
    /// Where it ends.
    end: u64,
    chunks: u64,
}

impl Reader {
    pub(crate) fn new(backup: &Arc<Backup>) -> Self {
        let cutter = backup.cutter.clone();
        Self {
            backup: Arc::clone(backup),
            cutter,
            xattrs: XattrReader::new(),
            rest: Vec::new(),
            unsized_files: UnsizedFiles::default(),
            unannounced: Vec::new(),
            held: 0,
            is_pair: false,
        }
    }

    /// Works until the session is over.
    pub(crate) fn run(mut self) -> Result<(), Stopped> {
        let backup = Arc::clone(&self.backup);
        loop {
            let wanted = match backup.requests.with(Requests::next) {
                Some(wanted) => wanted,
                None => {
                    self.announce()?;
                    backup.requests.wait(Requests::next)?
                }
            };
            for wanted in wanted {
                let (last, outcome) = self.file(&wanted)?;
                let file = wanted.number;
                self.unannounced.push(Part { file, chunks: last, end: Some(FileEnd { file, outcome }) });
                if self.unannounced.len() >= PARTS {
                    self.announce()?;
                }
            }
        }
    }

    /// Announces what was read.
    fn announce(&mut self) -> Result<(), Stopped> {
        (self.held, self.is_pair) = (0, false);
        if self.unannounced.is_empty() { Ok(()) } else { self.backup.chunks.announce(&mut self.unannounced) }
    }

    /// Reads a file; gives what is not announced yet, and what became of it.
    fn file(&mut self, wanted: &WantedFile) -> Result<(Vec<Chunk>, FileOutcome), Stopped> {
        let (name, listed) = wanted.name_and_stat();
        let is_unsized = listed.size == 0 && self.unsized_files.are_in(wanted.dir());
        if listed.size == 0 && !is_unsized {
            return Ok((Vec::new(), FileOutcome::Stored));
        }
        let (file, before) = match open(wanted.dir(), name) {
            Ok(opened) => opened,
            Err(error) => return self.failed(wanted, "open", &explain(error)),
        };
        if before.kind != Kind::File {
            return self.failed(wanted, "open", "it is no longer a regular file");
        }
        let before = self.backup.context.seen(before);
        let mut reading = Reading {
            number: wanted.number,
            file: &file,
            extents: Extents::of(&file, &before, self.backup.context.clock.now()),
            at: 0,
            end: if is_unsized { unsized_files::MOST } else { before.size },
            chunks: 0,
        };
        match self.content(&mut reading) {
            Ok(_) if is_unsized && reading.at >= unsized_files::MOST => {
                self.failed(wanted, "read", "it says that it is empty, and does not end")
            }
            Ok(last) => {
                if is_unsized {
                    // What is in it changes without a sign: never to be remembered.
                    let stored = Stat { size: reading.at, ..before };
                    return Ok((last, self.stored_as(wanted, &file, stored)?));
                }
                let outcome = self.outcome(wanted, &file, &listed, Stat { size: reading.at, ..before }, before)?;
                Ok((last, outcome))
            }
            Err(ReadError::Stopped(stopped)) => Err(stopped),
            Err(ReadError::System(error)) => self.failed(wanted, "read", &explain(error)),
            Err(ReadError::TooManyChunks) => self.failed(wanted, "read", "it is larger than a backup can hold"),
        }
    }

    fn failed(&self, wanted: &WantedFile, during: &str, message: &str) -> Result<(Vec<Chunk>, FileOutcome), Stopped> {
        let path = wanted.dir().path_of(wanted.name_and_stat().0);
        self.backup.context.outbox.problem(&path, during, message)?;
        Ok((Vec::new(), FileOutcome::Failed))
    }

    /// What became of a file that was read to its end.
    fn outcome(
        &mut self,
        wanted: &WantedFile,
        file: &OwnedFd,
        listed: &Stat,
        stored: Stat,
        before: Stat,
    ) -> Result<FileOutcome, Stopped> {
        let (name, _) = wanted.name_and_stat();
        let after = Stat::of(file.as_fd()).map(|after| self.backup.context.seen(after));
        let changed = after.is_ok_and(|after| !after.same_content(&before)) || stored.size != before.size;
        if changed {
            let path = wanted.dir().path_of(name);
            let message = "it changed while it was read; it is stored as it was read";
            self.backup.context.outbox.problem(&path, "read", message)?;
        }
        if !changed && before.same_content(listed) {
            return Ok(FileOutcome::Stored);
        }
        self.stored_as(wanted, file, stored)
    }

    /// A file that is not as it was listed.
    fn stored_as(&mut self, wanted: &WantedFile, file: &OwnedFd, stored: Stat) -> Result<FileOutcome, Stopped> {
        let (name, _) = wanted.name_and_stat();
        let mut entry = wire_entry(name, &stored, b"", 0);
        match self.xattrs.of_open(file) {
            Ok(xattrs) => entry.xattrs = xattrs,
            Err(error) => {
                let path = wanted.dir().path_of(name);
                self.backup.context.outbox.problem(&path, "read extended attributes", &error.to_string())?;
            }
        }
        self.backup.tell_owners(std::slice::from_ref(&entry))?;
        Ok(FileOutcome::StoredAs(Box::new(entry)))
    }

    /// Reads and cuts the content, to be announced; gives the last chunk.
    fn content(&mut self, reading: &mut Reading<'_>) -> Result<Vec<Chunk>, ReadError> {
        if reading.end > PIECE as u64 {
            // Advice; nothing is lost if it is not taken.
            let _advised = rustix::fs::fadvise(reading.file, 0, None, Advice::Sequential);
        }
        self.cutter.reset();
        self.rest.clear();
        loop {
            self.zeros(reading)?;
            let Some(chunk) = self.chunk(reading)? else { return Ok(Vec::new()) };
            reading.chunks += 1;
            if reading.chunks > u64::from(MAX_FILE_CHUNKS) {
                return Err(ReadError::TooManyChunks);
            }
            if reading.at >= reading.end && self.rest.is_empty() {
                return Ok(vec![chunk]);
            }
            self.unannounced.push(Part { file: reading.number, chunks: vec![chunk], end: None });
        }
    }

    /// Notes the chunks of a hole that begins here, without reading or hashing its zeros.
    fn zeros(&mut self, reading: &mut Reading<'_>) -> Result<(), ReadError> {
        let zeros = self.cutter.zeros();
        while self.rest.is_empty()
            && let Run::Hole(hole) = reading.extents.at(reading.file, reading.at, reading.end)?
        {
            let count = (hole / u64::from(zeros.len)).min(ZEROS_AT_ONCE);
            if count == 0 {
                return Ok(());
            }
            reading.chunks += count;
            if reading.chunks > u64::from(MAX_FILE_CHUNKS) {
                return Err(ReadError::TooManyChunks);
            }
            let room = Arc::new(self.reserve(count as usize * OVERHEAD)?);
            let chunk = || Chunk { content: Content::Zeros(zeros), room: Arc::clone(&room) };
            let chunks = std::iter::repeat_with(chunk).take(count as usize).collect();
            self.unannounced.push(Part { file: reading.number, chunks, end: None });
            reading.at += count * u64::from(zeros.len);
        }
        Ok(())
    }

    /// Waits for room, and holds no more than it may meanwhile. One more chunk is added where that needs no waiting, so that
    /// two large ones are named together.
    fn reserve(&mut self, bytes: usize) -> Result<Room, Stopped> {
        if self.held > 0 && self.held + bytes > UNANNOUNCED {
            if !self.is_pair
                && let Some(room) = self.backup.window.try_reserve(bytes)
            {
                self.is_pair = true;
                self.held += bytes;
                return Ok(room);
            }
            self.announce()?;
        }
        self.held += bytes;
        self.backup.window.reserve(bytes)
    }

    /// The next chunk, if there is another one.
    fn chunk(&mut self, reading: &mut Reading<'_>) -> Result<Option<Chunk>, ReadError> {
        let left = self.rest.len() as u64 + (reading.end - reading.at);
        if left == 0 {
            return Ok(None);
        }
        let most = left.min(LARGEST as u64) as usize;
        let mut room = self.reserve(most + OVERHEAD)?;
        let mut bytes = Vec::with_capacity(most);
        bytes.append(&mut self.rest);
        let mut cutting = self.cutter.begin();
        let len = loop {
            if let Some(cut) = cutting.look(&bytes) {
                break cut;
            }
            if !reading.more(&mut bytes)? {
                break bytes.len();
            }
        };
        self.rest.extend_from_slice(&bytes[len..]);
        bytes.truncate(len);
        bytes.shrink_to_fit();
        room.shrink(len + OVERHEAD);
        Ok((len > 0).then(|| Chunk { content: Content::Bytes(bytes), room: Arc::new(room) }))
    }
}

impl Reading<'_> {
    /// Adds the next bytes of the file; none if it ends here.
    fn more(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Errno> {
        let room = (bytes.capacity() - bytes.len()).min(PIECE) as u64;
        let wanted = room.min(self.end - self.at) as usize;
        if wanted == 0 {
            return Ok(false);
        }
        let read = match self.extents.at(self.file, self.at, self.end)? {
            Run::Hole(len) => {
                let len = len.min(wanted as u64) as usize;
                bytes.resize(bytes.len() + len, 0);
                len
            }
            Run::Data(len) => {
                let len = len.min(wanted as u64) as usize;
                pread_onto(self.file, bytes, len, self.at)?
            }
        };
        self.at += read as u64;
        if read == 0 {
            // Shorter than it was.
            self.end = self.at;
        }
        Ok(read > 0)
    }
}
