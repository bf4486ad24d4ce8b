//! What a window needs, in the order of the packs that hold it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use holdfast_model::monitor::ItemError;
use holdfast_model::{BlobId, CancelToken, PackId};
use holdfast_repo::index::{BlobLocation, IndexView};
use holdfast_repo::pack::BlobKind;
use holdfast_repo::reader::StoredBlob;
use holdfast_repo::{ReadError, Repository};
use holdfast_wire::{BlobHeader, BlobTarget, Need, ViolationClass};

use super::RestoreError;
use super::window::Window;
use crate::Violation;

/// Places of one blob in one message; a blob with more (a block of zeros, say) is sent again.
const MAX_TARGETS: usize = 32_768;
/// Stored blobs that are read ahead of what the agent takes.
const READ_AHEAD: usize = 16;

/// What the agent has answered about a window.
pub(super) struct Needs {
    open: usize,
    answered: Vec<bool>,
    wanted: HashMap<BlobId, Vec<BlobTarget>>,
    bytes: u64,
}

impl Needs {
    /// Nothing answered yet.
    pub(super) fn of(window: &Window) -> Self {
        // What is no question counts as answered.
        let mut answered = vec![true; window.nodes().len()];
        let mut open = 0;
        for index in window.questions() {
            answered[index] = false;
            open += 1;
        }
        Self { open, answered, wanted: HashMap::new(), bytes: 0 }
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
            let chunks = &window.nodes()[index].chunks;
            if need.chunks.len() != chunks.len() {
                return Err(unasked());
            }
            self.answered[index] = true;
            self.open -= 1;
            for (number, chunk) in chunks.iter().enumerate().filter(|(number, _)| need.chunks.get(*number)) {
                let target = BlobTarget { node: need.node, chunk: number as u32 };
                self.wanted.entry(chunk.id).or_default().push(target);
                self.bytes += u64::from(chunk.len);
            }
        }
        Ok(())
    }

    /// Orders what is needed by pack.
    pub(super) fn plan(self, index: &IndexView) -> Plan {
        let mut packs: BTreeMap<PackId, Vec<(BlobId, BlobLocation)>> = BTreeMap::new();
        for id in self.wanted.keys() {
            // The walk has found every blob in this index.
            if let Some(at) = index.locations(BlobKind::Data, id).next() {
                packs.entry(at.pack).or_default().push((*id, at));
            }
        }
        Plan { packs: packs.into_iter().collect(), targets: self.wanted }
    }
}

/// The blobs of a window, by pack.
pub(super) struct Plan {
    packs: Vec<(PackId, Vec<(BlobId, BlobLocation)>)>,
    targets: HashMap<BlobId, Vec<BlobTarget>>,
}

/// One thing of a plan that was read, or could not be.
type Stored = Result<(BlobHeader, Vec<u8>), ItemError>;

impl Plan {
    /// Reads all packs, some ahead, and gives out every blob with its targets.
    pub(super) fn send(
        self,
        repository: &Repository,
        cancel: &CancelToken,
        mut take: impl FnMut(Stored) -> Result<(), RestoreError>,
    ) -> Result<(), RestoreError> {
        let Self { packs, targets } = self;
        let (jobs_in, jobs) = crossbeam_channel::unbounded();
        for pack in packs {
            // The receiver lives in this function: this can't fail.
            let _ = jobs_in.send(pack);
        }
        drop(jobs_in);
        let targets = Arc::new(targets);
        let (read_in, read) = crossbeam_channel::bounded(READ_AHEAD);
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).min(4) {
                let (jobs, read_in, targets) = (jobs.clone(), read_in.clone(), targets.clone());
                scope.spawn(move || {
                    for (pack, blobs) in jobs {
                        if cancel.is_cancelled() || !read_pack(repository, pack, blobs, &targets, &read_in) {
                            return;
                        }
                    }
                });
            }
            drop(read_in);
            // Owned here, so that an early end closes the queue and the threads end too.
            let read = read;
            for stored in &read {
                cancel.check()?;
                take(stored)?;
            }
            Ok(cancel.check()?)
        })
    }
}

/// A blob that is damaged here may lie in another pack too: then that one will do.
fn elsewhere(repository: &Repository, error: &ReadError) -> Option<(BlobId, StoredBlob)> {
    let ReadError::Damaged { id, .. } = error else { return None };
    let plain = repository.engine().load_blob(BlobKind::Data, id).ok()?;
    Some((*id, StoredBlob { compressed: false, plain_length: plain.len() as u32, bytes: plain.into() }))
}

/// Reads the blobs of a pack; `false` when nobody takes them any more.
fn read_pack(
    repository: &Repository,
    pack: PackId,
    blobs: Vec<(BlobId, BlobLocation)>,
    targets: &HashMap<BlobId, Vec<BlobTarget>>,
    read: &crossbeam_channel::Sender<Stored>,
) -> bool {
    for blob in repository.engine().read_stored(pack, blobs) {
        let (id, blob) = match blob {
            Ok(blob) => blob,
            Err(error) => match elsewhere(repository, &error) {
                Some(found) => found,
                None => {
                    let message = crate::text::with_causes(&error);
                    let error = ItemError { path: format!("pack {pack}"), during: "read".into(), message };
                    if read.send(Err(error)).is_err() {
                        return false;
                    }
                    continue;
                }
            },
        };
        for places in targets.get(&id).map(Vec::as_slice).unwrap_or_default().chunks(MAX_TARGETS) {
            let header = BlobHeader {
                id,
                stored_len: blob.bytes.len() as u32,
                len: blob.plain_length,
                compressed: blob.compressed,
                targets: places.to_vec(),
            };
            if read.send(Ok((header, blob.bytes.to_vec()))).is_err() {
                return false;
            }
        }
    }
    true
}
