//! What a window needs, in the order of the packs that hold it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Scope};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};
use holdfast_chunker::{TOGETHER_BYTES, waits_for_more};
use holdfast_model::{BlobId, CancelToken, PackId};
use holdfast_repo::index::BlobLocation;
use holdfast_repo::pack::BlobKind;
use holdfast_repo::reader::StoredBlob;
use holdfast_repo::{ReadError, Repository};
use holdfast_wire::{BlobHeader, BlobTarget, Need, ViolationClass};

use super::window::Window;
use crate::Violation;

/// Places of one blob in one message; a blob with more (a block of zeros, say) is sent again.
const MAX_TARGETS: usize = 32_768;
/// Batches of stored blobs that are read ahead of what the agent takes.
const READ_AHEAD: usize = 4;
/// Blobs that are handed over together, and their stored bytes: waking a thread costs as much as a small one.
const BATCH_BLOBS: usize = 256;
const BATCH_BYTES: usize = 256 << 10;
/// Threads that read and decrypt packs, at most: each may hold some MiB.
const MAX_READERS: usize = 4;

/// What the agent has answered about a window.
pub(super) struct Needs {
    open: usize,
    /// What is no question counts as answered.
    answered: Vec<bool>,
    wanted: Vec<Wanted>,
    bytes: u64,
}

/// A chunk that is needed in some place.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// Among the chunks of the window.
    chunk: u32,
    target: BlobTarget,
}

impl Needs {
    /// Nothing answered yet.
    pub(super) fn of(window: &Window) -> Self {
        let answered: Vec<bool> = window.questions().map(|is_question| !is_question).collect();
        let open = answered.iter().filter(|answered| !**answered).count();
        Self { open, answered, wanted: Vec::new(), bytes: 0 }
    }

    /// Whether every question is answered.
    pub(super) fn is_complete(&self) -> bool {
        self.open == 0
    }

    /// Plaintext bytes that are needed.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes answers.
    pub(super) fn learn(&mut self, window: &Window, answers: Vec<Need>) -> Result<(), Violation> {
        for need in answers {
            let index = window.index(need.node).filter(|index| !self.answered[*index]);
            let unasked = || Violation::new(ViolationClass::Protocol, format!("an answer for node {}", need.node));
            let index = index.ok_or_else(unasked)?;
            let chunks = window.chunks_of(index);
            if need.chunks.len() != chunks.len() {
                return Err(unasked());
            }
            self.answered[index] = true;
            self.open -= 1;
            for (number, chunk) in chunks.enumerate().filter(|(number, _)| need.chunks.get(*number)) {
                let target = BlobTarget { node: need.node, chunk: number as u32 };
                self.wanted.push(Wanted { chunk, target });
                self.bytes += u64::from(window.chunk(chunk).1.plain_length());
            }
        }
        Ok(())
    }

    /// Orders what is needed by pack, and by the place in it.
    pub(super) fn plan(self, window: &Window) -> Plan<'_> {
        let mut wanted = self.wanted;
        wanted.sort_unstable_by_key(|wanted| (&window.chunk(wanted.chunk).1, wanted.target.node, wanted.target.chunk));
        Plan { window, wanted }
    }
}

/// The blobs of a window, by pack.
pub(super) struct Plan<'a> {
    window: &'a Window,
    wanted: Vec<Wanted>,
}

/// Some blobs that were read, or why one could not be.
pub(super) type Stored = Result<Vec<(BlobHeader, Bytes)>, (PackId, ReadError)>;

