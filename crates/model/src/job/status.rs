//! Where a job stands, which ways lead from there, and what it waits for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::object::Kind;
use crate::{JobUid, Name, Time};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It starts as soon as there is room and time.
    Queued,
    /// It cannot start before another job has ended, or somebody has decided something.
    Blocked,
    /// Somebody works on it.
    Running,
    /// It did all of it.
    Succeeded,
    /// It did what could be done; something is missing, and named.
    Warning,
    /// It did not do it.
    Failed,
    /// Somebody did not want it any more.
    Cancelled,
    /// It was not begun, for a reason.
    Skipped,
    /// Whoever worked on it is gone, and what it did is not to be found.
    Lost,
}

/// A way that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {from} cannot become {to}")]
pub struct TransitionError {
    /// Where it stands.
    pub from: JobStatus,
    /// Where it should have come.
    pub to: JobStatus,
}

/// What a job waits for, or why it was skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Waiting {
    /// Its time.
    Time {
        /// When that is.
        #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
        at: Time,
    },
    /// A window in which it may start.
    Window {
        /// When that begins; `None` if it never does.
        #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
        at: Option<Time>,
    },
    /// Something that it needs, which is disabled.
    Disabled {
        /// What.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        kind: Kind,
        /// Its name.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        name: Name,
    },
    /// A job that has to end well before.
    Job {
        /// Which.
        job: JobUid,
    },
    /// Its client, with which another job is at work.
    Client {
        /// Which.
        job: JobUid,
    },
    /// A place among the jobs of its repository, or that all others there have ended.
    Repository,
    /// A place among all jobs.
    Slot,
    /// A run of the same policy, or of the same tenant, that has not ended.
    Overlap {
        /// A job of that run.
        job: JobUid,
    },
    /// Nobody could begin it when it was due, and it is not to be made up for.
    Missed {
        /// How many times it was due.
        runs: u32,
        /// The first of them.
        #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
        first: Time,
        /// The last of them.
        #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
        last: Time,
    },
}

impl JobStatus {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Blocked,
        Self::Running,
        Self::Succeeded,
        Self::Warning,
        Self::Failed,
        Self::Cancelled,
        Self::Skipped,
        Self::Lost,
    ];

    /// As it stands in messages and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Blocked => "blocked",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Lost => "lost",
        }
    }

    /// Whether nothing more will come of it.
    pub const fn is_finished(self) -> bool {
        !matches!(self, Self::Queued | Self::Blocked | Self::Running)
    }

    /// Whether what it was to do is done, if not wholly.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Succeeded | Self::Warning)
    }

    /// Goes from here to there, if there is such a way.
    pub fn to(self, to: Self) -> Result<Self, TransitionError> {
        use JobStatus::{Blocked, Cancelled, Failed, Lost, Queued, Running, Skipped, Succeeded, Warning};
        let is_way = match self {
            Queued => matches!(to, Blocked | Running | Failed | Cancelled | Skipped),
            Blocked => matches!(to, Queued | Failed | Cancelled | Skipped),
            // Back to the queue: a window closed, or the server stops in order.
            Running => matches!(to, Queued | Succeeded | Warning | Failed | Cancelled | Lost),
            Succeeded | Warning | Failed | Cancelled | Skipped | Lost => false,
        };
        if is_way { Ok(to) } else { Err(TransitionError { from: self, to }) }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time { at } => write!(f, "starts at {at}"),
            Self::Window { at: Some(at) } => write!(f, "waits for its window, which begins at {at}"),
            Self::Window { at: None } => f.write_str("waits for a window that never begins"),
            Self::Disabled { kind, name } => write!(f, "waits until its {kind} {name} is enabled"),
            Self::Job { job } => write!(f, "waits for job {job}"),
            Self::Client { job } => write!(f, "waits for its client, with which job {job} is at work"),
            Self::Repository => f.write_str("waits for its repository, where others are at work"),
            Self::Slot => f.write_str("waits for one of the other jobs to end"),
            Self::Overlap { job } => write!(f, "the run before has not ended: job {job}"),
            Self::Missed { runs: 1, first, .. } => write!(f, "missed at {first}"),
            Self::Missed { runs, first, last } => write!(f, "missed {runs} times, from {first} to {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_stays_as_it_is() {
        for from in JobStatus::ALL.into_iter().filter(|status| status.is_finished()) {
            for to in JobStatus::ALL {
                assert_eq!(from.to(to), Err(TransitionError { from, to }));
            }
        }
    }

    #[test]
    fn every_job_can_end_and_only_one_that_runs_can_succeed() {
        for from in JobStatus::ALL.into_iter().filter(|status| !status.is_finished()) {
            assert!(from.to(JobStatus::Cancelled).is_ok(), "{from}");
            assert!(from.to(JobStatus::Failed).is_ok(), "{from}");
            assert_eq!(from.to(JobStatus::Succeeded).is_ok(), from == JobStatus::Running);
            assert_eq!(from.to(JobStatus::Lost).is_ok(), from == JobStatus::Running);
        }
    }
}
