//! The blobs that are on their way: put by a session, and not yet named by a durable index file.
//!
//! Invariant: a blob is in this table or in the index, never in neither once it was claimed and did not fail; so two
//! sessions that put the same blob store it once, and the second waits for the first one's.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use holdfast_model::BlobId;
use parking_lot::Mutex;

use super::IngestError;
use super::state::SessionState;
use crate::id_table::IdMap;
use crate::index::BlobIndex;
use crate::pack::{BlobKind, PackedBlob};

#[derive(Default)]
pub(super) struct PendingBlobs {
    table: Mutex<IdMap<(BlobKind, BlobId), Entry>>,
}

struct Entry {
    /// Not in a pack yet. Everyone but the first owner counts the blob as busy.
    encoding: bool,
    owners: Vec<Owner>,
}

/// A session that waits for a blob.
struct Owner {
    session: Arc<SessionState>,
    /// It has put the blob itself, so that it is told when it becomes durable.
    put: bool,
    told: bool,
}

/// What becomes of a blob that a session has put.
pub(super) enum Claim<'a> {
    /// It is new: the caller encodes it.
    New(Encoding<'a>),
    /// It is on its way; the session waits for it.
    OnItsWay,
    /// A durable index file names it.
    Durable,
}

/// The duty to encode a blob. If it is dropped, the blob has failed.
pub(super) struct Encoding<'a> {
    pending: &'a PendingBlobs,
    key: (BlobKind, BlobId),
    failure: Option<IngestError>,
    done: bool,
}

impl PendingBlobs {
    /// Takes over a blob that the session has put and whose hash is proven.
    pub(super) fn claim(
        &self,
        index: &BlobIndex,
        kind: BlobKind,
        id: BlobId,
        session: &Arc<SessionState>,
    ) -> Claim<'_> {
        let mut table = self.table.lock();
        match table.entry((kind, id)) {
            Slot::Occupied(mut slot) => {
                slot.get_mut().join(session, true);
                Claim::OnItsWay
            }
            // Blobs leave the table only after they have come into the index.
            Slot::Vacant(_) if index.has(kind, &id) => Claim::Durable,
            Slot::Vacant(slot) => {
                session.add_unsettled();
                let owner = Owner { session: session.clone(), put: true, told: false };
                slot.insert(Entry { encoding: true, owners: vec![owner] });
                Claim::New(Encoding { pending: self, key: (kind, id), failure: None, done: false })
            }
        }
    }

    /// Whether the blob is on its way; if so, the session waits for it from now on.
    pub(super) fn wait_for(&self, kind: BlobKind, id: BlobId, session: &Arc<SessionState>) -> bool {
        match self.table.lock().get_mut(&(kind, id)) {
            Some(entry) => {
                entry.join(session, false);
                true
            }
            None => false,
        }
    }

    /// The sessions that put these data blobs and must be told before they become durable, each with its ids.
    pub(super) fn to_be_told<'b>(
        &self,
        blobs: impl Iterator<Item = &'b PackedBlob>,
    ) -> Vec<(Arc<SessionState>, Vec<BlobId>)> {
        let mut told: HashMap<*const SessionState, (Arc<SessionState>, Vec<BlobId>)> = HashMap::new();
        let mut table = self.table.lock();
        for blob in blobs.filter(|blob| blob.kind == BlobKind::Data) {
            let Some(entry) = table.get_mut(&(blob.kind, blob.id)) else { continue };
            for owner in entry.owners.iter_mut().filter(|owner| owner.put && !owner.told) {
                owner.told = true;
                let of_session = told.entry(Arc::as_ptr(&owner.session));
                of_session.or_insert_with(|| (owner.session.clone(), Vec::new())).1.push(blob.id);
            }
        }
        told.into_values().collect()
    }

    /// These blobs are in the index now.
    pub(super) fn settle<'b>(&self, blobs: impl Iterator<Item = &'b PackedBlob>) {
        let mut late = Vec::new();
        {
            let mut table = self.table.lock();
            for blob in blobs {
                let Some(entry) = table.remove(&(blob.kind, blob.id)) else { continue };
                for owner in entry.owners {
                    owner.session.end_unsettled();
                    if owner.put && !owner.told && blob.kind == BlobKind::Data {
                        late.push((owner.session, blob.id));
                    }
                }
            }
        }
        for (session, id) in late {
            session.tell_later(id);
        }
    }

    /// These blobs will never be in the index. All sessions that wait for one of them end with the error.
    pub(super) fn fail<'b>(&self, blobs: impl Iterator<Item = &'b PackedBlob>, error: &IngestError) {
        let mut table = self.table.lock();
        for blob in blobs {
            if let Some(entry) = table.remove(&(blob.kind, blob.id)) {
                entry.fail(error);
            }
        }
    }
}

impl Entry {
    fn join(&mut self, session: &Arc<SessionState>, put: bool) {
        if let Some(owner) = self.owners.iter_mut().find(|owner| Arc::ptr_eq(&owner.session, session)) {
            owner.put |= put;
            return;
        }
        session.add_unsettled();
        if self.encoding {
            session.add_busy();
        }
        self.owners.push(Owner { session: session.clone(), put, told: false });
    }

    fn end_encoding(&mut self) {
        self.encoding = false;
        for owner in &self.owners[1..] {
            owner.session.end_busy();
        }
    }

    fn fail(mut self, error: &IngestError) {
        for owner in &self.owners {
            owner.session.fail(error.clone());
            owner.session.end_unsettled();
        }
        if self.encoding {
            self.end_encoding();
        }
    }
}

impl Encoding<'_> {
    /// The blob is in a pack.
    pub(super) fn packed(mut self) {
        self.done = true;
        if let Some(entry) = self.pending.table.lock().get_mut(&self.key) {
            entry.end_encoding();
        }
    }

    /// The blob cannot be encoded.
    pub(super) fn fail(mut self, error: IngestError) {
        self.failure = Some(error);
    }
}

impl Drop for Encoding<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let entry = self.pending.table.lock().remove(&self.key);
        if let Some(entry) = entry {
            entry.fail(self.failure.as_ref().unwrap_or(&IngestError::Defect));
        }
    }
}
