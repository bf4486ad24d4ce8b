//! Finds out what became of a job whose worker is gone: a snapshot that carries its id is its success, whoever made it.

use holdfast_model::JobUid;
use holdfast_model::job::{Job, JobKind, JobStatus, Outcome};
use holdfast_repo::SavedSnapshot;

use super::Worker;
use crate::control::ControlError;

impl Worker {
    /// Keeps what became of an abandoned job that was taken over.
    pub(super) async fn recover(&self, job: &Job) -> Result<(), ControlError> {
        let found = if job.kind == JobKind::Backup { self.look_for_snapshot(job).await? } else { None };
        let (status, outcome) = match found {
            Some(snapshot) => {
                self.note_snapshot(job, &snapshot).await?;
                (JobStatus::Succeeded, Outcome { snapshot: Some(snapshot.id), ..Outcome::default() })
            }
            None => (JobStatus::Lost, Outcome::default()),
        };
        match self.control.end_job(job.uid, &self.options.name, status, outcome).await {
            // Somebody else was faster.
            Err(ControlError::NotOurs(_)) => Ok(()),
            ended => ended.map(drop),
        }
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

fn is_of(job: JobUid, snapshot: &SavedSnapshot) -> bool {
    JobUid::of_tags(&snapshot.tags) == Some(job)
}
