//! All that decides which policies run: tenants, clients, policies, schedules and repositories.
//!
//! A kind of objects is read again only when one of them was changed; that is counted in the database, so that it does not
//! matter who has changed it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use holdfast_db::{ObjectFilter, Reader, Unreadable};
use holdfast_model::client::{Client, ClientSpec};
use holdfast_model::object::{Kind, Object, Spec};
use holdfast_model::policy::{Idle, Outlook, Policy, PolicySpec};
use holdfast_model::repository::{Repository, RepositorySpec};
use holdfast_model::schedule::{Schedule, ScheduleSpec};
use holdfast_model::tenant::{Overlap, TenantSpec};
use holdfast_model::{Name, Settings, Tag, TenantUid, Time};

use crate::control::{Control, ControlError};
use crate::scheduler::{self, Scheduled, Step};

impl Control {
    /// The plans as they stand now.
    pub async fn plans(&self, reader: &mut Reader) -> Result<Plans, ControlError> {
        let before = self.plans.lock().clone();
        let plans = Plans::read(reader, before.as_ref()).await?;
        *self.plans.lock() = Some(plans.clone());
        Ok(plans)
    }
}

/// All that decides which policies run, as it was read at one time.
#[derive(Clone)]
pub struct Plans {
    tenants: Kept<BTreeMap<TenantUid, Object<TenantSpec>>>,
    policies: Kept<Vec<Policy>>,
    schedules: Kept<BTreeMap<(TenantUid, Name), Schedule>>,
    repositories: Kept<BTreeMap<(TenantUid, Name), Repository>>,
    clients: Kept<BTreeMap<TenantUid, Clients>>,
    settings: Settings,
}

/// The clients of a tenant, and where those of a name or a tag are among them.
#[derive(Default)]
struct Clients {
    all: Vec<Client>,
    by_name: BTreeMap<Name, usize>,
    by_tag: BTreeMap<Tag, Vec<usize>>,
}

impl Clients {
    fn add(&mut self, client: Client) {
        let at = self.all.len();
        self.by_name.insert(client.spec.hostname.clone(), at);
        for tag in &client.spec.tags {
            self.by_tag.entry(tag.clone()).or_default().push(at);
        }
        self.all.push(client);
    }

    /// Those of a policy, each once and in their own order.
    fn of<'a>(&'a self, policy: &PolicySpec) -> impl Iterator<Item = &'a Client> + use<'a> {
        let named = policy.clients.iter().filter_map(|name| self.by_name.get(name));
        let tagged = policy.client_tags.iter().filter_map(|tag| self.by_tag.get(tag)).flatten();
        let places: BTreeSet<usize> = named.chain(tagged).copied().collect();
        places.into_iter().map(|place| &self.all[place])
    }
}

/// All objects of a kind, with the number of changes that they had seen.
struct Kept<T> {
    changes: u64,
    objects: Arc<T>,
    unreadable: Arc<[Unreadable]>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { changes: self.changes, objects: self.objects.clone(), unreadable: self.unreadable.clone() }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.objects
    }
}

impl Plans {
    /// Reads those that were changed since `before`. The reader should see all of them as they were at one time.
    async fn read(reader: &mut Reader, before: Option<&Self>) -> Result<Self, ControlError> {
        let changes = reader.object_changes().await?;
        let changes = |kind: Kind| changes.get(kind.as_str()).copied().unwrap_or(0);
        let named = |one: &Name, tenant| (tenant, one.clone());
        Ok(Self {
            tenants: kept::<TenantSpec, _>(reader, changes(Kind::Tenant), before.map(|plans| &plans.tenants), |all| {
                all.into_iter().map(|tenant| (tenant.uid, tenant)).collect()
            })
            .await?,
            policies: kept::<PolicySpec, _>(
                reader,
                changes(Kind::Policy),
                before.map(|plans| &plans.policies),
                |all| all,
            )
            .await?,
            schedules: kept::<ScheduleSpec, _>(
                reader,
                changes(Kind::Schedule),
                before.map(|plans| &plans.schedules),
                |all| all.into_iter().map(|one| (named(&one.spec.name, one.tenant), one)).collect(),
            )
            .await?,
            repositories: kept::<RepositorySpec, _>(
                reader,
                changes(Kind::Repository),
                before.map(|plans| &plans.repositories),
                |all| all.into_iter().map(|one| (named(&one.spec.name, one.tenant), one)).collect(),
            )
            .await?,
            clients: kept::<ClientSpec, _>(reader, changes(Kind::Client), before.map(|plans| &plans.clients), |all| {
                let mut clients: BTreeMap<TenantUid, Clients> = BTreeMap::new();
                for client in all {
                    clients.entry(client.tenant).or_default().add(client);
                }
                clients
            })
            .await?,
            settings: reader.settings().await?,
        })
    }

