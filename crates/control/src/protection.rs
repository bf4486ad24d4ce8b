//! How well each client is protected by each policy: from the snapshots that were seen, and never from jobs alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use holdfast_db::Reader;
use holdfast_model::job::Cause;
use holdfast_model::policy::{Idle, Policy};
use holdfast_model::protection::{Assessment, Protection, Standing};
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::{ClientUid, Name, PolicyUid, ScheduleUid, TenantUid, Time};

use crate::control::{Control, ControlError};
use crate::plans::Plans;

/// How well a client is protected by a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    /// Whose both are.
    pub tenant: TenantUid,
    /// The client.
    pub client: (ClientUid, Name),
    /// The policy; `None`, if none has the client.
    pub policy: Option<(PolicyUid, Name)>,
    /// How well.
    pub assessment: Assessment,
    /// When its newest good snapshot was begun.
    pub newest: Option<Time>,
    /// When the newest backup failed, and why, if none has ended well since.
    pub failed: Option<(Time, Cause)>,
    /// Why the policy will not run by itself; `None` if it will, or if there is none.
    pub idle: Option<Idle>,
}

/// When a schedule, as it was at a revision, is due first after some time: looking it up in the calendar takes longer than all
/// else here.
pub(crate) type Calendar = HashMap<(ScheduleUid, u64, Time), Option<Time>>;

/// A snapshot may be so far ahead of the clock.
const FUTURE: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// More are not remembered.
const MOST_KNOWN_TIMES: usize = 200_000;

/// What is known of all clients.
struct Known {
    newest: HashMap<(ClientUid, PolicyUid), Time>,
    failures: BTreeMap<(ClientUid, PolicyUid), (Time, Cause)>,
    running: BTreeSet<(ClientUid, PolicyUid)>,
}

impl Control {
    /// How well each client, or one, is protected by each of its policies, the worst first.
    pub async fn protection(&self, client: Option<ClientUid>) -> Result<Vec<Protected>, ControlError> {
        let now = self.now();
        let mut reader = self.db.read_at_one_time().await?;
        let plans = self.plans(&mut reader).await?;
        let known = Known::read(&mut reader, client).await?;
        drop(reader);
        let mut all = Vec::new();
        {
            let mut calendar = self.calendar.lock();
            if calendar.len() > MOST_KNOWN_TIMES {
                calendar.clear();
            }
            for policy in plans.policies() {
                of_policy(policy, client, &plans, &known, now, &mut calendar, &mut all);
            }
        }
        add_forgotten(client, &plans, &mut all);
        fn name(one: &Protected) -> (&Name, Option<&Name>, TenantUid) {
            (&one.client.1, one.policy.as_ref().map(|policy| &policy.1), one.tenant)
        }
        all.sort_by(|one, other| {
            let worst_first = other.assessment.protection.cmp(&one.assessment.protection);
            worst_first.then_with(|| name(one).cmp(&name(other)))
        });
        Ok(all)
    }
}

impl Known {
    async fn read(reader: &mut Reader, client: Option<ClientUid>) -> Result<Self, ControlError> {
        Ok(Self {
            running: reader.running_backups().await?,
            newest: reader.newest_snapshots(client).await?,
            failures: reader.failures().await?,
        })
    }
}

/// Whoever is in no policy is never backed up, and nobody would be told by any policy.
fn add_forgotten(only: Option<ClientUid>, plans: &Plans, all: &mut Vec<Protected>) {
    let known: HashSet<ClientUid> = all.iter().map(|one| one.client.0).collect();
    let wanted = plans.clients().filter(|client| only.is_none_or(|only| only == client.uid));
    all.extend(wanted.filter(|client| !known.contains(&client.uid)).map(|client| {
        let is_enabled = client.spec.enabled && plans.is_enabled(client.tenant);
        let protection = if is_enabled { Protection::Never } else { Protection::Paused };
        Protected {
            tenant: client.tenant,
            client: (client.uid, client.spec.hostname.clone()),
            policy: None,
            assessment: Assessment { protection, expected_by: None },
            newest: None,
            failed: None,
            idle: None,
        }
    }));
}

fn of_policy(
    policy: &Policy,
    only: Option<ClientUid>,
    plans: &Plans,
    known: &Known,
    now: Time,
    calendar: &mut Calendar,
    all: &mut Vec<Protected>,
) {
    let idle = plans.idle(policy, now);
    let schedule = plans.schedule_of(policy);
    let jitter = schedule.map_or(0, |schedule| schedule.spec.jitter_seconds);
    let grace = Duration::from_secs(u64::from(plans.settings().grace_seconds) + u64::from(jitter));
    let is_off = !matches!(idle, None | Some(Idle::NoSchedule | Idle::NeverDue));
    let spec = schedule.map(|schedule| &schedule.spec);
    let mut next = |spec: &ScheduleSpec, after: Time| match schedule {
        Some(schedule) => {
            *calendar.entry((schedule.uid, schedule.revision, after)).or_insert_with(|| spec.next_after(after))
        }
        None => None,
    };
    for client in plans.clients_of(policy).filter(|client| only.is_none_or(|only| only == client.uid)) {
        let key = (client.uid, policy.uid);
        // One from the future protects nobody: the clock was wrong when it was made.
        let newest = known.newest.get(&key).copied().filter(|at| at.duration_since(now) <= FUTURE);
        let failed = known.failures.get(&key).copied();
        let standing = Standing {
            is_enabled: client.spec.enabled && !is_off,
            schedule: spec,
            since: client.created.max(policy.created),
            newest,
            is_running: known.running.contains(&key),
            failed,
            grace,
        };
        all.push(Protected {
            tenant: policy.tenant,
            client: (client.uid, client.spec.hostname.clone()),
            policy: Some((policy.uid, policy.spec.name.clone())),
            assessment: standing.assess_by(now, &mut next),
            newest,
            failed,
            idle: idle.clone(),
        });
    }
}
