//! What the server hears: which content is needed, what became of each node, and every problem.
//!
//! Answers are batched. Every answer is on its way once the queue of work has run empty, so the server never waits for an
//! answer that waits for the server. Messages stay far below the protocol's bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holdfast_wire::limits::MAX_PATH;
use holdfast_wire::{Bits, FromAgent, Need, RestoreOutcome, RestoredNode};
use parking_lot::Mutex;
use serde_bytes::ByteBuf;

use super::trouble::Trouble;
use crate::outbox::shortened;
use crate::{LinkClosed, Uplink};

/// Outcomes in one message.
const RESTORED_BATCH: usize = 512;
/// Bytes of needs in one message, about.
const NEEDS_BATCH: usize = 64 << 10;

/// What a restore did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoreSummary {
    /// Nodes that were made or written.
    pub restored: u64,
    /// Nodes that had the right content; their metadata was set.
    pub unchanged: u64,
    /// Nodes left alone because of the overwrite mode.
    pub skipped: u64,
    /// Nodes that were not restored, or not wholly.
    pub failed: u64,
    /// Entries that were deleted because the snapshot does not hold them.
    pub deleted: u64,
    /// Nodes that belong to the restoring user because only root may give them to their owner, or that lack an
    /// attribute that only root may set.
    pub owners_kept: u64,
    /// Problems that were reported.
    pub problems: u64,
    /// Bytes of content that were written, holes not counted.
    pub bytes_written: u64,
}

/// Sends answers; shared by all threads of the session.
pub(super) struct Report {
    up: Arc<dyn Uplink>,
    target: Vec<u8>,
    closed: AtomicBool,
    batch: Mutex<Batch>,
}

#[derive(Default)]
struct Batch {
    tally: RestoreSummary,
    restored: Vec<RestoredNode>,
    needs: Vec<Need>,
    needs_bytes: usize,
    /// Files whose need is not known yet.
    awaited: usize,
    window_ended: bool,
}

impl Report {
    pub(super) fn new(up: Arc<dyn Uplink>, target: &[u8]) -> Self {
        let end = target.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        Self { up, target: target[..end].to_vec(), closed: AtomicBool::new(false), batch: Mutex::default() }
    }

    /// The absolute path of what is at `path` beneath the target.
    pub(super) fn absolute(&self, path: &[u8]) -> Vec<u8> {
        let mut whole = self.target.clone();
        if !path.is_empty() || whole.is_empty() {
            whole.push(b'/');
        }
        whole.extend_from_slice(path);
        whole
    }

    /// Something went wrong with what is at `path` beneath the target.
    pub(super) fn problem(&self, path: &[u8], trouble: &Trouble) {
        if matches!(trouble, Trouble::Above) {
            return;
        }
        self.batch.lock().tally.problems += 1;
        let mut path = self.absolute(path);
        path.truncate(MAX_PATH);
        self.send(FromAgent::Problem {
            path: ByteBuf::from(path),
            during: trouble.during().to_owned(),
            message: shortened(&trouble.to_string()),
        });
    }

    /// A node is finished.
    pub(super) fn outcome(&self, node: u64, outcome: RestoreOutcome) {
        let full = {
            let mut batch = self.batch.lock();
            let count = match outcome {
                RestoreOutcome::Restored => &mut batch.tally.restored,
                RestoreOutcome::Unchanged => &mut batch.tally.unchanged,
                RestoreOutcome::Skipped => &mut batch.tally.skipped,
                RestoreOutcome::Failed => &mut batch.tally.failed,
            };
            *count += 1;
            batch.restored.push(RestoredNode { node, outcome });
            batch.restored.len() >= RESTORED_BATCH
        };
        if full {
            self.flush_restored();
        }
    }

    /// Sends the outcomes that wait.
    pub(super) fn flush_restored(&self) {
        let restored = std::mem::take(&mut self.batch.lock().restored);
        if !restored.is_empty() {
            self.send(FromAgent::Restored(restored));
        }
    }

    /// The need of one more file will be told.
    pub(super) fn expect_need(&self) {
        let mut batch = self.batch.lock();
        batch.awaited += 1;
        batch.window_ended = false;
    }

    /// Tells which chunks of an expected file are needed.
    pub(super) fn need(&self, node: u64, chunks: Bits) {
        let needs = {
            let mut batch = self.batch.lock();
            batch.awaited = batch.awaited.saturating_sub(1);
            batch.needs_bytes += 16 + chunks.len() / 8;
            batch.needs.push(Need { node, chunks });
            let due = batch.needs_bytes >= NEEDS_BATCH || (batch.awaited == 0 && batch.window_ended);
            if due { batch.take_needs() } else { Vec::new() }
        };
        self.send_needs(needs);
    }

    /// The server waits for all needs of the nodes that it has sent.
    pub(super) fn window_end(&self) {
        let needs = {
            let mut batch = self.batch.lock();
            batch.window_ended = true;
            if batch.awaited == 0 { batch.take_needs() } else { Vec::new() }
        };
        self.send_needs(needs);
    }

    fn send_needs(&self, needs: Vec<Need>) {
        if !needs.is_empty() {
            self.send(FromAgent::Needs(needs));
        }
    }

    /// A node kept an owner that is not its own.
    pub(super) fn owner_kept(&self) {
        self.batch.lock().tally.owners_kept += 1;
    }

    /// So many bytes were written.
    pub(super) fn wrote(&self, bytes: u64) {
        self.batch.lock().tally.bytes_written += bytes;
    }

    /// So many entries were deleted.
    pub(super) fn deleted(&self, entries: u64) {
        self.batch.lock().tally.deleted += entries;
    }

    /// What was done so far.
    pub(super) fn summary(&self) -> RestoreSummary {
        self.batch.lock().tally
    }

    /// Sends a message; once the link is closed nothing more is tried.
    pub(super) fn send(&self, message: FromAgent) {
        if !self.closed.load(Ordering::Relaxed) && self.up.message(message).is_err() {
            self.closed.store(true, Ordering::Relaxed);
        }
    }

    /// Fails once the link is closed.
    pub(super) fn check(&self) -> Result<(), LinkClosed> {
        if self.closed.load(Ordering::Relaxed) { Err(LinkClosed) } else { Ok(()) }
    }
}

impl Batch {
    fn take_needs(&mut self) -> Vec<Need> {
        self.needs_bytes = 0;
        std::mem::take(&mut self.needs)
    }
}
