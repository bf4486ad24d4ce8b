//! What is asked to be restored.

use holdfast_model::job::restore::{Manner, RestoreTarget, Select};
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, SnapshotId};
use serde::{Deserialize, Serialize};

/// A restore, or the plan of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRestore {
    /// From which snapshot. Can be left out where a plan says it.
    #[serde(default)]
    pub source: RestoreSource,
    /// What of it: all, if nothing is said.
    #[serde(default)]
    pub select: Select,
    /// Where to.
    pub target: RestoreTarget,
    /// How.
    #[serde(default)]
    pub manner: Manner,
    /// Must be said where files are put where they were, or beneath `/` of a client: what is there is replaced.
    #[serde(default)]
    pub in_place: bool,
    /// Whether only to say what would be done: how much, and which files would be replaced.
    #[serde(default)]
    pub dry_run: bool,
    /// The job that has planned just this: what was planned is what is restored.
    #[serde(default)]
    pub plan: Option<JobUid>,
}

/// A snapshot by repository and id, or the newest of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RestoreSource {
    /// In this repository.
    pub repository: Option<RepositoryUid>,
    /// This one.
    pub snapshot: Option<SnapshotId>,
    /// The newest of this client.
    pub client: Option<ClientUid>,
    /// The newest of this policy.
    pub policy: Option<PolicyUid>,
}
