//! What becomes of a job when a worker is done with it, and of those that wait for it.
//!
//! A job that failed for a reason that may pass is tried again, as another job, and those that waited for it wait for that
//! one. What failed for good fails all that waited for it.

mod damage;

use std::time::Duration;

use holdfast_db::Writer;
use holdfast_model::job::{Cause, CopyOrder, Job, JobKind, JobStatus, Launch, NewJob, Outcome, Waiting};
use holdfast_model::policy::{OnMissed, PolicySpec, Retries};
use holdfast_model::{JobUid, RepositoryUid, Time};

use crate::control::{Control, ControlError, tell_job};

/// A host that does not answer is called again after so long, as long as its run is to be made up for.
const CALL_AGAIN_SECONDS: u32 = 15 * 60;

impl Control {
    /// A worker is done with a job.
    pub async fn end_job(
        &self,
        uid: JobUid,
        worker: &str,
        status: JobStatus,
        outcome: Outcome,
    ) -> Result<Job, ControlError> {
        let now = self.now();
        let mut writer = self.db.write().await?;
        let mut job = lock_own(&mut writer, uid, worker).await?;
        job.end(status, outcome, now)?;
        writer.save_job(&job).await?;
        // Objects before events, as whoever changes one does.
        damage::note(&mut writer, &job, now).await?;
        tell_job(&mut writer, &job, now).await?;
        note_end(&mut writer, &job, cause_of(&job), now).await?;
        self.bring_along(&mut writer, &job, now).await?;
        match self.retry(&mut writer, &job, now).await? {
            Some(retry) => follow(&mut writer, job.uid, &retry, now).await?,
            None => self.settle_followers(&mut writer, &job, now).await?,
        }
        writer.commit().await?;
        Ok(job)
    }

    /// A worker stops before a job is done; it goes on later.
    pub async fn put_back_job(
        &self,
        uid: JobUid,
        worker: &str,
        not_before: Time,
        waiting: Option<Waiting>,
    ) -> Result<Job, ControlError> {
        let now = self.now();
        let mut writer = self.db.write().await?;
        let mut job = lock_own(&mut writer, uid, worker).await?;
        if job.cancel_requested {
            job.end(JobStatus::Cancelled, Outcome::default(), now)?;
        } else {
            job.put_back(not_before, waiting)?;
        }
        writer.save_job(&job).await?;
        tell_job(&mut writer, &job, now).await?;
        if job.status.is_finished() {
            self.settle_followers(&mut writer, &job, now).await?;
        }
        writer.commit().await?;
        Ok(job)
    }

    /// Makes the job that another brings along, where the settings want that; one for all that wait: what was forgotten gives
    /// its room back, and the names in what was copied become searchable.
    async fn bring_along(&self, writer: &mut Writer, job: &Job, now: Time) -> Result<(), ControlError> {
        if !job.status.is_good() {
            return Ok(());
        }
        let settings = writer.settings().await?;
        let (kind, repository) = match job.kind {
            JobKind::Forget if job.outcome.snapshots_removed > 0 && settings.prune_after_forget => {
                (JobKind::Prune, job.repository)
            }
            JobKind::Copy if settings.catalog => {
                let order: Option<CopyOrder> = serde_json::from_value(job.parameters.clone()).ok();
                (JobKind::Catalog, order.map(|order| order.to))
            }
            _ => return Ok(()),
        };
        self.bring(writer, job, kind, repository, now).await
    }

    /// Has the names in a repository made searchable, in which a job has found snapshots that nobody knew, where the settings
    /// want that.
    pub(crate) async fn catalog_what_was_found(
        &self,
        job: &Job,
        repository: RepositoryUid,
    ) -> Result<(), ControlError> {
        let now = self.now();
        let mut writer = self.db.write().await?;
        if !writer.settings().await?.catalog {
            return Ok(());
        }
        writer.lock_queue().await?;
        self.bring(&mut writer, job, JobKind::Catalog, Some(repository), now).await?;
        Ok(writer.commit().await?)
    }

    /// Makes a job that another brings along, unless one like it waits.
    async fn bring(
        &self,
        writer: &mut Writer,
        job: &Job,
        kind: JobKind,
        repository: Option<RepositoryUid>,
        now: Time,
    ) -> Result<(), ControlError> {
        let unfinished = writer.unfinished_of(job.tenant, None).await?;
        let is_same = |other: &holdfast_db::Unfinished| {
            let is_for_all = other.kind == kind && other.policy.is_none();
            is_for_all && other.repository == repository && other.status == JobStatus::Queued
        };
        if unfinished.iter().any(is_same) {
            return Ok(());
        }
        let new = NewJob {
            uid: self.new_job_uid()?,
            tenant: job.tenant,
            kind,
            run: job.run,
            launch: Launch::Dependency,
            launched_by: "scheduler".to_owned(),
            now,
        };
        let brought = new.queued().for_policy(None, None, repository);
        writer.add_job(&brought).await?;
        Ok(tell_job(writer, &brought, now).await?)
    }

