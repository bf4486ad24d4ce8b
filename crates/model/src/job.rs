//! A job: one piece of work, from the moment it is asked for to what became of it.

mod cause;
mod copy;
mod life;
mod outcome;
mod progress;
pub mod restore;
mod status;

use serde::{Deserialize, Serialize};

use crate::{ClientUid, JobUid, PolicyUid, RepositoryUid, RunUid, TenantUid, Time};

pub use cause::{Cause, JobError};
pub use copy::CopyOrder;
pub use life::NewJob;
pub use outcome::Outcome;
pub use progress::JobProgress;
pub use status::{JobStatus, TransitionError, Waiting};

/// A job as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id, reserved when it is made; the snapshot that it makes carries it.
    pub uid: JobUid,
    /// Whose it is.
    pub tenant: TenantUid,
    /// What is to be done.
    pub kind: JobKind,
    /// The run that it belongs to.
    pub run: RunUid,
    /// The policy that it carries out.
    pub policy: Option<PolicyUid>,
    /// The client that it works with.
    pub client: Option<ClientUid>,
    /// The repository that it works with.
    pub repository: Option<RepositoryUid>,
    /// Why it was made.
    pub launch: Launch,
    /// Who asked for it: a person's name, or `scheduler`.
    pub launched_by: String,
    /// Whose turn comes first: the higher number's.
    pub priority: i8,
    /// The time at which its schedule was due.
    pub due: Option<Time>,
    /// When it was made.
    pub created: Time,
    /// Before this it does not start.
    pub not_before: Time,
    /// It starts only after this one has ended well.
    pub after: Option<JobUid>,
    /// It tries again what this one failed at.
    pub retry_of: Option<JobUid>,
    /// How many tries there were before it.
    pub retries: u32,
    /// What else it needs to know, by kind.
    pub parameters: serde_json::Value,
    /// Where it stands.
    pub status: JobStatus,
    /// What it waits for, as far as that is known; or why it was skipped.
    pub waiting: Option<Waiting>,
    /// Who works on it, or did last.
    pub worker: Option<String>,
    /// Until when that one has said to be at work; after it, anybody may look what became of the job.
    pub lease_until: Option<Time>,
    /// Somebody wants it to end.
    pub cancel_requested: bool,
    /// When somebody began to work on it.
    pub started: Option<Time>,
    /// When it ended.
    pub finished: Option<Time>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Finds out whether a client can be backed up, and what it is.
    Prepare,
    /// Makes a snapshot.
    Backup,
    /// Makes the names in a snapshot searchable.
    Catalog,
    /// Removes the snapshots that the retention does not keep.
    Forget,
    /// Deletes what no snapshot needs.
    Prune,
    /// Looks whether a repository is in order.
    Check,
    /// Gives a snapshot, or a part of it, back.
    Restore,
    /// Proves that newest snapshots can be restored.
    Verify,
    /// Copies snapshots into another repository.
    Copy,
}

/// Why a job was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Launch {
    /// Somebody asked for it.
    Manual,
    /// Its schedule was due.
    Scheduled,
    /// Another job needs it, or leads to it.
    Dependency,
    /// It tries again what failed.
    Retry,
    /// Its schedule was due when nobody could begin it.
    CatchUp,
    /// A program asked for it.
    Api,
}

impl JobKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Prepare,
        Self::Backup,
        Self::Catalog,
        Self::Forget,
        Self::Prune,
        Self::Check,
        Self::Restore,
        Self::Verify,
        Self::Copy,
    ];

    /// As it stands in addresses, messages and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Backup => "backup",
            Self::Catalog => "catalog",
            Self::Forget => "forget",
            Self::Prune => "prune",
            Self::Check => "check",
            Self::Restore => "restore",
            Self::Verify => "verify",
            Self::Copy => "copy",
        }
    }

    /// Whether it needs the repository for itself.
    pub const fn is_exclusive(self) -> bool {
        matches!(self, Self::Prune | Self::Forget)
    }

    /// Whether it holds a session with its client of which there is one at a time.
    pub const fn occupies_client(self) -> bool {
        matches!(self, Self::Prepare | Self::Backup)
    }

    /// Whether it counts as work on the repository, of which there is only so much at a time.
    pub const fn occupies_repository(self) -> bool {
        !matches!(self, Self::Prepare)
    }
}

impl Launch {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Manual, Self::Scheduled, Self::Dependency, Self::Retry, Self::CatchUp, Self::Api];

    /// As it stands in messages and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Scheduled => "scheduled",
            Self::Dependency => "dependency",
            Self::Retry => "retry",
            Self::CatchUp => "catch-up",
            Self::Api => "api",
        }
    }
}

impl std::fmt::Display for JobKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_same_everywhere() {
        for kind in JobKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for launch in Launch::ALL {
            assert_eq!(serde_json::to_value(launch).unwrap(), launch.as_str());
        }
        for status in JobStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
