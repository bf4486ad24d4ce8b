//! What the pipeline keeps about one session: what it waits for, what it added, what went wrong.
//!
//! Invariant: `busy` counts the session's blobs that are not in a pack yet, `unsettled` those that no durable index
//! file names yet. Both reach zero whatever fails, so that nobody waits for ever.

use std::mem;
use std::sync::Arc;

use holdfast_model::BlobId;
use parking_lot::{Condvar, Mutex};

use super::IngestError;
use crate::pack::BlobKind;

/// Is told the ids of blobs that a session put, before an index file that names them becomes durable, or soon after the
/// session put them if one had been there before. Called from any thread, never twice at once for the same ids.
pub type OnDurable = Box<dyn Fn(&[BlobId]) + Send + Sync>;

/// How many blobs and bytes of one kind a session added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Blobs that were not in the repository.
    pub blobs: u64,
    /// Bytes of their plaintext.
    pub bytes: u64,
    /// Bytes that they take in packs.
    pub packed: u64,
}

/// What a session added to the repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    /// Chunks of files.
    pub data: Counts,
    /// Directories.
    pub trees: Counts,
}

/// Ids of blobs that were there already are told in groups of this many.
const TELL: usize = 1024;

pub(crate) struct SessionState {
    on_durable: OnDurable,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    busy: usize,
    unsettled: usize,
    failure: Option<IngestError>,
    /// Durable blobs that the session put and has not been told of.
    untold: Vec<BlobId>,
    added: Added,
    allowance: Option<Allowance>,
}

/// How much of what a session puts may be taken up.
struct Allowance {
    allowed: u64,
    used: u64,
}

/// Counts one blob of a session as busy until it is dropped.
pub(super) struct Busy(Arc<SessionState>);

impl SessionState {
    pub(super) fn new(on_durable: OnDurable) -> Arc<Self> {
        Arc::new(Self { on_durable, inner: Mutex::default(), changed: Condvar::new() })
    }

    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.add_busy();
        Busy(self.clone())
    }

    pub(super) fn add_busy(&self) {
        self.inner.lock().busy += 1;
    }

    pub(super) fn end_busy(&self) {
        let mut inner = self.inner.lock();
        inner.busy -= 1;
        if inner.busy == 0 {
            self.changed.notify_all();
        }
    }

    pub(super) fn add_unsettled(&self) {
        self.inner.lock().unsettled += 1;
    }

    pub(super) fn end_unsettled(&self) {
        self.inner.lock().unsettled -= 1;
    }

    /// Waits until all blobs are in packs; gives how many of them no durable index file names.
    pub(super) fn wait_packed(&self) -> usize {
        let mut inner = self.inner.lock();
        self.changed.wait_while(&mut inner, |inner| inner.busy > 0);
        inner.unsettled
    }

    /// Ends the session with this error, unless another was first.
    pub(super) fn fail(&self, error: IngestError) {
        self.inner.lock().failure.get_or_insert(error);
    }

    /// The error that ended the session.
    pub(super) fn check(&self) -> Result<(), IngestError> {
        self.inner.lock().failure.clone().map_or(Ok(()), Err)
    }

    pub(super) fn add(&self, kind: BlobKind, bytes: usize, packed: u32) {
        let mut inner = self.inner.lock();
        let counts = match kind {
            BlobKind::Data => &mut inner.added.data,
            BlobKind::Tree => &mut inner.added.trees,
        };
        counts.blobs += 1;
        counts.bytes += bytes as u64;
        counts.packed += u64::from(packed);
    }

    /// From now on what the session puts may take up so many bytes.
    pub(super) fn allow(&self, allowed: u64) {
        self.inner.lock().allowance = Some(Allowance { allowed, used: 0 });
    }

    /// Whether it counts what a blob takes up.
    pub(super) fn is_limited(&self) -> bool {
        self.inner.lock().allowance.is_some()
    }

    /// Counts a blob that the session put, whether somebody had stored it before or not; more than is allowed ends the session.
    pub(super) fn charge(&self, packed: u32) {
        let mut inner = self.inner.lock();
        let Some(allowance) = &mut inner.allowance else { return };
        allowance.used = allowance.used.saturating_add(packed.into());
        if allowance.used > allowance.allowed {
            let error = IngestError::Allowance { allowed: allowance.allowed };
            inner.failure.get_or_insert(error);
        }
    }

    pub(super) fn added(&self) -> Added {
        self.inner.lock().added
    }

    /// Remembers a durable blob that the session put, to be told of later.
    pub(super) fn tell_later(&self, id: BlobId) {
        let told = {
            let mut inner = self.inner.lock();
            inner.untold.push(id);
            if inner.untold.len() < TELL {
                return;
            }
            mem::take(&mut inner.untold)
        };
        self.tell(&told);
    }

    /// Tells what was put off.
    pub(super) fn tell_rest(&self) {
        let rest = mem::take(&mut self.inner.lock().untold);
        self.tell(&rest);
    }

    pub(super) fn tell(&self, ids: &[BlobId]) {
        if !ids.is_empty() {
            (self.on_durable)(ids);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.end_busy();
    }
}
