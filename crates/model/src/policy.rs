//! A policy: what of which clients is backed up, where to, when, and how long it is kept.

mod hooks;
mod limits;
mod work;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::object::{Kind, Object, Reference, Spec};
use crate::retention::Retention;
use crate::{Name, PolicyUid, Tag, Time};

pub use hooks::{Hook, HookSet, Hooks};
pub use limits::{Retries, Timeouts, Windows};
pub use work::{Excludes, Folders, PathError, RootPath, Work, WorkKind};

/// A policy as it is kept.
pub type Policy = Object<PolicySpec>;

/// A policy as a person says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// What it is called.
    pub name: Name,
    /// What is backed up.
    pub work: Work,
    /// The schedule by which it runs; only when somebody says so, if none is named.
    #[serde(default)]
    pub schedule: Option<Name>,
    /// The repository in which it is stored.
    pub repository: Name,
    /// Clients, by hostname.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Name>))]
    pub clients: BTreeSet<Name>,
    /// All clients that have one of these tags.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Tag>))]
    pub client_tags: BTreeSet<Tag>,
    /// Which snapshots stay; what the server's settings say, if nothing is said.
    #[serde(default)]
    pub retention: Option<Retention>,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Whose jobs come first: those with the higher number.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(minimum = -128, maximum = 127))]
    pub priority: i8,
    /// When its jobs may start, and when they must pause.
    #[serde(default)]
    pub windows: Windows,
    /// What becomes of a job that failed.
    #[serde(default)]
    pub retries: Retries,
    /// How long a job may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// What is run before and after.
    #[serde(default)]
    pub hooks: Hooks,
    /// What is left out.
    #[serde(default)]
    pub excludes: Excludes,
    /// What becomes of a run that was missed, because the server or the client was away.
    #[serde(default)]
    pub on_missed: OnMissed,
    /// Whether it runs.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// What becomes of a run that was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnMissed {
    /// It is made up for once, however many were missed, as soon as that is possible.
    #[default]
    CatchUp,
    /// It is noted.
    Skip,
}

/// What the server knows of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PolicyStatus {
    /// Up to this time every run that was due has been started, or noted as missed. `None` until the first was due.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub accounted: Option<Time>,
    /// What is to come, as it is when it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
}

/// What is to come of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Outlook {
    /// How many enabled clients it has, by name or by tag.
    pub clients: u64,
    /// When it is due next; null if it will not run by itself.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub next: Option<Time>,
    /// Why it will not run by itself, in words; null if it will.
    pub idle: Option<String>,
}

/// Why a policy will not run by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Idle {
    /// It is switched off.
    #[error("the policy is disabled")]
    Disabled,
    /// It has no schedule.
    #[error("the policy has no schedule: it runs when somebody starts it")]
    NoSchedule,
    /// Something that it needs is switched off.
    #[error("its {kind} {name} is disabled")]
    Needs {
        /// What.
        kind: Kind,
        /// Its name.
        name: Name,
    },
    /// Nobody is left to be backed up.
    #[error("none of its clients is there and enabled")]
    NoClients,
    /// Its schedule has no time in the calendar.
    #[error("its schedule is never due")]
    NeverDue,
}

impl Idle {
    /// Whether nobody can have it run by hand either.
    pub const fn is_hard(&self) -> bool {
        matches!(self, Self::NoClients | Self::Needs { kind: Kind::Tenant | Kind::Repository, .. })
    }
}

fn enabled() -> bool {
    true
}

impl Spec for PolicySpec {
    type Uid = PolicyUid;
    type Status = PolicyStatus;

    const KIND: Kind = Kind::Policy;

    fn name(&self) -> &Name {
        &self.name
    }

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn references(&self) -> Vec<Reference> {
        let reference = |kind| move |name: &Name| Reference { kind, name: name.clone() };
        let schedule = self.schedule.iter().map(reference(Kind::Schedule));
        let clients = self.clients.iter().map(reference(Kind::Client));
        schedule.chain([reference(Kind::Repository)(&self.repository)]).chain(clients).collect()
    }

    fn follow(&mut self, from: &Reference, to: &Name) {
        match from.kind {
            Kind::Schedule if self.schedule.as_ref() == Some(&from.name) => self.schedule = Some(to.clone()),
            Kind::Repository if self.repository == from.name => self.repository = to.clone(),
            Kind::Client if self.clients.remove(&from.name) => {
                self.clients.insert(to.clone());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> PolicySpec {
        let json = r#"{"name": "web", "work": {"type": "folders", "paths": ["/var/www"]}, "repository": "main",
            "schedule": "nightly", "clients": ["web1", "web2"], "retention": {"daily": 7, "monthly": -1}}"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_policy_is_read_back_as_written() {
        let policy = policy();
        assert_eq!(policy, serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap());
        assert_eq!(policy.on_missed, OnMissed::CatchUp);
    }

    #[test]
    fn a_policy_names_what_it_needs_and_follows_it_to_new_names() {
        let mut policy = policy();
        let named = |policy: &PolicySpec| policy.references().iter().map(Reference::to_string).collect::<Vec<_>>();
        assert_eq!(named(&policy), ["schedule nightly", "repository main", "client web1", "client web2"]);
        for reference in policy.references() {
            policy.follow(&reference, &format!("new {}", reference.name).parse().unwrap());
        }
        assert_eq!(
            named(&policy),
            ["schedule new nightly", "repository new main", "client new web1", "client new web2"]
        );
        let before = policy.clone();
        policy.follow(&Reference { kind: Kind::Client, name: "web1".parse().unwrap() }, &"x".parse().unwrap());
        assert_eq!(policy, before);
    }
}
