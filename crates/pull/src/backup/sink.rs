//! Where a backup's data goes: an ingest session, the record of what the client sent, and at the end the snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_model::monitor::Phase;
use holdfast_model::{BlobId, Timestamp, TreeId};
use holdfast_repo::ingest::Added;
use holdfast_repo::snapshot::SnapshotSummary;
use holdfast_repo::time::ZonedTime;
use holdfast_repo::{IngestError, IngestSession, SavedSnapshot, Sleep, Snapshot};

use super::rules::Possession;
use super::{Backup, BackupError, Stamp, Summary};
use crate::link::Trust;
use crate::state::{GrantRecorder, Grants};

/// An open session.
pub(super) struct Sink {
    pub(super) ingest: IngestSession,
    pub(super) began: Timestamp,
    recorder: Option<Arc<GrantRecorder>>,
}

/// How the snapshot is stamped, with what was asked for.
pub(super) struct Stamped<'a> {
    pub(super) stamp: &'a Stamp,
    pub(super) paths: Vec<String>,
    pub(super) excludes: Vec<String>,
}

impl Sink {
    /// Takes the lock and begins.
    pub(super) fn begin(work: &Backup<'_>) -> Result<Self, BackupError> {
        let began = work.clock.now();
        let session = session_name(began);
        let remembering = work.state.filter(|_| !work.dry_run);
        let recorder = remembering.map(|state| GrantRecorder::begin(state, &session)).transpose()?.map(Arc::new);
        let record = recorder.clone();
        let on_durable = Box::new(move |ids: &[BlobId]| {
            if let Some(record) = &record {
                // If this fails, an interrupted session is sent again: it costs time, nothing else.
                let _ = record.record(ids);
            }
        });
        let ingest = IngestSession::begin(work.repository, on_durable, &Sleep::new(work.cancel.clone()))?;
        if let Some(bytes) = work.allowance {
            ingest.allow(bytes);
        }
        Ok(Self { ingest, began, recorder })
    }

    /// Which chunks count as the client's own.
    pub(super) fn possession<'a>(&'a self, work: &'a Backup<'_>, trust: Trust) -> Possession<'a> {
        match trust {
            Trust::Own => Possession::of_everything(&self.ingest),
            // Where nothing is remembered, it starts from nothing: a snapshot of the same name may be another's.
            Trust::Stranger => Possession::of_client(&self.ingest, move || match work.state {
                Some(state) => Ok(Some(Grants::load(state)?)),
                None => Ok(None),
            }),
        }
    }

    /// Ends without a snapshot; what was sent stays, so that it need not be sent again: unless it was too much.
    pub(super) fn give_up(self, error: BackupError, work: &Backup<'_>) -> BackupError {
        // What went wrong first is what counts.
        let failed = self.ingest.check().err();
        if let Some(too_much @ IngestError::Allowance { .. }) = failed {
            self.forget(work);
            return too_much.into();
        }
        let _ = self.ingest.abandon();
        match failed {
            _ if work.cancel.is_cancelled() => BackupError::Cancelled(holdfast_model::Cancelled),
            Some(failed) => failed.into(),
            None => error,
        }
    }

    /// Ends without a snapshot, and keeps nothing for the next one: what is durable already is nobody's, and goes when pruned.
    fn forget(self, work: &Backup<'_>) {
        drop(self.ingest);
        if let (Some(recorder), Some(state)) = (&self.recorder, work.state) {
            // If this fails, it is kept some days longer.
            let _ = recorder.discard(state);
        }
    }

    /// Makes everything durable and writes the snapshot.
    pub(super) fn commit(
        self,
        work: &Backup<'_>,
        stamped: Stamped<'_>,
        tree: TreeId,
        parent: Option<&SavedSnapshot>,
        summary: &mut Summary,
    ) -> Result<(), BackupError> {
        work.cancel.check()?;
        work.monitor.phase(Phase::Committing);
        let mut snapshot = Snapshot::new(stamped.stamp.time, tree);
        snapshot.parent = parent.map(|parent| parent.id);
        snapshot.paths = stamped.paths;
        snapshot.excludes = stamped.excludes;
        snapshot.hostname.clone_from(&stamped.stamp.hostname);
        snapshot.username.clone_from(&stamped.stamp.username);
        snapshot.tags.clone_from(&stamped.stamp.tags);
        snapshot.program_version = concat!("holdfast ", env!("CARGO_PKG_VERSION")).into();
        let (began, clock) = (self.began, work.clock);
        let saved = self.ingest.save(snapshot, |snapshot, added| {
            summary.note(added);
            snapshot.summary = Some(summary.document(began, clock.now()));
        });
        let report = match saved {
            // The last of it was too much.
            Err(too_much @ IngestError::Allowance { .. }) => {
                self.forget(work);
                return Err(too_much.into());
            }
            saved => saved?,
        };
        summary.snapshot = Some(report.snapshot.id);
        summary.total_duration = clock.now().since(began);
        if let (Some(recorder), Some(state)) = (&self.recorder, work.state) {
            state.note_made(report.snapshot.id)?;
            recorder.fold(state)?;
        }
        Ok(())
    }
}

/// A name that no other session has: this process may run several that begin at the same moment.
fn session_name(began: Timestamp) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{}.{:09}-{count}", std::process::id(), began.seconds, began.nanoseconds)
}

impl Summary {
    fn note(&mut self, added: &Added) {
        self.data_blobs = added.data.blobs;
        self.tree_blobs = added.trees.blobs;
        self.data_added = added.data.bytes + added.trees.bytes;
        self.data_added_packed = added.data.packed + added.trees.packed;
    }

    /// The summary as it stands in the snapshot.
    fn document(&self, began: Timestamp, ended: Timestamp) -> SnapshotSummary {
        SnapshotSummary {
            backup_start: ZonedTime::utc(began),
            backup_end: ZonedTime::utc(ended),
            files_new: self.files_new,
            files_changed: self.files_changed,
            files_unmodified: self.files_unmodified,
            dirs_new: self.dirs_new,
            dirs_changed: self.dirs_changed,
            dirs_unmodified: self.dirs_unmodified,
            data_blobs: self.data_blobs,
            tree_blobs: self.tree_blobs,
            data_added: self.data_added,
            data_added_packed: self.data_added_packed,
            total_files_processed: self.total_files_processed,
            total_bytes_processed: self.total_bytes_processed,
            other: Default::default(),
        }
    }
}
