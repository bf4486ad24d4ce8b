//! Does what a plan says, in an order in which everything that is named is there: first what is needed, last what needs it;
//! removed the other way round.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use holdfast_api::SettingsChange;
use holdfast_api::client::Resource;
use holdfast_model::object::Kind;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{Name, RepositoryUid, TenantUid};

use super::document::Entry;
use super::plan::{Change, Plan, Steps};
use super::state::State;
use crate::commands::api::Session;

/// Does it, and counts in `done` how far it came. Gives back the repositories that are to be looked into: that were made, or
/// are reached in another way.
pub fn carry_out(
    session: &Session<'_>,
    state: &State,
    plan: Plan,
    done: &mut usize,
) -> Result<Vec<(Name, RepositoryUid)>> {
    let Plan { tenants, schedules, repositories, clients, policies, keys, settings, .. } = plan;
    let known = state.tenants.iter().map(|tenant| (tenant.spec.name.to_string(), tenant.id));
    let elsewhere = repositories.changed.iter().filter(|change| change.after.enabled && is_reached_otherwise(change));
    let elsewhere = elsewhere.map(|change| (change.after.name.clone(), change.before.id)).collect();
    let mut work = Work { session, tenants: known.collect(), to_look_into: elsewhere, done };
    let tenants = work.make(tenants)?;
    let schedules = work.make(schedules)?;
    let repositories = work.make(repositories)?;
    let clients = work.make(clients)?;
    for new in keys {
        let accepted = session.api.accept_host_keys(new.client, &new.after);
        accepted.with_context(|| format!("the host keys of {}", new.name))?;
        *work.done += 1;
    }
    let policies = work.make(policies)?;
    if !settings.is_empty() {
        session.api.change_settings(&SettingsChange(settings)).context("the settings")?;
        *work.done += 1;
    }
    work.remove(policies)?;
    work.remove(clients)?;
    work.remove(repositories)?;
    work.remove(schedules)?;
    work.remove(tenants)?;
    Ok(work.to_look_into)
}

/// Whether it is at another place, or opened with another secret.
fn is_reached_otherwise(change: &Change<RepositorySpec>) -> bool {
    let (before, after) = (&change.before.spec, &change.after);
    let way = |spec: &RepositorySpec| {
        (spec.uri.clone(), spec.hot.clone(), spec.password.clone(), spec.credentials.clone(), spec.enabled)
    };
    way(before) != way(after)
}

struct Work<'a, 'b> {
    session: &'a Session<'b>,
    tenants: BTreeMap<String, TenantUid>,
    to_look_into: Vec<(Name, RepositoryUid)>,
    done: &'a mut usize,
}

impl Work<'_, '_> {
    /// Adds and changes, and gives back what is to be removed later.
    fn make<S: Resource>(&mut self, steps: Steps<S>) -> Result<Vec<holdfast_api::Object<S>>> {
        for entry in steps.added {
            self.session.context.cancel.check()?;
            let told = format!("the {} {}", S::KIND, entry.spec.name());
            self.add(entry).context(told)?;
            *self.done += 1;
        }
        for change in steps.changed {
            self.session.context.cancel.check()?;
            let told = format!("the {} {}", S::KIND, change.before.spec.name());
            self.session.api.replace(change.before.id, change.before.revision, change.after).context(told)?;
            *self.done += 1;
        }
        Ok(steps.removed)
    }

    fn add<S: Resource>(&mut self, entry: Entry<S>) -> Result<()> {
        let name = entry.spec.name().clone();
        let is_enabled = entry.spec.is_enabled();
        let tenant = match S::KIND {
            Kind::Tenant => None,
            _ => Some(*self.tenants.get(&entry.tenant).context("its tenant is not there")?),
        };
        let object = self.session.api.create(entry.spec, tenant)?;
        // Each kind has its own type of ids; which one this is, is known by its text.
        if S::KIND == Kind::Tenant {
            self.tenants.insert(name.to_string(), object.tenant);
        } else if S::KIND == Kind::Repository && is_enabled {
            self.to_look_into.push((name, object.id.to_string().parse().context("its id is none of a repository")?));
        } else if let Some(keys) = entry.accepted.filter(|keys| !keys.is_empty()) {
            let client = object.id.to_string().parse().context("its id is none of a client")?;
            self.session.api.accept_host_keys(client, &keys).context("its host keys")?;
        }
        Ok(())
    }

    fn remove<S: Resource>(&mut self, removed: Vec<holdfast_api::Object<S>>) -> Result<()> {
        for object in removed {
            self.session.context.cancel.check()?;
            let told = || format!("the {} {}", S::KIND, object.spec.name());
            self.session.api.remove::<S>(object.id, object.revision).with_context(told)?;
            *self.done += 1;
        }
        Ok(())
    }
}
