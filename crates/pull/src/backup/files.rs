//! Files under way, and the chunks that the client was asked for.
//!
//! A file is complete when its end was announced and every chunk that was asked for on its behalf has come.

use std::collections::{HashMap, VecDeque};

use holdfast_chunker::Limits;
use holdfast_model::BlobId;
use holdfast_wire::limits::MAX_FILE_CHUNKS;
use holdfast_wire::{ChunkRef, FileOutcome, ViolationClass};

use super::budget::Budget;
use super::dirs::Place;
use super::rules::wrong_length;
use crate::Violation;

/// A file whose content is being read.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) place: Place,
    pub(super) content: Vec<BlobId>,
    /// Sum of the chunks' lengths in bytes.
    pub(super) size: u64,
    /// Whether the last chunk is shorter than all but the last may be.
    is_short: bool,
    missing: usize,
    outcome: Option<FileOutcome>,
}

/// A file that is complete.
#[derive(Debug)]
pub(super) struct CompleteFile {
    pub(super) place: Place,
    pub(super) content: Vec<BlobId>,
    pub(super) size: u64,
    pub(super) outcome: FileOutcome,
}

/// A chunk that is due.
#[derive(Debug)]
struct Due {
    chunk: ChunkRef,
    file: u64,
}

/// What all files and chunks under way may take.
const MAX: usize = if cfg!(test) { 4 << 20 } else { 512 << 20 };
/// What a chunk takes in the content of a file.
const LISTED: usize = size_of::<BlobId>();
/// What a chunk takes besides until it comes.
const DUE: usize = 128;
/// So many of the chunks that a session asked for are remembered to its end, in some 700 MiB: 16 TiB of large files. The same as
/// one of the others is asked for again.
const MAX_ASKED: usize = 14 << 20;

/// Half of an id: nobody finds a chunk that shares 128 bits with a given one.
type Key = [u8; 16];

fn key_of(id: &BlobId) -> Key {
    id.as_bytes()[..16].try_into().expect("an id is longer than a key")
}

/// All files and chunks under way.
#[derive(Debug)]
pub(super) struct Files {
    open: HashMap<u64, OpenFile>,
    next: u64,
    due: VecDeque<Due>,
    /// Chunks that this session asked for, and their lengths: they are the client's own, once nothing is due any more.
    asked: HashMap<Key, u32>,
    budget: Budget,
}

impl Default for Files {
    fn default() -> Self {
        let budget = Budget::new("chunks of files that are not complete", MAX);
        Self { open: HashMap::new(), next: 0, due: VecDeque::new(), asked: HashMap::new(), budget }
    }
}

impl Files {
    /// Numbers the next file that the agent is asked to read.
    pub(super) fn ask(&mut self, place: Place) {
        let file = OpenFile { place, content: Vec::new(), size: 0, is_short: false, missing: 0, outcome: None };
        self.open.insert(self.next, file);
        self.next += 1;
    }

    /// Whether this session has asked for the chunk. Then it has the length that it had.
    pub(super) fn has_asked(&self, chunk: &ChunkRef) -> Result<bool, Violation> {
        match self.asked.get(&key_of(&chunk.id)) {
            Some(length) if *length != chunk.len => Err(wrong_length(chunk, *length)),
            length => Ok(length.is_some()),
        }
    }

    /// Whether the client was asked for something that has not come.
    pub(super) fn is_owed(&self) -> bool {
        !self.open.is_empty() || !self.due.is_empty()
    }

    /// Whether every chunk that was asked for has come.
    pub(super) fn nothing_due(&self) -> bool {
        self.due.is_empty()
    }

    /// Appends a chunk to a file; `wanted` if its bytes are to be sent.
    pub(super) fn append(&mut self, file: u64, chunk: ChunkRef, wanted: bool) -> Result<(), Violation> {
        self.budget.take(if wanted { LISTED + DUE } else { LISTED })?;
        let open = self.reading(file)?;
        if open.content.len() >= MAX_FILE_CHUNKS as usize {
            return Err(Violation::new(ViolationClass::Quota, format!("more than {MAX_FILE_CHUNKS} chunks of a file")));
        }
        // All cut so: shorter ones would make the index grow as no data does.
        if open.is_short {
            let evidence = format!("a chunk behind one of fewer than {} bytes", Limits::RESTIC.min());
            return Err(Violation::new(ViolationClass::ChunkLength, evidence));
        }
        open.is_short = (chunk.len as usize) < Limits::RESTIC.min();
        open.content.push(chunk.id);
        open.size = open.size.saturating_add(chunk.len.into());
        if wanted {
            open.missing += 1;
            if self.asked.len() < MAX_ASKED {
                self.asked.insert(key_of(&chunk.id), chunk.len);
            }
            self.due.push_back(Due { chunk, file });
        }
        Ok(())
    }

    /// The chunk that is due next has come: which it is, and the file if that completes it.
    pub(super) fn arrived(&mut self, len: usize) -> Result<(ChunkRef, Option<CompleteFile>), Violation> {
        let due = self.due.pop_front().ok_or_else(|| Violation::new(ViolationClass::ChunkOrder, "a chunk"))?;
        if due.chunk.len as usize != len {
            let length = due.chunk.len;
            return Err(wrong_length(&ChunkRef { len: u32::try_from(len).unwrap_or(u32::MAX), ..due.chunk }, length));
        }
        self.budget.give_back(DUE);
        if let Some(open) = self.open.get_mut(&due.file) {
            open.missing -= 1;
        }
        Ok((due.chunk, self.take_complete(due.file)))
    }

    /// All chunks of a file have been announced.
    pub(super) fn end(&mut self, file: u64, outcome: FileOutcome) -> Result<Option<CompleteFile>, Violation> {
        self.reading(file)?.outcome = Some(outcome);
        Ok(self.take_complete(file))
    }

    fn reading(&mut self, file: u64) -> Result<&mut OpenFile, Violation> {
        self.open
            .get_mut(&file)
            .filter(|open| open.outcome.is_none())
            .ok_or_else(|| Violation::new(ViolationClass::ChunkOrder, format!("content of file {file}")))
    }

    fn take_complete(&mut self, file: u64) -> Option<CompleteFile> {
        let complete = self.open.get(&file).is_some_and(|open| open.missing == 0 && open.outcome.is_some());
        if !complete {
            return None;
        }
        let OpenFile { place, content, size, outcome, .. } = self.open.remove(&file)?;
        self.budget.give_back(LISTED * content.len());
        Some(CompleteFile { place, content, size, outcome: outcome? })
    }
}
