//! Finds out what became of a job whose worker is gone: a snapshot that carries its id is its success, whoever made it.

use std::sync::Arc;

use holdfast_model::JobUid;
use holdfast_model::job::{Cause, Job, JobError, JobKind, JobStatus, Outcome};
use holdfast_repo::SavedSnapshot;

use super::Worker;
use super::at_work::AtWork;
use crate::control::ControlError;
use crate::depot::in_thread;
use crate::work::backup;

impl Worker {
    /// Keeps what became of an abandoned job that was taken over.
    pub(super) async fn recover(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<(), ControlError> {
        let found = if job.kind == JobKind::Backup { self.look_for_snapshot(job).await? } else { None };
        let (status, outcome) = match found {
            Some(snapshot) => {
                // How many warnings there were went with whoever counted them, but for those that it had told.
                let warnings = self.control.db.read().await?.warnings_in_log(job.uid).await?;
                let added = snapshot.summary.as_ref().map(|summary| summary.data_added_packed);
                self.note_snapshot(job, &snapshot, warnings == 0, added).await?;
                let status = if warnings == 0 { JobStatus::Succeeded } else { JobStatus::Warning };
                (status, Outcome { warnings, ..outcome_of(&snapshot) })
            }
            None => (JobStatus::Lost, lost(job, at_work)),
        };
        let outcome = self.end_hooks(job, outcome, at_work).await;
        let _ = self.keep_notes_of(job.uid, &at_work.notes).await;
        match self.control.end_job(job.uid, &self.options.name, status, outcome).await {
            // Somebody else was faster.
            Err(ControlError::NotOurs(_)) => Ok(()),
            ended => ended.map(drop),
        }
    }

    /// What was run before a backup may have stopped something: what follows is run though its worker is gone.
    async fn end_hooks(self: &Arc<Self>, job: &Job, outcome: Outcome, at_work: &AtWork) -> Outcome {
        let task = if job.kind == JobKind::Backup { self.backup_task(job, at_work).await.ok() } else { None };
        let Some(task) = task.filter(|task| !task.hooks.is_empty()) else { return outcome };
        let (worker, work, before) = (self.clone(), at_work.clone(), outcome.clone());
        let ended = in_thread(move || Ok(backup::end_hooks(&task, before, &worker.options.place, &*work.notes)));
        ended.await.unwrap_or(outcome)
    }

    /// The snapshot that a job made. A repository that cannot be looked into now leaves the job lost: its next try looks
    /// again, for it compares with the newest snapshot.
    async fn look_for_snapshot(&self, job: &Job) -> Result<Option<SavedSnapshot>, ControlError> {
        let Ok(access) = self.access_of(job).await else { return Ok(None) };
        let repository = self.with_repository(access, |repository| Ok(repository.read_snapshots()?.good)).await;
        let snapshots = repository.unwrap_or_default();
        Ok(snapshots.into_iter().find(|snapshot| is_of(job.uid, snapshot)))
    }
}

/// What a snapshot tells of the backup that made it.
fn outcome_of(snapshot: &SavedSnapshot) -> Outcome {
    let outcome = Outcome { snapshot: Some(snapshot.id), ..Outcome::default() };
    let Some(summary) = &snapshot.summary else { return outcome };
    Outcome {
        files: summary.total_files_processed,
        files_new: summary.files_new,
        files_changed: summary.files_changed,
        bytes: summary.total_bytes_processed,
        bytes_added: summary.data_added_packed,
        ..outcome
    }
}

fn is_of(job: JobUid, snapshot: &SavedSnapshot) -> bool {
    JobUid::of_tags(&snapshot.tags) == Some(job)
}

/// What is known of a job that nobody has brought to its end. A restore is not begun again by itself, and what it was writing
/// when it was killed nobody has told.
fn lost(job: &Job, at_work: &AtWork) -> Outcome {
    if job.kind != JobKind::Restore || job.parameters["dry_run"] == true {
        return Outcome::default();
    }
    let message = "the server was killed, or lost, before all was restored: files that it was writing are neither what they \
                   were nor what they are to become, and it is not known which those are";
    at_work.notes.error(message);
    let error = Some(JobError { cause: Cause::Interrupted, message: message.into() });
    Outcome { error, ..Outcome::default() }
}
