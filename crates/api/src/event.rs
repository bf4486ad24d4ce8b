//! What happens, as it is told to those who watch.

use holdfast_model::job::JobProgress;
use holdfast_model::{JobUid, TenantUid, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::LogLine;

/// Something that happened. Numbers have no gaps: whoever has seen one has seen all before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Event {
    /// Its number.
    pub number: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// What it is about: a kind of objects, or `job`.
    pub topic: String,
    /// Whose it is.
    pub tenant: TenantUid,
    /// The id of what it happened to.
    pub subject: String,
    /// What happened to it.
    #[schema(value_type = Object)]
    pub body: Value,
}

/// Events, from a number on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventList {
    /// The oldest first.
    pub events: Vec<Event>,
    /// The number after which to ask for more.
    pub last: u64,
    /// Whether some were forgotten before they could be told: read anew what they may have been about.
    pub is_incomplete: bool,
}

/// What goes over the WebSocket, one JSON document a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told {
    /// First of all: up to where events have come, and whether some were forgotten before.
    Hello {
        /// The number of the newest event. Those up to it that were asked for follow.
        newest: u64,
        /// Whether some that were asked for are no longer kept: read anew what they may have been about.
        is_incomplete: bool,
    },
    /// Something happened.
    Event(Event),
    /// How far a job is. Not kept, and not numbered.
    Progress {
        /// The job.
        job: JobUid,
        /// How far it is.
        progress: JobProgress,
    },
    /// Lines of the log of the job that was asked for.
    Log {
        /// The job.
        job: JobUid,
        /// The lines.
        lines: Vec<LogLine>,
    },
}