    /// Objects that take no part, because they cannot be read.
    pub fn unreadable(&self) -> Vec<Unreadable> {
        let all = [
            &self.tenants.unreadable,
            &self.policies.unreadable,
            &self.schedules.unreadable,
            &self.repositories.unreadable,
            &self.clients.unreadable,
        ];
        all.into_iter().flat_map(|some| some.iter().cloned()).collect()
    }

    /// What holds for the whole server.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All policies.
    pub fn policies(&self) -> &[Policy] {
        &self.policies.objects
    }

    /// What is disabled without which no job of a policy begins, but for its clients.
    pub(crate) fn disabled(&self, policy: &Policy) -> Option<(Kind, &Name)> {
        fn off<S: Spec>(object: Option<&Object<S>>) -> Option<(Kind, &Name)> {
            object.filter(|object| !object.spec.is_enabled()).map(|object| (S::KIND, object.spec.name()))
        }
        off(self.tenants.get(&policy.tenant)).or_else(|| off(self.repository_of(policy)))
    }

    /// Why a policy will not run by itself; `None` if it will.
    pub fn idle(&self, policy: &Policy, now: Time) -> Option<Idle> {
        let schedule = self.schedule_of(policy);
        let needs = |(kind, name): (Kind, &Name)| Idle::Needs { kind, name: name.clone() };
        // What nobody can have it run with comes first.
        self.disabled(policy)
            .map(needs)
            .or_else(|| self.clients_of(policy).all(|client| !client.spec.enabled).then_some(Idle::NoClients))
            .or_else(|| (!policy.spec.enabled).then_some(Idle::Disabled))
            .or_else(|| match schedule {
                None => Some(Idle::NoSchedule),
                Some(schedule) if !schedule.spec.enabled => Some(needs((ScheduleSpec::KIND, &schedule.spec.name))),
                Some(schedule) => schedule.spec.next_after(now).is_none().then_some(Idle::NeverDue),
            })
    }

    /// What is to come of a policy.
    pub fn outlook(&self, policy: &Policy, now: Time) -> Outlook {
        let idle = self.idle(policy, now);
        let schedule = self.schedule_of(policy).filter(|_| idle.is_none());
        Outlook {
            clients: self.clients_of(policy).filter(|client| client.spec.enabled).count() as u64,
            next: schedule.and_then(|schedule| schedule.spec.next_after(now)),
            idle: idle.map(|idle| idle.to_string()),
        }
    }

    /// Whether a tenant is enabled.
    pub fn is_enabled(&self, tenant: TenantUid) -> bool {
        self.tenants.get(&tenant).is_none_or(|tenant| tenant.spec.enabled)
    }

    /// All repositories of all tenants.
    pub(crate) fn repositories(&self) -> impl Iterator<Item = &Repository> {
        self.repositories.values()
    }

    /// All clients of all tenants.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.values().flat_map(|clients| &clients.all)
    }

    /// The clients of a policy: those that it names, and those that have one of its tags.
    pub fn clients_of<'a>(&'a self, policy: &'a Policy) -> impl Iterator<Item = &'a Client> {
        self.clients.get(&policy.tenant).into_iter().flat_map(|clients| clients.of(&policy.spec))
    }

    /// The schedule that a policy names.
    pub fn schedule_of(&self, policy: &Policy) -> Option<&Schedule> {
        self.schedules.get(&(policy.tenant, policy.spec.schedule.clone()?))
    }

    /// The repository that a policy names.
    pub fn repository_of(&self, policy: &Policy) -> Option<&Repository> {
        self.repositories.get(&(policy.tenant, policy.spec.repository.clone()))
    }

    /// What keeps a run of a policy from starting.
    pub(crate) fn overlap_of(&self, policy: &Policy) -> Overlap {
        self.tenants.get(&policy.tenant).map(|tenant| tenant.spec.overlap).unwrap_or_default()
    }

    /// What is to be done about the policies at `now`.
    pub(crate) fn steps(&self, now: Time) -> Vec<Step> {
        let scheduled = |policy| {
            let policy: &Policy = policy;
            Some(Scheduled {
                policy: policy.uid,
                schedule: &self.schedule_of(policy)?.spec,
                is_active: self.idle(policy, now).is_none(),
                on_missed: policy.spec.on_missed,
                // Nothing is owed from before it was there.
                // A clock that was ahead for a while does not keep anything from running until then.
                accounted: policy.status.accounted.unwrap_or(policy.created).min(now),
            })
        };
        scheduler::due(now, &self.policies.iter().filter_map(scheduled).collect::<Vec<_>>())
    }
}

async fn kept<S: Spec, T>(
    reader: &mut Reader,
    changes: u64,
    before: Option<&Kept<T>>,
    order: impl FnOnce(Vec<Object<S>>) -> T,
) -> Result<Kept<T>, ControlError> {
    if let Some(before) = before.filter(|before| before.changes == changes) {
        return Ok(before.clone());
    }
    let all = reader.all_objects::<S>(&ObjectFilter::default()).await?;
    Ok(Kept { changes, objects: Arc::new(order(all.objects)), unreadable: all.unreadable.into() })
}
