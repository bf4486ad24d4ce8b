//! How well each client is protected by each policy: from the snapshots that were seen, and never from jobs alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_db::Reader;
use holdfast_model::job::{Cause, JobKind, JobStatus};
use holdfast_model::policy::{Idle, Policy};
use holdfast_model::protection::{Assessment, Standing};
use holdfast_model::{ClientUid, Name, PolicyUid, TenantUid, Time};

use crate::control::{Control, ControlError};
use crate::launch::Plans;

/// How well a client is protected by a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    /// Whose both are.
    pub tenant: TenantUid,
    /// The client.
    pub client: (ClientUid, Name),
    /// The policy.
    pub policy: (PolicyUid, Name),
    /// How well.
    pub assessment: Assessment,
    /// When its newest good snapshot was begun.
    pub newest: Option<Time>,
    /// When the newest backup failed, and why, if none has ended well since.
    pub failed: Option<(Time, Cause)>,
    /// Why the policy will not run by itself; `None` if it will.
    pub idle: Option<Idle>,
}

/// What is known of all clients.
struct Known {
    newest: BTreeMap<(ClientUid, PolicyUid), Time>,
    failures: BTreeMap<(ClientUid, PolicyUid), (Time, Cause)>,
    running: BTreeSet<(ClientUid, PolicyUid)>,
}

impl Control {
    /// How well each client is protected by each of its policies, the worst first.
    pub async fn protection(&self) -> Result<Vec<Protected>, ControlError> {
        let now = self.now();
        let mut reader = self.db.read_at_one_time().await?;
        let plans = Plans::read(&mut reader).await?;
        let known = Known::read(&mut reader).await?;
        drop(reader);
        let mut all: Vec<Protected> =
            plans.policies().iter().flat_map(|policy| of_policy(policy, &plans, &known, now)).collect();
        all.sort_by(|one, other| {
            let key =
                |protected: &Protected| (protected.client.1.clone(), protected.policy.1.clone(), protected.tenant);
            let worst_first = other.assessment.protection.cmp(&one.assessment.protection);
            worst_first.then_with(|| key(one).cmp(&key(other)))
        });
        Ok(all)
    }
}

impl Known {
    async fn read(reader: &mut Reader) -> Result<Self, ControlError> {
        let unfinished = reader.unfinished_jobs(0).await?;
        let is_backup = |kind, status| kind == JobKind::Backup && status == JobStatus::Running;
        let running = unfinished.iter().filter(|job| is_backup(job.kind, job.status));
        Ok(Self {
            running: running.filter_map(|job| Some((job.client?, job.policy?))).collect(),
            newest: reader.newest_snapshots().await?,
            failures: reader.failures().await?,
        })
    }
}

fn of_policy(policy: &Policy, plans: &Plans, known: &Known, now: Time) -> Vec<Protected> {
    let idle = plans.idle(policy, now);
    let schedule = plans.schedule_of(policy).map(|schedule| &schedule.spec);
    let jitter = schedule.map_or(0, |schedule| schedule.jitter_seconds);
    let grace = Duration::from_secs(u64::from(plans.settings().grace_seconds) + u64::from(jitter));
    let is_off = !matches!(idle, None | Some(Idle::NoSchedule | Idle::NeverDue));
    let protected = |client: &holdfast_model::client::Client| {
        let key = (client.uid, policy.uid);
        let (newest, failed) = (known.newest.get(&key).copied(), known.failures.get(&key).copied());
        let standing = Standing {
            is_enabled: client.spec.enabled && !is_off,
            schedule,
            since: client.created.max(policy.created),
            newest,
            is_running: known.running.contains(&key),
            failed,
            grace,
        };
        Protected {
            tenant: policy.tenant,
            client: (client.uid, client.spec.hostname.clone()),
            policy: (policy.uid, policy.spec.name.clone()),
            assessment: standing.assess(now),
            newest,
            failed,
            idle: idle.clone(),
        }
    };
    plans.clients_of(policy).map(protected).collect()
}
