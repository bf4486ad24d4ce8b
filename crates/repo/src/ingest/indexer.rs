//! Naming written packs in index files: at a commit, and in between often enough.
//!
//! Invariant: an index file names only packs that are durable, and each session was told which of its blobs become
//! durable before they do. One index file is written at a time.

use std::sync::Arc;
use std::time::Instant;

use holdfast_model::PackId;
use holdfast_store::FileKind;
use parking_lot::Mutex;

use super::IngestError;
use super::pipeline::{LockState, Shared};
use crate::engine::CheckpointPolicy;
use crate::pack::PackedBlob;

/// An index file ends behind the pack that reaches this many blobs: as restic's.
const MAX_BLOBS: usize = 50_000;

pub(super) struct Indexer {
    policy: CheckpointPolicy,
    unindexed: Mutex<Unindexed>,
    writing: Mutex<()>,
}

type Packs = Vec<(PackId, Vec<PackedBlob>)>;

struct Unindexed {
    packs: Packs,
    bytes: u64,
    blobs: usize,
    /// Bytes that were named by index files so far.
    indexed_bytes: u64,
    /// When the last index file was written, or was looked after in vain.
    last: Instant,
    /// Since when there is a session.
    since: Instant,
}

impl Indexer {
    pub(super) fn new(policy: CheckpointPolicy, now: Instant) -> Self {
        let unindexed = Unindexed { packs: Vec::new(), bytes: 0, blobs: 0, indexed_bytes: 0, last: now, since: now };
        Self { policy, unindexed: Mutex::new(unindexed), writing: Mutex::default() }
    }

    /// The first session begins.
    pub(super) fn begin(&self, now: Instant) {
        self.unindexed.lock().since = now;
    }

    /// Takes over a pack that is durable.
    pub(super) fn add(&self, id: PackId, blobs: Vec<PackedBlob>, bytes: u64) {
        let mut unindexed = self.unindexed.lock();
        unindexed.bytes += bytes;
        unindexed.blobs += blobs.len();
        unindexed.packs.push((id, blobs));
    }

    /// Whether it is time for an index file by the amount of what was written.
    pub(super) fn is_full(&self) -> bool {
        let unindexed = self.unindexed.lock();
        unindexed.blobs >= MAX_BLOBS || unindexed.bytes >= self.policy.bytes.max(unindexed.indexed_bytes / 16)
    }

    /// Whether it is time for an index file by the clock. Once `taken`, it is not again for a while.
    pub(super) fn is_time(&self, now: Instant, taken: bool) -> bool {
        let mut unindexed = self.unindexed.lock();
        let age = now.saturating_duration_since(unindexed.since);
        let is_time = now.saturating_duration_since(unindexed.last) >= self.policy.interval.max(age / 16);
        if is_time && taken {
            unindexed.last = now;
        }
        is_time
    }

    /// Makes an index file of all packs that were written so far and are named by none. What fails is told to the
    /// sessions concerned.
    pub(super) fn write(&self, shared: &Shared) {
        let _writing = self.writing.lock();
        loop {
            let packs = self.take(shared.core.clock.instant());
            if packs.is_empty() {
                return;
            }
            let packs = if_still_there(shared, packs);
            if packs.is_empty() {
                continue;
            }
            let blobs = || packs.iter().flat_map(|(_, blobs)| blobs);
            for (session, ids) in shared.pending.to_be_told(blobs()) {
                session.tell(&ids);
            }
            let listed: Vec<(PackId, &[PackedBlob])> = packs.iter().map(|(id, blobs)| (*id, &**blobs)).collect();
            match shared.core.index_files().write(&listed) {
                Ok(id) => {
                    shared.core.index.insert(id, &listed);
                    shared.pending.settle(blobs());
                }
                Err(error) => shared.pending.fail(blobs(), &IngestError::from(error)),
            }
        }
    }

    fn take(&self, now: Instant) -> Packs {
        let mut unindexed = self.unindexed.lock();
        let mut blobs = 0;
        let full = |(_, of_pack): &(PackId, Vec<PackedBlob>)| {
            blobs += of_pack.len();
            blobs >= MAX_BLOBS
        };
        let count = unindexed.packs.iter().position(full).map_or(unindexed.packs.len(), |last| last + 1);
        let packs: Vec<_> = unindexed.packs.drain(..count).collect();
        unindexed.blobs -= packs.iter().map(|(_, blobs)| blobs.len()).sum::<usize>();
        if unindexed.packs.is_empty() {
            unindexed.indexed_bytes += std::mem::take(&mut unindexed.bytes);
        }
        unindexed.last = now;
        packs
    }

    /// Forgets the packs that no index file names, and gives their blobs. Nobody may be writing an index file.
    pub(super) fn discard(&self) -> Vec<PackedBlob> {
        let _writing = self.writing.lock();
        let mut unindexed = self.unindexed.lock();
        (unindexed.bytes, unindexed.blobs, unindexed.indexed_bytes) = (0, 0, 0);
        std::mem::take(&mut unindexed.packs).into_iter().flat_map(|(_, blobs)| blobs).collect()
    }
}

/// The packs that may be named. While a lock is held, no prune deletes a pack that nothing names yet; where a lock was
/// lost, one may have, and the storage is asked; where all are lost, nothing may be named any more. That a lock is held
/// is asked of the storage for every index file.
fn if_still_there(shared: &Shared, packs: Packs) -> Packs {
    match shared.lock_state() {
        LockState::Held => packs,
        LockState::Lost(error) => {
            shared.pending.fail(packs.iter().flat_map(|(_, blobs)| blobs), &error.into());
            Vec::new()
        }
        LockState::PartlyLost => {
            let size = |pack: &PackId| shared.core.store.size(FileKind::Pack, &(*pack).into());
            let check = |(pack, blobs): (PackId, Vec<PackedBlob>)| match size(&pack) {
                Ok(_) => Some((pack, blobs)),
                Err(error) => {
                    shared.pending.fail(blobs.iter(), &IngestError::Pack { pack, source: Arc::new(error) });
                    None
                }
            };
            packs.into_iter().filter_map(check).collect()
        }
    }
}
