//! Starts runs: those that are due, and those that somebody asks for.
//!
//! What is due is decided beforehand; here each step is one transaction, which looks first whether another server has taken
//! it. So every due time is accounted for once, whoever dies between two steps.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_db::{DbError, ObjectFilter, Reader, Unfinished, Unreadable, Writer};
use holdfast_model::client::{Client, ClientSpec};
use holdfast_model::job::{Job, JobKind, Launch, NewJob, Waiting};
use holdfast_model::object::{Object, Spec};
use holdfast_model::policy::{Idle, OnMissed, Policy, PolicySpec, PolicyStatus};
use holdfast_model::repository::{Repository, RepositorySpec};
use holdfast_model::schedule::{Schedule, ScheduleSpec};
use holdfast_model::tenant::{Overlap, TenantSpec};
use holdfast_model::{Name, PolicyUid, RunUid, Settings, TenantUid, Time};

use crate::control::{Control, ControlError, JobUids, tell_job};
use crate::run::Run;
use crate::scheduler::{self, Missed, Scheduled, Start, Step};

/// Who starts what is due.
const SCHEDULER: &str = "scheduler";

/// All that decides which policies run, as it was read at one time.
pub struct Plans {
    tenants: BTreeMap<TenantUid, Object<TenantSpec>>,
    policies: Vec<Policy>,
    schedules: BTreeMap<(TenantUid, Name), Schedule>,
    repositories: BTreeMap<(TenantUid, Name), Repository>,
    clients: BTreeMap<TenantUid, Vec<Client>>,
    settings: Settings,
    unreadable: Vec<Unreadable>,
}

impl Plans {
    /// Reads them. The reader should see all of them as they were at one time.
    pub async fn read(reader: &mut Reader) -> Result<Self, ControlError> {
        let mut unreadable = Vec::new();
        let mut clients: BTreeMap<TenantUid, Vec<Client>> = BTreeMap::new();
        for client in readable::<ClientSpec>(reader, &mut unreadable).await? {
            clients.entry(client.tenant).or_default().push(client);
        }
        let tenants = readable::<TenantSpec>(reader, &mut unreadable).await?;
        let schedules = readable::<ScheduleSpec>(reader, &mut unreadable).await?;
        let repositories = readable::<RepositorySpec>(reader, &mut unreadable).await?;
        Ok(Self {
            tenants: tenants.into_iter().map(|tenant| (tenant.uid, tenant)).collect(),
            policies: readable::<PolicySpec>(reader, &mut unreadable).await?,
            schedules: schedules.into_iter().map(|one| ((one.tenant, one.spec.name.clone()), one)).collect(),
            repositories: repositories.into_iter().map(|one| ((one.tenant, one.spec.name.clone()), one)).collect(),
            clients,
            settings: reader.settings().await?,
            unreadable,
        })
    }

    /// What holds for the whole server.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All policies.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// Why a policy will not run by itself; `None` if it will.
    pub fn idle(&self, policy: &Policy, now: Time) -> Option<Idle> {
        let Some(schedule) = self.schedule_of(policy) else { return Some(Idle::NoSchedule) };
        let disabled = |object: Option<(&Name, bool)>, kind| {
            object.filter(|(_, enabled)| !enabled).map(|(name, _)| Idle::Needs { kind, name: name.clone() })
        };
        fn needed<S: Spec>(object: &Object<S>) -> (&Name, bool) {
            (object.spec.name(), object.spec.is_enabled())
        }
        (!policy.spec.enabled)
            .then_some(Idle::Disabled)
            .or_else(|| disabled(self.tenants.get(&policy.tenant).map(needed), TenantSpec::KIND))
            .or_else(|| disabled(Some(needed(schedule)), ScheduleSpec::KIND))
            .or_else(|| disabled(self.repository_of(policy).map(needed), RepositorySpec::KIND))
            .or_else(|| self.clients_of(policy).all(|client| !client.spec.enabled).then_some(Idle::NoClients))
            .or_else(|| schedule.spec.next_after(now).is_none().then_some(Idle::NeverDue))
    }

    /// The clients of a policy: those that it names, and those that have one of its tags.
    pub fn clients_of<'a>(&'a self, policy: &'a Policy) -> impl Iterator<Item = &'a Client> {
        let spec = &policy.spec;
        let tags: BTreeSet<_> = spec.client_tags.iter().collect();
        let clients = self.clients.get(&policy.tenant).into_iter().flatten();
        clients.filter(move |client| {
            spec.clients.contains(&client.spec.hostname) || client.spec.tags.iter().any(|tag| tags.contains(tag))
        })
    }

    /// The schedule that a policy names.
    pub fn schedule_of(&self, policy: &Policy) -> Option<&Schedule> {
        self.schedules.get(&(policy.tenant, policy.spec.schedule.clone()?))
    }

    fn repository_of(&self, policy: &Policy) -> Option<&Repository> {
        self.repositories.get(&(policy.tenant, policy.spec.repository.clone()))
    }

    fn overlap_of(&self, policy: &Policy) -> Overlap {
        self.tenants.get(&policy.tenant).map(|tenant| tenant.spec.overlap).unwrap_or_default()
    }

    /// What is to be done about the policies at `now`.
    fn steps(&self, now: Time) -> Vec<Step> {
        let scheduled = |policy| {
            let policy: &Policy = policy;
            Some(Scheduled {
                policy: policy.uid,
                schedule: &self.schedule_of(policy)?.spec,
                is_active: self.idle(policy, now).is_none(),
                on_missed: policy.spec.on_missed,
                // Nothing is owed from before it was there.
                accounted: policy.status.accounted.unwrap_or(policy.created),
            })
        };
        scheduler::due(now, &self.policies.iter().filter_map(scheduled).collect::<Vec<_>>())
    }
}

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
        let plans = Plans::read(&mut self.db.read_at_one_time().await?).await?;
        let mut jobs = 0;
        for step in plans.steps(now) {
            let policy = plans.policies.iter().find(|policy| policy.uid == step.policy);
            if let Some(policy) = policy {
                jobs += self.take_step(&plans, policy, &step, now).await?;
            }
        }
        Ok(Launched { jobs, unreadable: plans.unreadable })
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
        let plans = Plans::read(&mut writer).await?;
        let policy = writer.object::<PolicySpec>(uid).await?;
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
        let unfinished: Vec<Unfinished> = writer.unfinished_jobs(u32::MAX).await?;
        let of_tenant: Vec<Unfinished> = unfinished.into_iter().filter(|job| job.tenant == policy.tenant).collect();
        let run = Run {
            uid: self.new_run_uid()?,
            policy,
            repository: repository.uid,
            schedule: plans.schedule_of(policy),
            launch: start.launch,
            launched_by: start.launched_by,
            due: start.due,
            overlap: plans.overlap_of(policy),
            settings: &plans.settings,
            now,
        };
        let clients = plans.clients_of(policy);
        let clients = clients.filter(|client| start.only.is_none_or(|only| only.contains(&client.spec.hostname)));
        let mut uids = JobUids::new(self)?;
        let jobs = run.jobs(clients, &of_tenant, &mut || uids.next());
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

async fn readable<S: Spec>(
    reader: &mut Reader,
    unreadable: &mut Vec<Unreadable>,
) -> Result<Vec<Object<S>>, ControlError> {
    let all = reader.all_objects::<S>(&ObjectFilter::default()).await?;
    unreadable.extend(all.unreadable);
    Ok(all.objects)
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
            writer.set_status::<PolicySpec>(policy.uid, &PolicyStatus { accounted: Some(accounted) }).await?;
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
