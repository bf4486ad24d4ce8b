//! A client: a machine that is backed up.
//!
//! Its hostname is all that must be said. What it said of itself is kept apart, as facts, and decides nothing.

mod checklist;
mod connection;
mod facts;
mod host_key;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::object::{Kind, Object, Spec};
use crate::{ClientUid, Name, SnapshotId, Tag, Time, WeekSpan};

pub use checklist::{Checked, Found, Step};
pub use connection::{AgentMode, Connection, ConnectionError, SshOptions};
pub use facts::{Facts, FileSystem, Service};
pub use host_key::{HostKey, HostKeys, ParseHostKeyError};

/// A client as it is kept.
pub type Client = Object<ClientSpec>;

/// A client as a person says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientSpec {
    /// What its snapshots are stamped with, and, if nothing else is said, the address that `ssh` is given.
    pub hostname: Name,
    /// How it is reached.
    #[serde(default)]
    pub connection: Connection,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// By which policies and people find it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Tag>))]
    pub tags: BTreeSet<Tag>,
    /// Whether it is backed up.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// Clients of one group may share what they have in common; alone if nothing is said.
    #[serde(default)]
    pub trust_group: Option<Name>,
    /// Bytes that its snapshots may add to a repository. A backup that sends more is ended without a snapshot.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
    /// How fast it may send, by time of the week; the first that applies counts.
    #[serde(default)]
    pub bandwidth: Vec<BandwidthLimit>,
}

/// How fast a client may send at some times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BandwidthLimit {
    /// When.
    pub when: WeekSpan,
    /// Bytes a second, at least 1.
    #[cfg_attr(feature = "schema", schema(value_type = u64, minimum = 1))]
    pub bytes_per_second: std::num::NonZeroU64,
}

/// What the server knows of a client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ClientStatus {
    /// When it was found or said to be ready for backups; `None` while it is not.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub ready_since: Option<Time>,
    /// The agent that was there when it was.
    pub agent_version: Option<String>,
    /// What it said of itself.
    pub facts: Option<Facts>,
    /// The release of the server that prepared it last.
    pub prepared_by: Option<String>,
    /// What was looked at when it was prepared last.
    pub checklist: Vec<Checked>,
    /// The keys it has shown, and those that are believed.
    pub host_keys: HostKeys,
    /// The last proof that its files can be restored.
    pub proven: Option<Proven>,
    /// The token with which it can say, once, that it is ready.
    pub ready_by: Option<ReadyToken>,
}

/// What is kept of a token with which a client can say, once, that it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReadyToken {
    /// Its SHA-256: the token itself stands in the log of the job that has made it, and nowhere else.
    pub sha256: String,
    /// From then on it is worth nothing.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub good_until: Time,
}

/// A proof that files of a client can be restored: some were, and were as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Proven {
    /// When.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub at: Time,
    /// Of which snapshot.
    pub snapshot: SnapshotId,
    /// Files that were restored.
    pub files: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Those of them that the client itself has, unchanged.
    #[serde(default)]
    pub as_on_client: u64,
}

fn enabled() -> bool {
    true
}

impl ClientSpec {
    /// A client of which nothing but the name is said.
    pub fn new(hostname: Name) -> Self {
        Self {
            hostname,
            connection: Connection::default(),
            description: String::new(),
            tags: BTreeSet::new(),
            enabled: true,
            trust_group: None,
            quota_bytes: None,
            bandwidth: Vec::new(),
        }
    }
}

impl Spec for ClientSpec {
    type Uid = ClientUid;
    type Status = ClientStatus;

    const KIND: Kind = Kind::Client;

    fn name(&self) -> &Name {
        &self.hostname
    }

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn tags(&self) -> Vec<&Tag> {
        self.tags.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostname_is_all_that_must_be_said() {
        let client: ClientSpec = serde_json::from_str(r#"{"hostname": "web1"}"#).unwrap();
        assert_eq!(client, ClientSpec::new("web1".parse().unwrap()));
        assert!(client.enabled);
    }

    #[test]
    fn what_is_misspelt_is_not_passed_over() {
        let error = serde_json::from_str::<ClientSpec>(r#"{"hostname": "web1", "quota": 5}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `quota`"), "{error}");
    }

    #[test]
    fn a_client_is_read_back_as_written() {
        let json = r#"{"hostname": "web1", "tags": ["b", "a"], "trust_group": "web", "quota_bytes": 5,
            "connection": {"user": "backup", "port": 2222, "sudo": true, "jump_host": "gate"},
            "bandwidth": [{"when": "mon-fri 08:00-18:00", "bytes_per_second": 1000000}]}"#;
        let client: ClientSpec = serde_json::from_str(json).unwrap();
        assert_eq!(client, serde_json::from_str(&serde_json::to_string(&client).unwrap()).unwrap());
        assert!(serde_json::from_str::<ClientSpec>(&json.replace("1000000", "0")).is_err(), "it would never end");
    }
}
