//! From what is and what is wanted to what must be done: added, changed field by field, removed.
//!
//! Nothing is asked and nothing done here.

mod shown;

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Result, bail};
use holdfast_api::Object;
use holdfast_api::client::Resource;
use holdfast_model::client::{ClientSpec, HostKey};
use holdfast_model::object::{Kind, Spec};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{ClientUid, Name, Settings};
use serde_json::Value;

use super::document::{ACCEPTED, DEFAULT_TENANT, Document, Entry};
use super::state::State;

/// What must be done.
pub struct Plan {
    pub tenants: Steps<TenantSpec>,
    pub schedules: Steps<ScheduleSpec>,
    pub repositories: Steps<RepositorySpec>,
    pub clients: Steps<ClientSpec>,
    pub policies: Steps<PolicySpec>,
    /// Keys of clients that are there.
    pub keys: Vec<NewKeys>,
    /// What becomes of settings; `null` takes one back to its default.
    pub settings: BTreeMap<String, Value>,
    /// What they are now.
    settings_before: BTreeMap<String, Value>,
}

/// What must be done with the objects of a kind.
pub struct Steps<S: Spec> {
    pub added: Vec<Entry<S>>,
    pub changed: Vec<Change<S>>,
    pub removed: Vec<Object<S>>,
}

/// An object that is to become another.
pub struct Change<S: Spec> {
    pub before: Object<S>,
    pub after: S,
    pub differences: Vec<Difference>,
}

/// Keys that are to be believed.
pub struct NewKeys {
    pub client: ClientUid,
    pub name: String,
    pub before: Vec<HostKey>,
    pub after: Vec<HostKey>,
}

/// A field that has another value.
#[derive(Debug, PartialEq, serde::Serialize)]
pub struct Difference {
    pub field: String,
    pub before: Value,
    pub after: Value,
}

impl Plan {
    /// Compares what is and what is wanted. What is not named goes, if `prune` says so.
    pub fn make(state: &State, document: Document, prune: bool) -> Result<Self> {
        check_tenants(state, &document)?;
        check_references(state, &document, prune)?;
        let mut keys = Vec::new();
        let clients = index(state, &state.clients);
        for entry in &document.clients {
            let client = clients.get(&key_of_entry(entry));
            let (Some(after), Some(client)) = (&entry.accepted, client) else { continue };
            let mut before = client.status.host_keys.accepted.clone();
            before.sort();
            if before != *after && after.is_empty() {
                bail!("{}: {ACCEPTED} is empty; leave it out to keep those that are believed", entry.spec.hostname);
            }
            if before != *after {
                let name = client.spec.hostname.to_string();
                keys.push(NewKeys { client: client.id, name, before, after: after.clone() });
            }
        }
        let mut document = document;
        keep_places(state, &mut document);
        let settings = settings(state, document.settings.as_ref(), prune)?;
        let mut tenants = steps(state, &state.tenants, document.tenants, prune);
        // Everything of which no tenant is said belongs to it.
        tenants.removed.retain(|tenant| tenant.spec.name.as_str() != DEFAULT_TENANT);
        Ok(Self {
            tenants,
            schedules: steps(state, &state.schedules, document.schedules, prune),
            repositories: steps(state, &state.repositories, document.repositories, prune),
            clients: steps(state, &state.clients, document.clients, prune),
            policies: steps(state, &state.policies, document.policies, prune),
            keys,
            settings,
            settings_before: state.settings.clone(),
        })
    }

    /// Whether all is as it should be.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many steps there are.
    pub fn count(&self) -> usize {
        let kinds = self.tenants.count() + self.schedules.count() + self.repositories.count();
        kinds + self.clients.count() + self.policies.count() + self.keys.len() + usize::from(!self.settings.is_empty())
    }
}

impl<S: Spec> Steps<S> {
    fn count(&self) -> usize {
        self.added.len() + self.changed.len() + self.removed.len()
    }
}

/// A repository that is there and of which no address is said stays where it is: its tenant's template made that once.
fn keep_places(state: &State, document: &mut Document) {
    let known = index(state, &state.repositories);
    for entry in document.repositories.iter_mut().filter(|entry| entry.spec.uri.is_empty()) {
        if let Some(before) = known.get(&key_of_entry(entry)) {
            entry.spec.uri.clone_from(&before.spec.uri);
        }
    }
}

/// What objects are told apart by: tenant and name.
type Key = (String, Name);

fn key_of_entry<S: Spec>(entry: &Entry<S>) -> Key {
    (entry.tenant.clone(), entry.spec.name().clone())
}

fn index<'a, S: Spec>(state: &State, objects: &'a [Object<S>]) -> HashMap<Key, &'a Object<S>> {
    let key = |object: &Object<S>| (state.tenant_name(object.tenant).to_owned(), object.spec.name().clone());
    objects.iter().map(|object| (key(object), object)).collect()
}

