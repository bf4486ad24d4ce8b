//! Writing packs, several at the same time.
//!
//! Invariant: a pack counts as in flight from the moment that it takes no more blobs until it is written, or has failed
//! and everyone who waits for its blobs was told; the storage names no pack whose blobs are in the index and not there.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::Receiver;
use holdfast_model::PackId;
use holdfast_store::FileKind;
use parking_lot::{Condvar, Mutex};

use super::IngestError;
use super::pipeline::Shared;
use crate::pack::OpenPack;
use crate::saved;

/// The packs that are on their way to the storage.
#[derive(Clone, Default)]
pub(super) struct InFlight(Arc<Flights>);

#[derive(Default)]
struct Flights {
    state: Mutex<State>,
    landed: Condvar,
}

#[derive(Default)]
struct State {
    last: u64,
    flying: BTreeSet<u64>,
}

/// A pack to be written. Once it is dropped, it does not count as in flight any more.
pub(super) struct Upload {
    pub(super) pack: OpenPack,
    flight: Flight,
}

struct Flight {
    number: u64,
    all: InFlight,
}

impl InFlight {
    pub(super) fn upload(&self, pack: OpenPack) -> Upload {
        let mut state = self.0.state.lock();
        state.last += 1;
        let number = state.last;
        state.flying.insert(number);
        Upload { pack, flight: Flight { number, all: self.clone() } }
    }

    /// Waits until fewer packs than this are in flight: what waits for a slow storage takes memory.
    pub(super) fn wait_below(&self, count: usize) {
        let mut state = self.0.state.lock();
        self.0.landed.wait_while(&mut state, |state| state.flying.len() >= count);
    }

    /// Waits for all packs that are in flight now.
    pub(super) fn wait(&self) {
        let mut state = self.0.state.lock();
        let last = state.last;
        self.0.landed.wait_while(&mut state, |state| state.flying.first().is_some_and(|first| *first <= last));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.0.state.lock().flying.remove(&self.number);
        self.all.0.landed.notify_all();
    }
}

/// What an uploader is asked to do.
pub(super) enum Task {
    Write(Upload),
    /// Look whether it is time for a checkpoint.
    Checkpoint,
}

/// Does tasks until no one sends any more.
pub(super) fn run(shared: &Shared, tasks: &Receiver<Task>) {
    for task in tasks {
        if let Task::Write(upload) = task {
            write(shared, upload);
        }
        shared.checkpoint_if_due();
    }
}

/// Writes one pack and hands it to the indexer.
pub(super) fn write(shared: &Shared, upload: Upload) {
    let Upload { pack, flight } = upload;
    // The blobs are needed for the error too; the pack's bytes are gone by then.
    let blobs = pack.blobs().to_vec();
    let result = catch_unwind(AssertUnwindSafe(|| try_write(shared, pack))).unwrap_or(Err(IngestError::Defect));
    match result {
        Ok((id, length)) => shared.indexer.add(id, blobs, length),
        Err(error) => shared.pending.fail(blobs.iter(), &error),
    }
    drop(flight);
}

fn try_write(shared: &Shared, pack: OpenPack) -> Result<(PackId, u64), IngestError> {
    let store = shared.core.packs(pack.kind());
    let pack = pack.finish(&shared.core.key)?;
    let parts: Vec<&[u8]> = pack.parts.iter().map(Vec::as_slice).collect();
    match saved::put(store, FileKind::Pack, &pack.id.into(), &parts) {
        Err(error) => Err(IngestError::Pack { pack: pack.id, source: Arc::new(error) }),
        Ok(()) => Ok((pack.id, pack.length)),
    }
}
