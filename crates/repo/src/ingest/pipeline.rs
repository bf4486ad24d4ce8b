//! The pipeline as a whole: its threads, its channels, and the sessions that hold it.
//!
//! Invariant: while no session is alive, nothing is in the pipeline: whatever a session left there is durable or
//! forgotten before the session's lock may go, so that no index file is written that a prune does not reckon with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::{SendError, Sender, bounded};
use parking_lot::Mutex;

use super::IngestError;
use super::budget::Budget;
use super::group::Group;
use super::indexer::Indexer;
use super::packer::{Packer, Which};
use super::pending::PendingBlobs;
use super::state::SessionState;
use super::upload::{self, InFlight, Task, Upload};
use super::worker::{self, Job};
use crate::LockWatch;
use crate::engine::Core;
use crate::error::RepoError;
use crate::pack::PackedBlob;

/// A pack that takes no more blobs for this many checkpoint intervals is written however small it is.
const STALE_INTERVALS: u32 = 10;
/// Blobs that may wait for a worker; their bytes are bounded by the budget.
const MAX_JOBS: usize = 4096;

/// The running pipeline, as the engine holds it.
pub(crate) struct Pipeline(Arc<Handle>);

/// The locks under which this process writes, taken together.
pub(super) enum LockState {
    Held,
    /// Some sessions have or had lost theirs: for a while a prune may have seen none.
    PartlyLost,
    /// All have, or whether one is held cannot be found out.
    Lost(RepoError),
}

/// What a session needs. The threads end when the last one is dropped.
pub(crate) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) jobs: Sender<Job>,
    uploads: Sender<Task>,
}

/// What the threads share.
pub(super) struct Shared {
    pub(super) core: Arc<Core>,
    pub(super) budget: Arc<Budget>,
    pub(super) pending: PendingBlobs,
    pub(super) packer: Packer,
    pub(super) in_flight: InFlight,
    pub(super) indexer: Indexer,
    group: Group,
    /// Held while a session begins or ends.
    gate: Mutex<()>,
    /// The locks of the sessions that are alive.
    locks: Mutex<Vec<(Arc<SessionState>, LockWatch)>>,
    /// A session has left that could not prove its lock. Packs that it wrote may be gone: until the pipeline is empty
    /// the storage is asked.
    is_tainted: AtomicBool,
}

impl Pipeline {
    pub(crate) fn start(core: &Arc<Core>) -> Self {
        let options = &core.options;
        let shared = Arc::new(Shared {
            core: core.clone(),
            budget: Budget::new(options.queue_bytes),
            pending: PendingBlobs::default(),
            packer: Packer::new(options.pack_size),
            in_flight: InFlight::default(),
            indexer: Indexer::new(options.checkpoint, core.clock.instant()),
            group: Group::default(),
            gate: Mutex::default(),
            locks: Mutex::default(),
            is_tainted: AtomicBool::new(false),
        });
        let (jobs, to_workers) = bounded::<Job>(MAX_JOBS);
        let (uploads, to_uploaders) = bounded::<Task>(0);
        for _ in 0..options.threads.get() {
            let (shared, jobs, uploads) = (shared.clone(), to_workers.clone(), uploads.clone());
            thread::spawn(move || worker::run(&shared, &jobs, &uploads));
        }
        for _ in 0..options.connections.get() {
            let (shared, tasks) = (shared.clone(), to_uploaders.clone());
            thread::spawn(move || upload::run(&shared, &tasks));
        }
        Self(Arc::new(Handle { shared, jobs, uploads }))
    }

    pub(crate) fn handle(&self) -> Arc<Handle> {
        self.0.clone()
    }
}

impl Shared {
    /// Hands a pack to the uploaders, waiting until one of them is free.
    pub(super) fn send(&self, uploads: &Sender<Task>, upload: Upload) {
        if let Err(SendError(Task::Write(unsent))) = uploads.send(Task::Write(upload)) {
            // Only after a panic: everyone who waits for these blobs must hear of it.
            self.pending.fail(unsent.pack.blobs().iter(), &IngestError::Defect);
        }
    }

