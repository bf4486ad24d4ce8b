//! What a retention keeps, before it counts.

use holdfast_model::retention::Retention;
use holdfast_model::schedule::{Cron, Zone};
use holdfast_model::{ClientUid, PolicyUid, SnapshotId, Time};
use serde::{Deserialize, Serialize};

/// A retention, or the draft of one, of which one wants to know what it keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionPreview {
    /// The draft; the policy's own, if nothing is said.
    #[serde(default)]
    pub retention: Option<Retention>,
    /// The policy whose snapshots are looked at, of one client.
    #[serde(default)]
    pub policy: Option<PolicyUid>,
    /// The client.
    #[serde(default)]
    pub client: Option<ClientUid>,
    /// Without a client, snapshots are made up: one at each of these times.
    #[serde(default)]
    pub cron: Option<Cron>,
    /// Where those are times of the day.
    #[serde(default)]
    pub time_zone: Option<Zone>,
    /// For so many days back.
    #[serde(default = "days")]
    #[schema(minimum = 1, maximum = 3660)]
    pub days: u32,
}

/// What becomes of snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RetentionForecast {
    /// The retention in words.
    pub in_words: String,
    /// How many stay.
    pub kept: u32,
    /// How many go at once.
    pub removed: u32,
    /// Each of them, the newest first.
    pub snapshots: Vec<ForeseenSnapshot>,
}

/// What becomes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ForeseenSnapshot {
    /// Its id; null if it is made up.
    pub snapshot: Option<SnapshotId>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub time: Time,
    /// Why it stays; it goes at once, if there is no reason.
    pub reasons: Vec<String>,
    /// When it goes, if backups go on as planned; null if that is farther away than was looked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub goes: Option<Time>,
}

const fn days() -> u32 {
    400
}
