//! Starts runs: those that are due, and those that somebody asks for.
//!
//! What is due is decided beforehand; here each step is one transaction, which looks first whether another server has taken
//! it. So every due time is accounted for once, whoever dies between two steps.

use std::collections::BTreeSet;

use holdfast_db::{DbError, Unreadable, Writer};
use holdfast_model::job::{Job, JobKind, Launch, NewJob, Waiting};
use holdfast_model::object::Spec;
use holdfast_model::policy::{Idle, OnMissed, Policy, PolicySpec, PolicyStatus};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::tenant::Overlap;
use holdfast_model::{Name, PolicyUid, RunUid, Time};

use crate::control::{Control, ControlError, JobUids, tell_job};
use crate::plans::Plans;
use crate::run::Run;
use crate::scheduler::{Missed, Start, Step};

/// Who starts what is due.
const SCHEDULER: &str = "scheduler";

/// What came of looking for what is due.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Launched {
    /// How many jobs were made.
    pub jobs: usize,
    /// Objects that take no part, because they cannot be read: somebody should hear of them.
    pub unreadable: Vec<Unreadable>,
}

impl Control {
    /// Starts what is due, and notes what was missed.
    pub async fn launch_due(&self) -> Result<Launched, ControlError> {
        let now = self.now();
        let plans = self.plans(&mut self.db.read_at_one_time().await?).await?;
        let mut jobs = 0;
        for step in plans.steps(now) {
            let policy = plans.policies().iter().find(|policy| policy.uid == step.policy);
            if let Some(policy) = policy {
                jobs += self.take_step(&plans, policy, &step, now).await?;
            }
        }
        Ok(Launched { jobs, unreadable: plans.unreadable() })
    }

    /// Starts a run that somebody asks for, for all clients of the policy or for some. Gives back its jobs.
    pub async fn launch_policy(
        &self,
        uid: PolicyUid,
        only: Option<&BTreeSet<Name>>,
        launch: Launch,
        launched_by: &str,
    ) -> Result<Vec<Job>, ControlError> {
        let now = self.now();
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let plans = self.plans(&mut writer).await?;
        let policy = writer.object::<PolicySpec>(uid).await?;
        if let Some(idle) = plans.idle(&policy, now).filter(Idle::is_hard) {
            return Err(ControlError::Idle(idle));
        }
        let start = Asked { launch, launched_by, due: None, only };
        let jobs = self.make_jobs(&plans, &policy, &start, &mut writer, now).await?;
        writer.commit().await?;
        Ok(jobs)
    }

    async fn take_step(&self, plans: &Plans, policy: &Policy, step: &Step, now: Time) -> Result<usize, ControlError> {
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        // What was read in the middle of a change is read again the next time, and nothing is accounted for until then.
        let is_whole = plans.repository_of(policy).is_some();
        if !is_whole || !set_accounted(&mut writer, policy, policy.status.accounted, step.accounted).await? {
            return Ok(0);
        }
        let jobs = match (step.start, step.missed) {
            (Some(Start { due, launch }), _) => {
                let start = Asked { launch, launched_by: SCHEDULER, due: Some(due), only: None };
                self.make_jobs(plans, policy, &start, &mut writer, now).await?
            }
            (None, Some(missed)) if policy.spec.on_missed == OnMissed::Skip => {
                self.note_missed(plans, policy, missed, &mut writer, now).await?
            }
            (None, _) => Vec::new(),
        };
        writer.commit().await?;
        Ok(jobs.len())
    }

    async fn make_jobs(
        &self,
        plans: &Plans,
        policy: &Policy,
        start: &Asked<'_>,
        writer: &mut Writer,
        now: Time,
    ) -> Result<Vec<Job>, ControlError> {
        let repository = plans.repository_of(policy).ok_or_else(|| DbError::Dangling {
            what: RepositorySpec::KIND.as_str(),
            name: policy.spec.repository.to_string(),
        })?;
        let overlap = plans.overlap_of(policy);
        let of_policy = (overlap == Overlap::Client).then_some(policy.uid);
        let under_way = writer.unfinished_of(policy.tenant, of_policy).await?;
        let run = Run {
            uid: self.new_run_uid()?,
            policy,
            repository: repository.uid,
            schedule: plans.schedule_of(policy),
            launch: start.launch,
            launched_by: start.launched_by,
            due: start.due,
            overlap,
            settings: plans.settings(),
            now,
        };
        let clients = plans.clients_of(policy);
        let clients = clients.filter(|client| start.only.is_none_or(|only| only.contains(&client.spec.hostname)));
        let mut uids = JobUids::new(self)?;
        let jobs = run.jobs(clients, &under_way, &mut || uids.next());
        keep(writer, &jobs, now).await?;
        Ok(jobs)
    }

    /// One skipped job a client, so that nobody has to look elsewhere for why there is no backup.
    async fn note_missed(
        &self,
        plans: &Plans,
        policy: &Policy,
        missed: Missed,
        writer: &mut Writer,
        now: Time,
    ) -> Result<Vec<Job>, ControlError> {
        let run = self.new_run_uid()?;
        let repository = plans.repository_of(policy).map(|repository| repository.uid);
        let mut uids = JobUids::new(self)?;
        let enabled = plans.clients_of(policy).filter(|client| client.spec.enabled);
        let jobs = enabled.map(|client| {
            let mut job =
                missed_job(policy, run, uids.next(), now).for_policy(Some(policy.uid), Some(client.uid), repository);
            job.due = Some(missed.last);
            let Missed { runs, first, last } = missed;
            job.skip(Waiting::Missed { runs, first, last }, now)?;
            Ok(job)
        });
        let jobs: Vec<Job> = jobs.collect::<Result<_, ControlError>>()?;
        keep(writer, &jobs, now).await?;
        Ok(jobs)
    }
}

/// A run that is asked for.
struct Asked<'a> {
    launch: Launch,
    launched_by: &'a str,
    due: Option<Time>,
    only: Option<&'a BTreeSet<Name>>,
}

fn missed_job(policy: &Policy, run: RunUid, uid: holdfast_model::JobUid, now: Time) -> Job {
    let new = NewJob {
        uid,
        tenant: policy.tenant,
        kind: JobKind::Backup,
        run,
        launch: Launch::Scheduled,
        launched_by: SCHEDULER.to_owned(),
        now,
    };
    new.queued()
}

/// Notes up to when a policy is accounted for; not if somebody has done so or has changed it since it was read (who names a
/// client or a repository anew changes it too), or if it is gone.
async fn set_accounted(
    writer: &mut Writer,
    policy: &Policy,
    before: Option<Time>,
    accounted: Time,
) -> Result<bool, ControlError> {
    match writer.object::<PolicySpec>(policy.uid).await {
        Ok(found) if found.status.accounted == before && found.revision == policy.revision => {
            writer
                .set_status::<PolicySpec>(policy.uid, &PolicyStatus { accounted: Some(accounted), outlook: None })
                .await?;
            Ok(true)
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind() == holdfast_db::DbErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn keep(writer: &mut Writer, jobs: &[Job], now: Time) -> Result<(), ControlError> {
    for job in jobs {
        writer.add_job(job).await?;
        tell_job(writer, job, now).await?;
    }
    Ok(())
}
