//! Writing what is used of some packs into new ones.
//!
//! Invariant: every blob is authenticated, decoded and hashed before it is written again, and only what a pack's durable
//! `put` has taken counts as repacked. Compressed blobs stay as they are; only their encryption is new.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_model::monitor::Progress;
use holdfast_model::{BlobId, CancelToken, Monitor, PackId};
use holdfast_store::FileKind;
use parking_lot::Mutex;

use super::plan::{PruneError, PrunePlan};
use crate::LockGuard;
use crate::crypto::fill_random;
use crate::engine::Core;
use crate::error::RepoError;
use crate::index::BlobLocation;
use crate::pack::{BlobEncoder, BlobKind, OpenPack, PackedBlob};
use crate::reader::{ReadError, StoredBlob, StoredBlobs};
use crate::saved;

/// Packs that were written, with what they hold.
pub(super) type WrittenPacks = Vec<(PackId, Vec<PackedBlob>)>;

/// Repacks what the plan says.
pub(super) fn repack(
    plan: &PrunePlan,
    lock: &LockGuard,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<WrittenPacks, PruneError> {
    let work: Vec<(PackId, Vec<Kept>)> = kept_blobs(plan).into_iter().collect();
    let core = plan.repository.engine().core();
    let repacker = Repacker { core, plan, open: Default::default(), written: Mutex::default() };
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let run = || {
        let mut encoder = BlobEncoder::new(core.options.verify);
        while let Some((pack, blobs)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = cancel.check().map_err(RepoError::from).and_then(|()| lock.check());
            let result = result.map_err(PruneError::from).and_then(|()| repacker.one(*pack, blobs, &mut encoder));
            if result.is_err() {
                next.store(work.len(), Ordering::Relaxed);
                return result;
            }
            let files_done = done.fetch_add(1, Ordering::Relaxed) as u64 + 1;
            monitor.progress(&Progress { files_done, files_total: Some(work.len() as u64), ..Progress::default() });
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads = core.options.threads.get().max(core.options.connections.get());
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut result = run();
        for other in others {
            let ended = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(ended);
        }
        result
    })?;
    repacker.finish()
}

/// A blob that is to be written anew.
struct Kept {
    kind: BlobKind,
    ordinal: usize,
    id: BlobId,
    at: BlobLocation,
}

/// The blobs that each repacked pack has to give.
fn kept_blobs(plan: &PrunePlan) -> HashMap<PackId, Vec<Kept>> {
    // Also packs that have nothing to give: then they count as done.
    let mut kept: HashMap<PackId, Vec<Kept>> = plan.repacked().map(|pack| (pack, Vec::new())).collect();
    for kind in [BlobKind::Data, BlobKind::Tree] {
        plan.survey.each_blob(&plan.view, kind, |ordinal, id, places| {
            if !plan.keep.of(kind).has(ordinal) {
                return;
            }
            for place in places {
                let pack = plan.survey.packs[plan.survey.number(place)];
                let at = BlobLocation {
                    pack,
                    offset: place.offset,
                    stored_length: place.stored_length,
                    uncompressed_length: place.uncompressed_length,
                };
                if let Some(blobs) = kept.get_mut(&pack) {
                    blobs.push(Kept { kind, ordinal, id: *id, at });
                }
            }
        });
    }
    kept
}

struct Repacker<'a> {
    core: &'a Core,
    plan: &'a PrunePlan,
    /// Two packs for data, drawn at random as at ingest, and one for trees.
    open: [Mutex<Option<OpenPack>>; 3],
    written: Mutex<WrittenPacks>,
}

impl Repacker<'_> {
    fn one(&self, pack: PackId, blobs: &[Kept], encoder: &mut BlobEncoder) -> Result<(), PruneError> {
        for kind in [BlobKind::Data, BlobKind::Tree] {
            let of_kind = || blobs.iter().filter(|blob| blob.kind == kind);
            let ordinals: HashMap<BlobId, usize> = of_kind().map(|blob| (blob.id, blob.ordinal)).collect();
            let wanted = of_kind().map(|blob| (blob.id, blob.at)).collect();
            for result in StoredBlobs::new(self.core, kind, pack, wanted) {
                let (id, blob) = result.map_err(|source| PruneError::Repack { pack, source: Box::new(source) })?;
                // Another place of it may have been faster.
                if self.plan.keep.of(kind).take(ordinals[&id]) {
                    self.copy(kind, pack, id, &blob, encoder)?;
                }
            }
        }
        Ok(())
    }

    fn copy(
        &self,
        kind: BlobKind,
        pack: PackId,
        id: BlobId,
        blob: &StoredBlob,
        encoder: &mut BlobEncoder,
    ) -> Result<(), PruneError> {
        let plain = blob
            .decode(&self.core.decoder, &id)
            .map_err(|source| ReadError::Damaged { kind, id, pack, source })
            .map_err(|source| PruneError::Repack { pack, source: Box::new(source) })?;
        let compress = !blob.compressed && (kind == BlobKind::Tree || self.plan.options.repack_uncompressed);
        let sealed = if compress {
            // Also what does not compress, or the next prune would find it again.
            encoder.encode_compressed(&self.core.key, &plain, self.core.options.compression)?
        } else {
            let uncompressed_length = if blob.compressed { blob.plain_length } else { 0 };
            encoder.seal_stored(&self.core.key, &blob.bytes, uncompressed_length, &plain)?
        };
        let slot = match kind {
            BlobKind::Tree => 2,
            BlobKind::Data => {
                let mut byte = [0];
                fill_random(&mut byte);
                usize::from(byte[0] % 2)
            }
        };
        let full = {
            let mut open = self.open[slot].lock();
            let pack = open.get_or_insert_with(|| OpenPack::new(kind));
            pack.add(id, sealed);
            if pack.is_full(self.core.options.pack_size) { open.take() } else { None }
        };
        full.map_or(Ok(()), |full| self.write(full))
    }

    fn write(&self, pack: OpenPack) -> Result<(), PruneError> {
        let store = self.core.packs(pack.kind());
        let pack = pack.finish(&self.core.key)?;
        let parts: Vec<&[u8]> = pack.parts.iter().map(Vec::as_slice).collect();
        saved::put(store, FileKind::Pack, &pack.id.into(), &parts).map_err(RepoError::from)?;
        self.written.lock().push((pack.id, pack.blobs));
        Ok(())
    }

    fn finish(self) -> Result<WrittenPacks, PruneError> {
        let mut last: Vec<OpenPack> = Vec::new();
        for slot in &self.open {
            let Some(pack) = slot.lock().take() else { continue };
            match last.last_mut().filter(|last| last.has_room_for(&pack, self.core.options.pack_size)) {
                Some(last) => last.absorb(pack),
                None => last.push(pack),
            }
        }
        for pack in last {
            self.write(pack)?;
        }
        if self.plan.keep.is_empty() { Ok(self.written.into_inner()) } else { Err(PruneError::Incomplete) }
    }
}
