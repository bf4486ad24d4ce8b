//! The document of a lock: restic's fields, and one of ours that restic passes over.

use holdfast_model::{LockId, Timestamp};
use serde::{Deserialize, Serialize};

use super::LockInfo;
use super::guard::REFRESH_AFTER;
use crate::process::{Life, Process};
use crate::time::ZonedTime;

/// A lock as it stands in the repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LockDocument {
    pub(crate) time: ZonedTime,
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    pid: i32,
    #[serde(default, skip_serializing_if = "is_zero")]
    uid: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    gid: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holdfast: Option<Ours>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ours {
    /// Since when the session runs: `time` is renewed with each refresh.
    started: ZonedTime,
    #[serde(flatten)]
    life: Life,
}

impl LockDocument {
    pub(super) fn new(process: &Process, exclusive: bool, now: Timestamp) -> Self {
        let process = process.clone();
        Self {
            time: now.into(),
            exclusive,
            hostname: process.hostname,
            username: process.username,
            pid: process.pid,
            uid: process.uid,
            gid: process.gid,
            holdfast: Some(Ours { started: now.into(), life: process.life }),
        }
    }

    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// Since when the session runs.
    pub(super) fn started(&self) -> Option<Timestamp> {
        self.holdfast.as_ref().map(|ours| ours.started.at)
    }

    pub(super) fn into_info(self, id: LockId, us: &Process, now: Timestamp) -> LockInfo {
        let who = (&*self.hostname, self.pid, self.holdfast.as_ref().map(|ours| &ours.life));
        let dead = us.knows_dead(who, self.time.at, now, REFRESH_AFTER);
        LockInfo {
            id,
            time: self.time,
            exclusive: self.exclusive,
            hostname: self.hostname,
            username: self.username,
            pid: self.pid,
            started: self.holdfast.map(|ours| ours.started),
            dead,
        }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
