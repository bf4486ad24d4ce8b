//! Snapshots, and what is in them.

use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, SnapshotFile, SnapshotId, TenantUid, Time};
use serde::{Deserialize, Serialize};

/// A snapshot as the server has seen it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Snapshot {
    /// Where it lies.
    pub repository: RepositoryUid,
    /// Its id.
    pub id: SnapshotId,
    /// Whose it is.
    pub tenant: TenantUid,
    /// The client that it is of, if that is known.
    pub client: Option<ClientUid>,
    /// The policy that made it, if one did.
    pub policy: Option<PolicyUid>,
    /// The job that made it, if one did.
    pub job: Option<JobUid>,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// Whether nothing was missing.
    pub complete: bool,
    /// The host that it is stamped with.
    pub hostname: String,
    /// What was backed up.
    pub paths: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Files in it, where that is known.
    pub files: Option<u64>,
    /// Bytes of those.
    pub bytes: Option<u64>,
    /// Bytes that making it added to the repository.
    pub bytes_added: Option<u64>,
}

/// A part of a directory of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileList {
    /// What is in it, by the bytes of the names.
    pub items: Vec<SnapshotFile>,
    /// What to ask for the next part with; `null` on the last one.
    pub next_cursor: Option<String>,
    /// What is wrong with entries that cannot be understood, and are not among the items.
    pub left_out: Vec<String>,
}
