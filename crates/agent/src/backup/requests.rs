//! Which files the server wants: it answers every message of entries, in order, with those whose content it needs.
//!
//! What it may ask for is kept until it has answered, what it wants until it has been read; nothing else is.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::handle::DirHandle;
use super::listing::Charge;
use super::record;
use super::stat::{Kind, Stat};
use crate::AgentError;
use crate::window::UNANNOUNCED;

/// Files that a reader takes at once: many enough that taking them costs nothing, and few enough that all readers have
/// something to do.
const FILES_AT_ONCE: usize = 8;

/// Entries of one directory in the memory of their listing.
pub(crate) struct Listing {
    pub(crate) dir: Arc<DirHandle>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) _charge: Charge,
}

/// The entries of one message.
pub(crate) struct Told {
    pub(crate) listing: Arc<Listing>,
    /// The index of the first one in its directory.
    pub(crate) first: u32,
    /// Where in the listing each of them is.
    pub(crate) offsets: Vec<u32>,
}

/// The questions that are open and the files to read.
#[derive(Default)]
pub(crate) struct Requests {
    /// By the directory's number, in the order of sending.
    told: HashMap<u64, VecDeque<Told>>,
    wanted: VecDeque<WantedFile>,
    files: u64,
}

/// A file to read.
pub(crate) struct WantedFile {
    pub(crate) number: u64,
    listing: Arc<Listing>,
    offset: u32,
}

impl WantedFile {
    pub(crate) fn dir(&self) -> &Arc<DirHandle> {
        &self.listing.dir
    }

    /// Its name, and how it was listed.
    pub(crate) fn name_and_stat(&self) -> (&[u8], Stat) {
        record::record_at(&self.listing.bytes, self.offset)
            .and_then(record::name_and_stat)
            .expect("the record was read when the file was asked for")
    }
}

impl Requests {
    /// Entries are about to be sent.
    pub(crate) fn tell(&mut self, dir: u64, told: Told) {
        self.told.entry(dir).or_default().push_back(told);
    }

    /// Takes the server's answer to the next entries of a directory.
    pub(crate) fn answered(&mut self, dir: u64, entries: &[u32]) -> Result<(), AgentError> {
        let queue = self.told.get_mut(&dir).ok_or_else(|| unasked(dir))?;
        let told = queue.pop_front().ok_or_else(|| unasked(dir))?;
        if queue.is_empty() {
            self.told.remove(&dir);
        }
        for entry in entries {
            let index = entry.checked_sub(told.first).ok_or_else(|| unasked(dir))?;
            let offset = *told.offsets.get(index as usize).ok_or_else(|| unasked(dir))?;
            let record = record::record_at(&told.listing.bytes, offset).and_then(record::name_and_stat);
            if record.is_none_or(|(_, stat)| stat.kind != Kind::File) {
                return Err(unasked(dir));
            }
            self.wanted.push_back(WantedFile { number: self.files, listing: Arc::clone(&told.listing), offset });
            self.files += 1;
        }
        Ok(())
    }

    /// The next files to read: one, or a few small ones; `None` if there are none.
    pub(crate) fn next(&mut self) -> Option<Vec<WantedFile>> {
        let mut bytes = 0;
        let fits = |file: &&WantedFile| {
            bytes = file.name_and_stat().1.size.saturating_add(bytes);
            bytes <= UNANNOUNCED as u64
        };
        let count = self.wanted.iter().take(FILES_AT_ONCE).take_while(fits).count().max(1);
        (!self.wanted.is_empty()).then(|| self.wanted.drain(..count).collect())
    }
}

fn unasked(dir: u64) -> AgentError {
    AgentError::Protocol { what: format!("it asked for a file of directory {dir} that it was not told of") }
}