impl Plan<'_> {
    /// Reads all packs, some ahead of who takes what is read; ends early when that one has gone or the work is cancelled.
    pub(super) fn read<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        repository: &'scope Repository,
        cancel: &'scope CancelToken,
    ) -> Receiver<Stored> {
        let pack = |wanted: &Wanted| &self.at(wanted).pack;
        let packs: Arc<[&[Wanted]]> = self.wanted.chunk_by(|a, b| pack(a) == pack(b)).collect();
        let next = Arc::new(AtomicUsize::new(0));
        let (read_in, read) = bounded(READ_AHEAD);
        let readers = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_READERS);
        for _ in 0..readers.min(packs.len()) {
            let (packs, next, read_in) = (packs.clone(), next.clone(), read_in.clone());
            scope.spawn(move || {
                while let Some(pack) = packs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if cancel.is_cancelled() || self.read_pack(repository, pack, &read_in).is_err() {
                        return;
                    }
                }
            });
        }
        read
    }

    fn at(&self, wanted: &Wanted) -> &BlobLocation {
        &self.window.chunk(wanted.chunk).1
    }

    /// Reads what is wanted of one pack.
    fn read_pack(
        &self,
        repository: &Repository,
        wanted: &[Wanted],
        read: &Sender<Stored>,
    ) -> Result<(), NobodyListens> {
        let Some(pack) = wanted.first().map(|wanted| self.at(wanted).pack) else { return Ok(()) };
        let blobs: Vec<&[Wanted]> = wanted.chunk_by(|a, b| self.at(a) == self.at(b)).collect();
        let places = blobs.iter().map(|same| *self.window.chunk(same[0].chunk)).collect();
        let mut batch = Batch::new(read);
        // They come in the order of their places, and so do these.
        for (blob, same) in repository.engine().read_stored(pack, places).zip(blobs) {
            let (id, blob) = match blob {
                Ok(blob) => blob,
                Err(error) => match elsewhere(repository, &error) {
                    Some(found) => found,
                    None => {
                        read.send(Err((pack, error))).map_err(|_| NobodyListens)?;
                        continue;
                    }
                },
            };
            for places in same.chunks(MAX_TARGETS) {
                let header = BlobHeader {
                    id,
                    stored_len: blob.bytes.len() as u32,
                    len: blob.plain_length,
                    compressed: blob.compressed,
                    targets: places.iter().map(|wanted| wanted.target).collect(),
                };
                batch.add(header, blob.bytes.clone())?;
            }
        }
        batch.end()
    }
}

/// A blob that is damaged here may lie in another pack too: then that one will do.
fn elsewhere(repository: &Repository, error: &ReadError) -> Option<(BlobId, StoredBlob)> {
    let ReadError::Damaged { id, .. } = error else { return None };
    let plain = repository.engine().load_blob(BlobKind::Data, id).ok()?;
    Some((*id, StoredBlob { compressed: false, plain_length: plain.len() as u32, bytes: plain.into() }))
}

/// Whoever took what is read has gone.
struct NobodyListens;

/// Blobs that are handed over together.
struct Batch<'a> {
    read: &'a Sender<Stored>,
    blobs: Vec<(BlobHeader, Bytes)>,
    bytes: usize,
    /// Bytes of their plaintexts.
    plain: u32,
    /// Bytes of the largest of them.
    largest: u32,
}

impl<'a> Batch<'a> {
    fn new(read: &'a Sender<Stored>) -> Self {
        Self { read, blobs: Vec::new(), bytes: 0, plain: 0, largest: 0 }
    }

    fn add(&mut self, header: BlobHeader, stored: Bytes) -> Result<(), NobodyListens> {
        // What goes together is proven together by the agent.
        if self.plain.saturating_add(header.len) > TOGETHER_BYTES {
            self.end()?;
        }
        self.bytes += stored.len();
        self.plain = self.plain.saturating_add(header.len);
        self.largest = self.largest.max(header.len);
        self.blobs.push((header, stored));
        let waits = waits_for_more(self.plain, self.largest, self.bytes);
        let is_enough = self.blobs.len() >= BATCH_BLOBS || (self.bytes >= BATCH_BYTES && !waits);
        if is_enough { self.end() } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), NobodyListens> {
        (self.bytes, self.plain, self.largest) = (0, 0, 0);
        match std::mem::take(&mut self.blobs) {
            blobs if blobs.is_empty() => Ok(()),
            blobs => self.read.send(Ok(blobs)).map_err(|_| NobodyListens),
        }
    }
}
