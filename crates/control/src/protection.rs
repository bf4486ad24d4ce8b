//! How well each client is protected by each policy: from the snapshots that were seen, and never from jobs alone.

mod list;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use holdfast_db::{LastBackup, LastBackups, Reader};
use holdfast_model::client::Client;
use holdfast_model::job::Cause;
use holdfast_model::policy::{Idle, Policy};
use holdfast_model::protection::{Assessment, Protection, Standing};
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::{ClientUid, Name, PolicyUid, ScheduleUid, TenantUid, Time};

use crate::control::{Control, ControlError};
use crate::plans::Plans;

pub use list::{Position, ProtectionPage, ProtectionQuery, ProtectionSort};

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
    last: LastBackups,
    running: BTreeSet<(ClientUid, PolicyUid)>,
}

/// A policy, and why it will not run by itself.
struct Planned<'a> {
    policy: &'a Policy,
    idle: Option<Idle>,
}

/// How well a client is protected by a policy, as long as nobody has asked for it to be shown.
struct Row<'a> {
    client: &'a Client,
    planned: Option<&'a Planned<'a>>,
    assessment: Assessment,
    last: LastBackup,
}

impl Control {
    /// How well clients are protected by each of their policies.
    pub async fn protection(&self, query: &ProtectionQuery) -> Result<ProtectionPage, ControlError> {
        let now = self.now();
        let mut reader = self.db.read_at_one_time().await?;
        let plans = self.plans(&mut reader).await?;
        let known = Known::read(&mut reader, query.client).await?;
        drop(reader);
        let planned: Vec<Planned<'_>> =
            plans.policies().iter().map(|policy| Planned { policy, idle: plans.idle(policy, now) }).collect();
        let mut rows = Vec::new();
        {
            let mut calendar = self.calendar.lock();
            if calendar.len() > MOST_KNOWN_TIMES {
                calendar.clear();
            }
            for planned in &planned {
                of_policy(planned, query.client, &plans, &known, now, &mut calendar, &mut rows);
            }
        }
        add_forgotten(query.client, &plans, &mut rows);
        Ok(query.page(rows))
    }
}

impl Known {
    async fn read(reader: &mut Reader, client: Option<ClientUid>) -> Result<Self, ControlError> {
        Ok(Self { running: reader.running_backups().await?, last: reader.last_backups(client).await? })
    }
}

/// Whoever is in no policy is never backed up, and nobody would be told by any policy.
fn add_forgotten<'a>(only: Option<ClientUid>, plans: &'a Plans, rows: &mut Vec<Row<'a>>) {
    let known: HashSet<ClientUid> = rows.iter().map(|row| row.client.uid).collect();
    let wanted = plans.clients().filter(|client| only.is_none_or(|only| only == client.uid));
    rows.extend(wanted.filter(|client| !known.contains(&client.uid)).map(|client| {
        let is_enabled = client.spec.enabled && plans.is_enabled(client.tenant);
        let protection = if is_enabled { Protection::Never } else { Protection::Paused };
        let assessment = Assessment { protection, expected_by: None };
        Row { client, planned: None, assessment, last: LastBackup::default() }
    }));
}

fn of_policy<'a>(
    planned: &'a Planned<'a>,
    only: Option<ClientUid>,
    plans: &'a Plans,
    known: &Known,
    now: Time,
    calendar: &mut Calendar,
    rows: &mut Vec<Row<'a>>,
) {
    let Planned { policy, idle } = planned;
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
    let last_of = known.last.get(&policy.uid);
    let damage = plans.repository_of(policy).and_then(|repository| repository.status.damage.as_ref());
    for client in plans.clients_of(policy).filter(|client| only.is_none_or(|only| only == client.uid)) {
        let mut last = last_of.and_then(|clients| clients.get(&client.uid)).copied().unwrap_or_default();
        // One from the future protects nobody: the clock was wrong when it was made.
        last.newest = last.newest.filter(|at| at.duration_since(now) <= FUTURE);
        let standing = Standing {
            is_enabled: client.spec.enabled && !is_off,
            schedule: spec,
            since: client.created.max(policy.created),
            newest: last.newest,
            is_running: known.running.contains(&(client.uid, policy.uid)),
            failed: last.failed,
            is_damaged: damage.is_some(),
            grace,
        };
        let assessment = standing.assess_by(now, &mut next);
        if let Some(damage) = damage {
            // This matters more than whatever else went wrong.
            last.failed = Some((damage.found, Cause::Damaged));
        }
        rows.push(Row { client, planned: Some(planned), assessment, last });
    }
}

impl Row<'_> {
    fn policy(&self) -> Option<&Policy> {
        self.planned.map(|planned| planned.policy)
    }

    fn shown(&self) -> Protected {
        Protected {
            tenant: self.client.tenant,
            client: (self.client.uid, self.client.spec.hostname.clone()),
            policy: self.policy().map(|policy| (policy.uid, policy.spec.name.clone())),
            assessment: self.assessment,
            newest: self.last.newest,
            failed: self.last.failed,
            idle: self.planned.and_then(|planned| planned.idle.clone()),
        }
    }
}
