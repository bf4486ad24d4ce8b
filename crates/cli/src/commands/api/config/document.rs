//! A configuration as a person wrote it: what it holds, each part where it belongs, nothing unknown, no name twice.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use holdfast_model::Name;
use holdfast_model::client::{ClientSpec, HostKey};
use holdfast_model::object::{Kind, Spec};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use serde_json::{Map, Value};

/// Whose an object is.
pub const TENANT: &str = "tenant";
/// Which host keys of a client are believed.
pub const ACCEPTED: &str = "accepted_host_keys";
/// Whose everything is of which nothing is said.
pub const DEFAULT_TENANT: &str = "default";

const PARTS: [&str; 7] = ["version", "tenants", "schedules", "repositories", "clients", "policies", "settings"];

/// What an export that failed leaves behind is an empty file, which would take everything away with `--prune`.
const BEGINNING: &str = "a configuration begins with `version: 1`, as `holdfast export` writes it";

/// A configuration.
pub struct Document {
    pub tenants: Vec<Entry<TenantSpec>>,
    pub schedules: Vec<Entry<ScheduleSpec>>,
    pub repositories: Vec<Entry<RepositorySpec>>,
    pub clients: Vec<Entry<ClientSpec>>,
    pub policies: Vec<Entry<PolicySpec>>,
    /// `None`, if nothing is said of settings.
    pub settings: Option<Map<String, Value>>,
}

/// An object.
pub struct Entry<S: Spec> {
    /// Whose it is, by name; a tenant is its own.
    pub tenant: String,
    pub spec: S,
    /// Of a client, if anything is said of them.
    pub accepted: Option<Vec<HostKey>>,
}

impl Document {
    /// Reads a configuration.
    pub fn read(value: &Value) -> Result<Self> {
        let parts = match value {
            Value::Null => bail!("it says nothing: {BEGINNING}"),
            Value::Object(parts) => parts,
            _ => bail!("a configuration has parts: {}", PARTS.join(", ")),
        };
        if let Some(name) = parts.keys().find(|name| !PARTS.contains(&name.as_str())) {
            match holdfast_model::nearest(name, &PARTS) {
                Some(near) => bail!("there is no part {name} in a configuration; is {near} meant?"),
                None => bail!("there is no part {name} in a configuration; there are {}", PARTS.join(", ")),
            }
        }
        match parts.get("version") {
            None => bail!("it does not say its version: {BEGINNING}"),
            Some(version) if *version != 1 => bail!("version is {version}: this program reads version 1"),
            Some(_) => {}
        }
        let settings = match parts.get("settings") {
            None => None,
            Some(Value::Null) => Some(Map::new()),
            Some(Value::Object(settings)) => Some(settings.clone()),
            Some(_) => bail!("settings must have names and values"),
        };
        Ok(Self {
            tenants: entries(parts, "tenants")?,
            schedules: entries(parts, "schedules")?,
            repositories: entries(parts, "repositories")?,
            clients: entries(parts, "clients")?,
            policies: entries(parts, "policies")?,
            settings,
        })
    }
}

fn entries<S: Spec>(parts: &Map<String, Value>, part: &str) -> Result<Vec<Entry<S>>> {
    let items = match parts.get(part) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => bail!("{part} must be a list"),
    };
    let (mut entries, mut seen) = (Vec::new(), BTreeSet::new());
    for (number, item) in items.iter().enumerate() {
        let entry: Entry<S> = entry(item).with_context(|| {
            let name = item.get("name").or_else(|| item.get("hostname")).and_then(Value::as_str);
            format!("{part}, number {}{}", number + 1, name.map(|name| format!(" ({name})")).unwrap_or_default())
        })?;
        let name = entry.spec.name().clone();
        if !seen.insert((entry.tenant.clone(), name.clone())) {
            bail!("{part}: {name} is there twice");
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry<S: Spec>(item: &Value) -> Result<Entry<S>> {
    let mut fields = item.as_object().context("it must have fields")?.clone();
    let tenant = match fields.remove(TENANT).filter(|_| S::KIND != Kind::Tenant) {
        None => DEFAULT_TENANT.to_owned(),
        Some(value) => serde_json::from_value::<Name>(value).context(TENANT)?.to_string(),
    };
    let accepted = match fields.remove(ACCEPTED).filter(|_| S::KIND == Kind::Client) {
        None => None,
        Some(value) => {
            let mut keys: Vec<HostKey> = serde_json::from_value(value).context(ACCEPTED)?;
            keys.sort();
            keys.dedup();
            Some(keys)
        }
    };
    let spec: S = serde_json::from_value(fields.into())?;
    let tenant = if S::KIND == Kind::Tenant { spec.name().to_string() } else { tenant };
    Ok(Entry { tenant, spec, accepted })
}
