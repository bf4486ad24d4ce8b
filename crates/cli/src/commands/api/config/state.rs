//! What a server is configured to be now, and the same as a text.

use std::collections::BTreeMap;

use anyhow::Result;
use holdfast_api::client::{ApiError, ObjectQuery, Resource};
use holdfast_api::{Client, Object, Origin, Policy, Repository, Schedule, Tenant};
use holdfast_model::TenantUid;
use holdfast_model::object::Spec;
use serde_json::{Map, Value, json};

use super::document::{ACCEPTED, DEFAULT_TENANT, TENANT};
use crate::commands::api::{Session, yaml};

/// All that can be configured, as it is.
pub struct State {
    pub tenants: Vec<Tenant>,
    pub schedules: Vec<Schedule>,
    pub repositories: Vec<Repository>,
    pub clients: Vec<Client>,
    pub policies: Vec<Policy>,
    /// Those that somebody made.
    pub settings: BTreeMap<String, Value>,
}

impl State {
    /// Asks the server for all of it.
    pub fn read(session: &Session<'_>) -> Result<Self, ApiError> {
        let settings = session.api.settings()?.settings.into_iter();
        let made = settings.filter(|(_, setting)| setting.origin == Origin::Made);
        Ok(Self {
            tenants: all(session)?,
            schedules: all(session)?,
            repositories: all(session)?,
            clients: all(session)?,
            policies: all(session)?,
            settings: made.map(|(name, setting)| (name, setting.value)).collect(),
        })
    }

    /// What a tenant is called.
    pub fn tenant_name(&self, uid: TenantUid) -> &str {
        self.tenants.iter().find(|tenant| tenant.id == uid).map_or("", |tenant| tenant.spec.name.as_str())
    }

    /// All of it as `apply` takes it.
    pub fn export(&self) -> Result<Value> {
        let mut whole = Map::new();
        whole.insert("version".into(), json!(1));
        let mut add = |name: &str, items: Vec<Value>| {
            if !items.is_empty() {
                whole.insert(name.into(), items.into());
            }
        };
        add("tenants", self.tenants.iter().map(|tenant| yaml::minimal(&tenant.spec)).collect());
        add("schedules", self.items(&self.schedules));
        add("repositories", self.items(&self.repositories));
        let mut clients = self.items(&self.clients);
        let mut sorted: Vec<_> = self.clients.iter().collect();
        sorted.sort_by_key(|client| (self.tenant_name(client.tenant), client.spec.name()));
        for (item, client) in clients.iter_mut().zip(sorted) {
            let mut keys = client.status.host_keys.accepted.clone();
            keys.sort();
            if !keys.is_empty() {
                item[ACCEPTED] = json!(keys);
            }
        }
        add("clients", clients);
        add("policies", self.items(&self.policies));
        if !self.settings.is_empty() {
            whole.insert("settings".into(), yaml::minimal_settings(&self.settings));
        }
        Ok(whole.into())
    }

    /// Objects by tenant and name.
    fn items<S: Spec>(&self, objects: &[Object<S>]) -> Vec<Value> {
        let mut sorted: Vec<_> = objects.iter().collect();
        sorted.sort_by_key(|object| (self.tenant_name(object.tenant), object.spec.name()));
        let item = |object: &&Object<S>| {
            let mut item = yaml::minimal(&object.spec);
            let tenant = self.tenant_name(object.tenant);
            if tenant != DEFAULT_TENANT {
                item[TENANT] = json!(tenant);
            }
            item
        };
        sorted.iter().map(item).collect()
    }
}

fn all<S: Resource>(session: &Session<'_>) -> Result<Vec<Object<S>>, ApiError> {
    session.api.list(&ObjectQuery::default())
}
