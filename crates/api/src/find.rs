//! What is found in the snapshots of all clients.

use holdfast_model::{ClientUid, EntryKind, PolicyUid, RepositoryUid, SnapshotId, TenantUid, Time};
use serde::{Deserialize, Serialize};

/// A path that was found. Whatever in it is no text is escaped, as `\xff` or `\n`; a backslash and a double quote have a
/// backslash before them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FoundPath {
    /// Whose it is.
    pub tenant: TenantUid,
    /// The client; `null` if the snapshots are of a host that is no client.
    pub client: Option<ClientUid>,
    /// The host that the newest snapshot is stamped with.
    pub hostname: String,
    /// The policy that made the snapshots, if one did.
    pub policy: Option<PolicyUid>,
    /// The repository in which the snapshots are.
    pub repository: RepositoryUid,
    /// The whole path.
    pub path: String,
    /// Its last part.
    pub name: String,
    /// What is there in the newest snapshot that has it.
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// Bytes of the file there; 0 if it is none.
    pub size: u64,
    /// When it had been changed; `null` for a directory.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub modified: Option<Time>,
    /// The oldest snapshot that has it.
    pub first: SnapshotAt,
    /// The newest snapshot that has it.
    pub last: SnapshotAt,
    /// How many versions of it there are: of another type, size, time or content than before.
    pub versions: u64,
}

/// A version of what is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileVersion {
    /// The repository in which the snapshots are.
    pub repository: RepositoryUid,
    /// The policy that made them, if one did.
    pub policy: Option<PolicyUid>,
    /// What is there.
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// Bytes of the file; 0 if it is none.
    pub size: u64,
    /// When it had been changed; `null` for a directory.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub modified: Option<Time>,
    /// The oldest snapshot that has this version.
    pub oldest: SnapshotAt,
    /// The newest snapshot that has this version.
    pub newest: SnapshotAt,
    /// All snapshots that have it, the oldest first.
    pub snapshots: Vec<SnapshotAt>,
}

/// A snapshot, and when it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SnapshotAt {
    /// Its id.
    pub id: SnapshotId,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub time: Time,
}