    /// Whether an index file may be written now that names packs of this process.
    ///
    /// One lock is proven at the storage: the oldest that is held. Since that was taken nobody can have pruned.
    pub(super) fn lock_state(&self) -> LockState {
        let locks: Vec<LockWatch> = self.locks.lock().iter().map(|(_, lock)| lock.clone()).collect();
        let mut is_sure = !self.is_tainted.load(Ordering::SeqCst);
        let mut failure = None;
        for lock in locks {
            match lock.prove() {
                Ok(()) if is_sure => return LockState::Held,
                Ok(()) => return LockState::PartlyLost,
                Err(error) => {
                    is_sure = false;
                    failure.get_or_insert(error);
                }
            }
        }
        // Index files are written by sessions, so that there is one; without any there is nothing to protect.
        failure.map_or(LockState::PartlyLost, LockState::Lost)
    }

    /// Makes what was stored durable if it is time. Called by uploaders, who wait for no other thread.
    pub(super) fn checkpoint_if_due(&self) {
        let now = self.core.clock.instant();
        let is_time = self.indexer.is_time(now, true);
        if is_time {
            let interval = self.core.options.checkpoint.interval;
            let stale = interval.checked_mul(STALE_INTERVALS).and_then(|stale| now.checked_sub(stale));
            for upload in self.packer.take(Which::Old { old: now.checked_sub(interval), stale }, &self.in_flight) {
                upload::write(self, upload);
            }
        }
        if is_time || self.indexer.is_full() {
            self.indexer.write(self);
        }
    }
}

impl Handle {
    /// A session begins.
    pub(super) fn enter(&self, session: &Arc<SessionState>, lock: LockWatch) {
        let _gate = self.shared.gate.lock();
        let mut locks = self.shared.locks.lock();
        if locks.is_empty() {
            self.shared.indexer.begin(self.shared.core.clock.instant());
        }
        locks.push((session.clone(), lock));
    }

    /// A session ends. If it is the last one, all threads come to rest and what is left is forgotten, before its lock goes.
    pub(super) fn leave(&self, session: &Arc<SessionState>) {
        // What stays behind for other sessions to name in the index was safe only if this lock was held all the time.
        let others = self.shared.locks.lock().clone();
        let own = others.iter().find(|(other, _)| Arc::ptr_eq(other, session));
        let is_proven = others.len() > 1 && own.is_some_and(|(_, lock)| lock.prove().is_ok());
        let _gate = self.shared.gate.lock();
        let is_last = self.shared.locks.lock().len() == 1;
        if !is_last && !is_proven {
            self.shared.is_tainted.store(true, Ordering::SeqCst);
        }
        if is_last {
            self.shared.is_tainted.store(false, Ordering::SeqCst);
            let taken = self.shared.packer.take(Which::All, &self.shared.in_flight);
            let dropped: Vec<PackedBlob> = taken.iter().flat_map(|upload| upload.pack.blobs().to_vec()).collect();
            drop(taken);
            self.shared.in_flight.wait();
            let written = self.shared.indexer.discard();
            self.shared.pending.fail(dropped.iter().chain(&written), &IngestError::Abandoned);
        }
        self.shared.locks.lock().retain(|(other, _)| !Arc::ptr_eq(other, session));
    }

    /// Makes all blobs durable that are in packs when this is called.
    pub(super) fn flush(&self) {
        self.shared.group.flush(|| {
            for upload in self.shared.packer.take(Which::All, &self.shared.in_flight) {
                self.shared.send(&self.uploads, upload);
            }
            self.shared.in_flight.wait();
            self.shared.indexer.write(&self.shared);
        });
    }

    /// Lets an idle uploader make a checkpoint if it is time. Busy ones look by themselves.
    pub(super) fn nudge(&self) {
        if self.shared.indexer.is_time(self.shared.core.clock.instant(), false) {
            let _ = self.uploads.try_send(Task::Checkpoint);
        }
    }
}
