//! What people configure: clients, repositories, schedules, policies, tenants. Each is a *spec*, which a person says, and a
//! *status*, which the server found out; only the first counts as a change of the object.
//!
//! Specs name each other by name, so that the same text serves the API, a file in version control and the database. Within
//! a tenant and a kind a name is given once.

use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Name, ParseUidError, Tag, TenantUid, Time};

/// What a person says of one kind of object.
pub trait Spec: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What such objects are called by.
    type Uid: Copy + Eq + Ord + Hash + fmt::Display + FromStr<Err = ParseUidError> + Send + Sync + 'static;
    /// What the server finds out about one.
    type Status: Clone + fmt::Debug + PartialEq + Default + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The kind.
    const KIND: Kind;

    /// What it is called.
    fn name(&self) -> &Name;

    /// Whether it takes part.
    fn is_enabled(&self) -> bool;

    /// What finds it in lists.
    fn tags(&self) -> Vec<&Tag> {
        Vec::new()
    }

    /// The objects that it names, which must exist as long as it does.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// Follows an object that it names to a new name.
    fn follow(&mut self, from: &Reference, to: &Name) {
        let _ = (from, to);
    }
}

/// The kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A customer.
    Tenant,
    /// A machine that is backed up.
    Client,
    /// A store of backups.
    Repository,
    /// A time to do things.
    Schedule,
    /// What is backed up where, when, and kept for how long.
    Policy,
}

/// An object that another names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub name: Name,
}

/// An object as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<S: Spec> {
    /// Its id.
    pub uid: S::Uid,
    /// Whose it is; a tenant is its own.
    pub tenant: TenantUid,
    /// Counts the changes of the spec, from 1 on.
    pub revision: u64,
    /// When it was made.
    pub created: Time,
    /// When the spec was changed last.
    pub modified: Time,
    /// What a person said.
    pub spec: S,
    /// What the server found out.
    pub status: S::Status,
}

impl Kind {
    /// As it stands in addresses, messages and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Client => "client",
            Self::Repository => "repository",
            Self::Schedule => "schedule",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
