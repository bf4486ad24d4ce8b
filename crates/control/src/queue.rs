//! The queue: who begins what, who still works, and what becomes of a job and of those that wait for it.
//!
//! Each step is one transaction. A worker whose lease ran out may have lost its job to another: then what it reports does
//! not count.

mod ending;
mod rules;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use holdfast_db::{Unfinished, Writer};
use holdfast_model::job::{Job, JobStatus};
use holdfast_model::{JobUid, TenantUid, Time};

use self::rules::Rules;
use crate::control::{Control, ControlError, tell_job};
use crate::dispatch::{Decision, Limits, dispatch};

/// So long a worker is believed to be at work after it has last said so.
pub const LEASE: Duration = Duration::from_secs(30);

/// So many queued jobs of a tenant are looked at first: more than can begin at once.
const LOOKED_AT: u32 = 500;

impl Control {
    /// Begins jobs for a worker that has so many places. What it does not get says what it waits for.
    pub async fn begin_jobs(&self, worker: &str, places: usize) -> Result<Vec<Job>, ControlError> {
        let now = self.now();
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let mut jobs = writer.queue(LOOKED_AT).await?;
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let rules = Rules::of(&self.plans(&mut writer).await?);
        let limits = Limits {
            jobs_at_once: rules.jobs_at_once,
            places,
            repositories: &rules.repositories,
            disabled: &|job| rules.disabled(job),
            window: &|policy, now| rules.window(policy, now),
        };
        let mut decision = dispatch(now, &jobs, &limits);
        // Whatever keeps the first of a tenant waiting must not hide those behind them.
        if decision.start.len() < places && has_more(&jobs) {
            jobs = writer.queue(u32::MAX).await?;
            decision = dispatch(now, &jobs, &limits);
        }
        let begun = carry_out(&mut writer, decision, &jobs, worker, now).await?;
        writer.commit().await?;
        Ok(begun)
    }

    /// A worker says which jobs it still works on. Gives back those that are its own, and those of them that are to end.
    pub async fn renew(&self, worker: &str, at_work: &[JobUid]) -> Result<Leases, ControlError> {
        let now = self.now();
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let jobs = writer.renew_leases(worker, at_work, now.checked_add(LEASE).unwrap_or(now)).await?;
        writer.commit().await?;
        let to_end = jobs.iter().filter(|(_, cancel)| *cancel).map(|(uid, _)| *uid).collect();
        Ok(Leases { held: jobs.into_iter().map(|(uid, _)| uid).collect(), to_end })
    }

    /// Takes over the jobs that nobody has said for too long to be at work on: what became of them is to be found out.
    pub async fn adopt_abandoned(&self, worker: &str) -> Result<Vec<Job>, ControlError> {
        let now = self.now();
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let mut adopted = Vec::new();
        for uid in writer.abandoned_jobs(now).await? {
            let mut job = writer.lock_job(uid).await?;
            if job.is_abandoned(now) {
                job.worker = Some(worker.to_owned());
                job.lease_until = now.checked_add(LEASE).ok();
                writer.save_job(&job).await?;
                adopted.push(job);
            }
        }
        writer.commit().await?;
        Ok(adopted)
    }

    /// Somebody wants a job to end: at once if nobody works on it.
    pub async fn cancel_job(&self, uid: JobUid) -> Result<Job, ControlError> {
        let now = self.now();
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let mut job = writer.lock_job(uid).await?;
        let has_ended = job.cancel(now)?;
        writer.save_job(&job).await?;
        tell_job(&mut writer, &job, now).await?;
        if has_ended {
            self.settle_followers(&mut writer, &job, now).await?;
        }
        writer.commit().await?;
        Ok(job)
    }
}

/// The jobs of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leases {
    /// It works on these; on any other it has no business any more.
    pub held: BTreeSet<JobUid>,
    /// These are to end.
    pub to_end: BTreeSet<JobUid>,
}

/// Whether some tenant may have more queued jobs than were looked at.
fn has_more(jobs: &[Unfinished]) -> bool {
    let mut queued: HashMap<TenantUid, u32> = HashMap::new();
    let is_queued = |job: &&Unfinished| job.status == JobStatus::Queued;
    jobs.iter().filter(is_queued).any(|job| {
        let count = queued.entry(job.tenant).or_default();
        *count += 1;
        *count >= LOOKED_AT
    })
}

async fn carry_out(
    writer: &mut Writer,
    decision: Decision,
    jobs: &[Unfinished],
    worker: &str,
    now: Time,
) -> Result<Vec<Job>, ControlError> {
    let lease_until = now.checked_add(LEASE).unwrap_or(now);
    let mut begun = Vec::with_capacity(decision.start.len());
    for uid in decision.start {
        let mut job = writer.lock_job(uid).await?;
        job.begin(worker, now, lease_until)?;
        writer.save_job(&job).await?;
        tell_job(writer, &job, now).await?;
        begun.push(job);
    }
    let known: HashMap<JobUid, &Unfinished> = jobs.iter().map(|job| (job.uid, job)).collect();
    for (uid, waiting) in decision.waiting {
        // What has not changed is not written again: most of the queue waits for the same as a moment ago.
        if known.get(&uid).is_some_and(|job| job.waits_for(&waiting)) {
            continue;
        }
        let mut job = writer.lock_job(uid).await?;
        if job.status == JobStatus::Queued {
            job.waiting = Some(waiting);
            writer.save_job(&job).await?;
            tell_job(writer, &job, now).await?;
        }
    }
    Ok(begun)
}
