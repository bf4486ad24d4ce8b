//! Snapshots: what was backed up when, from where, and the tree that holds it.
//!
//! The document has restic's fields in restic's order. Fields that we do not know (rustic writes some) are kept, so
//! that changing a snapshot's tags loses nothing. How snapshots are stored and found is not known here.

mod filter;

use std::ops::Deref;
use std::sync::Arc;

use holdfast_model::{SnapshotId, TreeId};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub use filter::SnapshotFilter;

use crate::time::ZonedTime;

/// The state of some directories at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the backup began.
    pub time: ZonedTime,
    /// The snapshot that it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SnapshotId>,
    /// The root directory.
    pub tree: TreeId,
    /// What was backed up, as absolute paths.
    #[serde(default, deserialize_with = "nullable")]
    pub paths: Vec<String>,
    /// The machine.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// The user who read the files.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// That user's number.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// That user's group.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// The patterns that were left out.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// Tags.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The snapshot that this one is a changed copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<SnapshotId>,
    /// The program that made it.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub program_version: String,
    /// What the backup did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<SnapshotSummary>,
    /// Fields of other programs, and of later versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a backup did. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotSummary {
    /// When it began.
    pub backup_start: ZonedTime,
    /// When it ended.
    pub backup_end: ZonedTime,
    /// Files that the parent does not have.
    #[serde(default)]
    pub files_new: u64,
    /// Files that differ from the parent's.
    #[serde(default)]
    pub files_changed: u64,
    /// Files that are as in the parent.
    #[serde(default)]
    pub files_unmodified: u64,
    /// Directories that the parent does not have.
    #[serde(default)]
    pub dirs_new: u64,
    /// Directories that differ from the parent's.
    #[serde(default)]
    pub dirs_changed: u64,
    /// Directories that are as in the parent.
    #[serde(default)]
    pub dirs_unmodified: u64,
    /// Data blobs that were added.
    #[serde(default)]
    pub data_blobs: u64,
    /// Tree blobs that were added.
    #[serde(default)]
    pub tree_blobs: u64,
    /// Size of the added blobs as they are.
    #[serde(default)]
    pub data_added: u64,
    /// Size of the added blobs as they are stored.
    #[serde(default)]
    pub data_added_packed: u64,
    /// Files in the snapshot.
    #[serde(default)]
    pub total_files_processed: u64,
    /// Size of the files in the snapshot.
    #[serde(default)]
    pub total_bytes_processed: u64,
    /// Fields of other programs, and of later versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A snapshot that is in a repository.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedSnapshot {
    /// The id of its file.
    pub id: SnapshotId,
    /// What it says.
    pub snapshot: Arc<Snapshot>,
}

impl Deref for SavedSnapshot {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl Snapshot {
    /// A snapshot of a tree at a time, with nothing else said.
    pub fn new(time: ZonedTime, tree: TreeId) -> Self {
        Self {
            time,
            parent: None,
            tree,
            paths: Vec::new(),
            hostname: String::new(),
            username: String::new(),
            uid: 0,
            gid: 0,
            excludes: Vec::new(),
            tags: Vec::new(),
            original: None,
            program_version: String::new(),
            summary: None,
            other: Map::new(),
        }
    }

    /// The document: what is sealed and stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::json::to_vec(self)
    }

    /// Reads a document, whoever wrote it.
    pub fn parse(document: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(document)
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// `null` is as good as nothing: Go takes it so.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
