//! What became of a job.

use serde::{Deserialize, Serialize};

use super::JobError;
use super::restore::RestoreTally;
use crate::SnapshotId;

/// What became of a job, as far as it has come. What a kind does not count stays 0.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Outcome {
    /// The snapshot that it made.
    pub snapshot: Option<SnapshotId>,
    /// Files that it looked at or wrote.
    pub files: u64,
    /// Those of them that are new.
    pub files_new: u64,
    /// Those of them that have changed.
    pub files_changed: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Bytes that were not in the repository before, as they lie there.
    pub bytes_added: u64,
    /// Bytes that came over the connection.
    pub bytes_received: u64,
    /// Snapshots that it removed.
    pub snapshots_removed: u64,
    /// Bytes that it made free.
    pub bytes_freed: u64,
    /// What a restore did, or would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreTally>,
    /// Warnings, all of them in the log.
    pub warnings: u64,
    /// Why it failed.
    pub error: Option<JobError>,
}
