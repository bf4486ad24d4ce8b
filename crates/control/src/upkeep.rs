//! Starts what looks after repositories, when that is due: surveys, checks, prunes and verifications, each by its own schedule.
//!
//! What was missed is made up for once. One that is still under way, or waits, is not started a second time.

use holdfast_db::{DbErrorKind, ObjectFilter, Writer};
use holdfast_model::Time;
use holdfast_model::job::{Job, JobKind, Launch, NewJob, Waiting};
use holdfast_model::repository::{Repository, RepositorySpec, RepositoryStatus};
use holdfast_model::schedule::ScheduleSpec;
use serde_json::json;

use crate::control::{Control, ControlError, tell_job};
use crate::scheduler::LATE;

impl Control {
    /// Starts what is due. Gives back how many jobs were made.
    pub async fn launch_upkeep(&self) -> Result<usize, ControlError> {
        let now = self.now();
        let enabled = ObjectFilter { enabled: Some(true), ..ObjectFilter::default() };
        let repositories = self.db.read().await?.all_objects::<RepositorySpec>(&enabled).await?.objects;
        let mut made = 0;
        for repository in repositories {
            for kind in [JobKind::Prepare, JobKind::Check, JobKind::Prune, JobKind::Verify] {
                made += usize::from(self.launch_if_due(&repository, kind, now).await?);
            }
        }
        Ok(made)
    }

    async fn launch_if_due(&self, repository: &Repository, kind: JobKind, now: Time) -> Result<bool, ControlError> {
        let Some(schedule) = schedule_of(repository, kind) else { return Ok(false) };
        let due = match accounted(&repository.status, kind) {
            // Nothing is owed from before it was there.
            None => None,
            // A clock that was ahead for a while does not keep anything from running until then.
            Some(accounted) => match schedule.newest_between(accounted.min(now), now) {
                Some(due) => Some(due),
                None => return Ok(false),
            },
        };
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let status = match writer.object::<RepositorySpec>(repository.uid).await {
            Ok(found) if accounted(&found.status, kind) == accounted(&repository.status, kind) => found.status,
            // Another server was faster, or it is gone.
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == DbErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut status = account(status, kind, due.unwrap_or(now));
        status.reading.begin(now);
        let mut new = None;
        if let Some(due) = due {
            let mut job = self.upkeep_job(repository, kind, due, now)?;
            match under_way(&mut writer, repository, kind).await? {
                Some(other) => job.skip(Waiting::Overlap { job: other }, now)?,
                None if kind == JobKind::Check => {
                    let part = repository.spec.maintenance.part_to_read(&status.reading, now);
                    job.parameters = json!({ "read": part });
                }
                None => {}
            }
            new = Some(job);
        }
        // In this order, as whoever changes a repository: events come last.
        writer.set_status::<RepositorySpec>(repository.uid, &status).await?;
        if let Some(job) = &new {
            writer.add_job(job).await?;
            tell_job(&mut writer, job, now).await?;
        }
        writer.commit().await?;
        Ok(new.is_some())
    }

    fn upkeep_job(&self, repository: &Repository, kind: JobKind, due: Time, now: Time) -> Result<Job, ControlError> {
        let is_late = due.checked_add(LATE).is_ok_and(|latest| latest < now);
        let new = NewJob {
            uid: self.new_job_uid()?,
            tenant: repository.tenant,
            kind,
            run: self.new_run_uid()?,
            launch: if is_late { Launch::CatchUp } else { Launch::Scheduled },
            launched_by: "scheduler".to_owned(),
            now,
        };
        let mut job = new.queued().for_policy(None, None, Some(repository.uid));
        job.due = Some(due);
        Ok(job)
    }
}

fn schedule_of(repository: &Repository, kind: JobKind) -> Option<ScheduleSpec> {
    match kind {
        JobKind::Prepare => repository.spec.maintenance.surveys(),
        JobKind::Check => repository.spec.maintenance.checks(),
        JobKind::Verify => repository.spec.maintenance.verifies(),
        _ => repository.spec.maintenance.prunes(),
    }
}

fn accounted(status: &RepositoryStatus, kind: JobKind) -> Option<Time> {
    match kind {
        JobKind::Prepare => status.surveys_accounted,
        JobKind::Check => status.checks_accounted,
        JobKind::Verify => status.verifies_accounted,
        _ => status.prunes_accounted,
    }
}

fn account(status: RepositoryStatus, kind: JobKind, until: Time) -> RepositoryStatus {
    match kind {
        JobKind::Prepare => RepositoryStatus { surveys_accounted: Some(until), ..status },
        JobKind::Check => RepositoryStatus { checks_accounted: Some(until), ..status },
        JobKind::Verify => RepositoryStatus { verifies_accounted: Some(until), ..status },
        _ => RepositoryStatus { prunes_accounted: Some(until), ..status },
    }
}

/// A job of the same kind that has not ended.
async fn under_way(
    writer: &mut Writer,
    repository: &Repository,
    kind: JobKind,
) -> Result<Option<holdfast_model::JobUid>, ControlError> {
    let unfinished = writer.unfinished_of(repository.tenant, None).await?;
    let is_same = |job: &&holdfast_db::Unfinished| {
        // Clients are prepared too, for a run into this repository.
        job.kind == kind && job.repository == Some(repository.uid) && job.client.is_none()
    };
    Ok(unfinished.iter().find(is_same).map(|job| job.uid))
}