fn steps<S: Resource>(state: &State, objects: &[Object<S>], wanted: Vec<Entry<S>>, prune: bool) -> Steps<S> {
    let mut steps = Steps { added: Vec::new(), changed: Vec::new(), removed: Vec::new() };
    let mut known = index(state, objects);
    for entry in wanted {
        match known.remove(&key_of_entry(&entry)) {
            None => steps.added.push(entry),
            Some(before) if before.spec == entry.spec => {}
            Some(before) => {
                let differences = differences(&before.spec, &entry.spec);
                steps.changed.push(Change { before: before.clone(), after: entry.spec, differences });
            }
        }
    }
    if prune {
        let mut left: Vec<_> = known.into_iter().collect();
        left.sort_by(|(a, _), (b, _)| a.cmp(b));
        steps.removed = left.into_iter().map(|(_, object)| object.clone()).collect();
    }
    steps
}

fn differences<T: serde::Serialize>(before: &T, after: &T) -> Vec<Difference> {
    let value = |spec: &T| serde_json::to_value(spec).expect("a spec has text for keys");
    let mut found = Vec::new();
    compare("", &value(before), &value(after), &mut found);
    found
}

fn compare(field: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            found.push(Difference { field: field.to_owned(), before: before.clone(), after: after.clone() });
        }
        return;
    };
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    for name in names {
        let place = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
        let of = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
        compare(&place, &of(old), &of(new), found);
    }
}

/// What becomes of settings.
fn settings(
    state: &State,
    wanted: Option<&serde_json::Map<String, Value>>,
    prune: bool,
) -> Result<BTreeMap<String, Value>> {
    let Some(wanted) = wanted else {
        let all = state.settings.keys().map(|name| (name.clone(), Value::Null));
        return Ok(if prune { all.collect() } else { BTreeMap::new() });
    };
    // Written shorter than the server shows it, a value is still the same.
    let whole = serde_json::from_value::<Settings>(wanted.clone().into());
    let whole = whole.map_err(|error| anyhow::anyhow!("settings: {error}"))?;
    let whole = serde_json::to_value(whole)?;
    let mut changes = BTreeMap::new();
    for name in wanted.keys() {
        if state.settings.get(name) != Some(&whole[name]) {
            changes.insert(name.clone(), whole[name].clone());
        }
    }
    if prune {
        let left = state.settings.keys().filter(|name| !wanted.contains_key(*name));
        changes.extend(left.map(|name| (name.clone(), Value::Null)));
    }
    Ok(changes)
}

/// Whoever something belongs to must be there, or come.
fn check_tenants(state: &State, document: &Document) -> Result<()> {
    let come = document.tenants.iter().map(|tenant| tenant.spec.name.as_str());
    let known: HashSet<&str> = come.chain(state.tenants.iter().map(|tenant| tenant.spec.name.as_str())).collect();
    let schedules = document.schedules.iter().map(|entry| (Kind::Schedule, &entry.tenant, entry.spec.name()));
    let repositories = document.repositories.iter().map(|entry| (Kind::Repository, &entry.tenant, entry.spec.name()));
    let clients = document.clients.iter().map(|entry| (Kind::Client, &entry.tenant, entry.spec.name()));
    let policies = document.policies.iter().map(|entry| (Kind::Policy, &entry.tenant, entry.spec.name()));
    for (kind, tenant, name) in schedules.chain(repositories).chain(clients).chain(policies) {
        if !known.contains(tenant.as_str()) {
            bail!("the {kind} {name} belongs to the tenant {tenant}, which is not there: name it under tenants");
        }
    }
    Ok(())
}

/// What a policy names must be there, or come, before anything is changed.
fn check_references(state: &State, document: &Document, prune: bool) -> Result<()> {
    fn names<S: Spec>(state: &State, old: &[Object<S>], new: &[Entry<S>], prune: bool) -> HashSet<Key> {
        let stay = if prune { HashMap::new() } else { index(state, old) };
        new.iter().map(key_of_entry).chain(stay.into_keys()).collect()
    }
    let schedules = names(state, &state.schedules, &document.schedules, prune);
    let repositories = names(state, &state.repositories, &document.repositories, prune);
    let clients = names(state, &state.clients, &document.clients, prune);
    for policy in &document.policies {
        for reference in policy.spec.references() {
            let key = (policy.tenant.clone(), reference.name.clone());
            let found = match reference.kind {
                Kind::Schedule => schedules.contains(&key),
                Kind::Repository => repositories.contains(&key),
                Kind::Client => clients.contains(&key),
                Kind::Tenant | Kind::Policy => true,
            };
            if !found {
                bail!("the policy {} names the {reference}, which is not there", policy.spec.name);
            }
        }
    }
    Ok(())
}