    /// Makes the job that tries again, if that is to be.
    async fn retry(&self, writer: &mut Writer, job: &Job, now: Time) -> Result<Option<Job>, ControlError> {
        let Some((launch, delay)) = self.next_try(writer, job).await? else { return Ok(None) };
        let not_before = now.checked_add(delay).unwrap_or(now);
        let retry = job.retry(self.new_job_uid()?, launch, "scheduler".to_owned(), now, not_before);
        writer.add_job(&retry).await?;
        tell_job(writer, &retry, now).await?;
        Ok(Some(retry))
    }

    /// How and after what time a job is to be tried again.
    async fn next_try(&self, writer: &mut Writer, job: &Job) -> Result<Option<(Launch, Duration)>, ControlError> {
        let cause = job.outcome.error.as_ref().map(|error| error.cause);
        let may_pass = match job.status {
            JobStatus::Lost => true,
            JobStatus::Failed => cause.is_some_and(Cause::may_pass),
            _ => false,
        };
        // What was restored may have been changed since: it is not written over once more without being asked for.
        let is_restore = job.kind == JobKind::Restore && job.parameters["dry_run"] != true;
        if !may_pass || job.cancel_requested || is_restore {
            return Ok(None);
        }
        let policy = match job.policy {
            Some(uid) => writer.object::<PolicySpec>(uid).await.ok().map(|policy| policy.spec),
            None => None,
        };
        let (retries, on_missed) = match &policy {
            Some(spec) => (spec.retries, spec.on_missed),
            None => (Retries::default(), OnMissed::Skip),
        };
        let next = job.retries + 1;
        if let Some(delay) = retries.delay(next) {
            return Ok(Some((Launch::Retry, delay)));
        }
        // Whoever is away gets its run when it is back. A run that comes due meanwhile is skipped: this one is still to come.
        let is_wanted =
            policy.is_some_and(|policy| policy.enabled) && on_missed == OnMissed::CatchUp && job.due.is_some();
        let is_away = cause == Some(Cause::Unreachable) && is_wanted;
        let delay = Duration::from_secs(CALL_AGAIN_SECONDS.into());
        Ok(is_away.then_some((Launch::CatchUp, delay)))
    }

    /// What becomes of those that waited for a job that has ended and is not tried again.
    pub(super) async fn settle_followers(&self, writer: &mut Writer, job: &Job, now: Time) -> Result<(), ControlError> {
        let mut ended = vec![job.clone()];
        // What failed first is why all others did.
        let cause = cause_of(job);
        while let Some(before) = ended.pop() {
            for uid in writer.jobs_after(before.uid).await? {
                let mut follower = writer.lock_job(uid).await?;
                if before.status.is_good() {
                    follower.unblock(now)?;
                } else if before.status == JobStatus::Cancelled {
                    follower.cancel(now)?;
                } else {
                    let message =
                        format!("the {} before it has ended as {}: job {}", before.kind, before.status, before.uid);
                    follower.fail(Cause::Dependency, message, now)?;
                }
                writer.save_job(&follower).await?;
                tell_job(writer, &follower, now).await?;
                if follower.status == JobStatus::Failed {
                    note_end(writer, &follower, cause, now).await?;
                }
                if follower.status.is_finished() {
                    ended.push(follower);
                }
            }
        }
        Ok(())
    }
}

/// Why a job failed, if it did.
fn cause_of(job: &Job) -> Option<Cause> {
    match job.status {
        JobStatus::Lost => Some(Cause::Disconnected),
        _ => job.outcome.error.as_ref().map(|error| error.cause),
    }
}

/// Notes how a backup ended, from which it is told why a client is not protected.
async fn note_end(writer: &mut Writer, job: &Job, cause: Option<Cause>, now: Time) -> Result<(), ControlError> {
    let says_something = job.status.is_good() || matches!(job.status, JobStatus::Failed | JobStatus::Lost);
    if let (JobKind::Backup, Some(client), Some(policy), true) = (job.kind, job.client, job.policy, says_something) {
        writer.note_end(client, policy, now, cause).await?;
    }
    Ok(())
}

/// The job, if the worker is still at work on it and nobody else is.
async fn lock_own(writer: &mut Writer, uid: JobUid, worker: &str) -> Result<Job, ControlError> {
    writer.lock_queue().await?;
    let job = writer.lock_job(uid).await?;
    let is_own = job.status == JobStatus::Running && job.worker.as_deref() == Some(worker);
    if is_own { Ok(job) } else { Err(ControlError::NotOurs(uid)) }
}

/// Whoever waited for the job that failed waits for the one that tries again.
async fn follow(writer: &mut Writer, failed: JobUid, retry: &Job, now: Time) -> Result<(), ControlError> {
    for uid in writer.jobs_after(failed).await? {
        let mut follower = writer.lock_job(uid).await?;
        follower.after = Some(retry.uid);
        follower.waiting = Some(Waiting::Job { job: retry.uid });
        writer.save_job(&follower).await?;
        tell_job(writer, &follower, now).await?;
    }
    Ok(())
}
