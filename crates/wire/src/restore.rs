//! The parts of a restore: nodes to make, blobs to write into them, and what became of them.
//!
//! The server sends nodes in windows, parents before children; the agent answers which contents it needs; the server
//! sends each blob once per window, as it is stored; the agent decodes, proves and writes it wherever it belongs.

use holdfast_model::BlobId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::entry::EntryKind;
use crate::limits::{MAX_CHUNK, MAX_OWNER_NAME, MAX_STORED_BLOB};
use crate::name::{check_absolute_path, check_relative_path, name_violation};
use crate::violation::{NameFault, Violation, check_text};
use crate::{Bits, ChunkRef, Entry};

/// Where to restore, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreJob {
    /// An absolute directory; made with its parents if it is missing. Nothing outside it is ever touched.
    pub target: ByteBuf,
    /// What to do with files that exist.
    pub overwrite: Overwrite,
    /// Whether to delete what the snapshot does not hold, in the directories that it does hold.
    pub delete: bool,
    /// Whether to read back and prove every file that was written.
    pub verify: bool,
    /// Whether to report what would be done, without doing it.
    pub dry_run: bool,
    /// Whether owners go by their names where the restoring side knows them, and not by their numbers.
    pub owners_by_name: bool,
}

impl RestoreJob {
    pub(crate) fn validate(&self) -> Result<(), Violation> {
        check_absolute_path(&self.target)
    }
}

/// What to do with files that exist, in restic's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Overwrite {
    /// Make every file as in the snapshot; what is there already with the right content is not written again.
    #[default]
    Always,
    /// As `Always`, but a file of equal size and modification time counts as unchanged without being read.
    IfChanged,
    /// Replace only files that are older than the snapshot's.
    IfNewer,
    /// Leave alone whatever exists.
    Never,
}

/// One node to restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreNode {
    /// Path beneath the target: components as in [`Entry::name`], joined by `/`; empty for the target itself.
    pub path: ByteBuf,
    /// Its metadata; `name` is the last component.
    pub entry: Entry,
    /// Name of the owner, for [`RestoreJob::owners_by_name`]; empty if not known.
    pub user: String,
    /// Name of the group.
    pub group: String,
    /// A directory: the snapshot holds every entry of it that was backed up. Only there may [`RestoreJob::delete`] remove
    /// others, which include what the backup left out; a directory that is merely on the way to what was backed up or
    /// selected says no.
    pub whole: bool,
    /// Content of a regular file, or its beginning: [`ToAgent::MoreChunks`](crate::ToAgent::MoreChunks) follows
    /// where not all of it fits a message.
    pub chunks: Vec<ChunkRef>,
    /// This is a further name of an earlier node of this session.
    pub hard_link_to: Option<u64>,
}

impl RestoreNode {
    /// Checks everything that can be told from the node alone. A server calls it before it sends one that it read from
    /// a snapshot: other programs write what this protocol can't carry.
    pub fn validate(&self) -> Result<(), Violation> {
        check_relative_path(&self.path)?;
        let last = self.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if self.entry.name != last {
            return Err(name_violation(&self.entry.name, NameFault::OtherThanPath));
        }
        self.entry.validate_metadata()?;
        check_text("name of a user", &self.user, MAX_OWNER_NAME)?;
        check_text("name of a group", &self.group, MAX_OWNER_NAME)?;
        if !self.chunks.is_empty() && !matches!(self.entry.kind, EntryKind::File { .. }) {
            return Err(Violation::Contradiction { what: "something other than a regular file has content" });
        }
        self.chunks.iter().try_for_each(ChunkRef::validate)
    }
}

/// Which of a file's chunks the agent needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// The node's number: nodes count from 0 in the order in which they were sent.
    pub node: u64,
    /// One answer per chunk; none set if the content is there already or is to be left alone.
    pub chunks: Bits,
}

/// Announces one blob; its bytes follow as data frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobHeader {
    /// SHA-256 of the plaintext.
    pub id: BlobId,
    /// Bytes that follow.
    pub stored_len: u32,
    /// Bytes of the plaintext.
    pub len: u32,
    /// Whether what follows is a zstd frame.
    pub compressed: bool,
    /// Where to write it.
    pub targets: Vec<BlobTarget>,
}

impl BlobHeader {
    pub(crate) fn validate(&self) -> Result<(), Violation> {
        for (len, max) in [(self.len, MAX_CHUNK), (self.stored_len, MAX_STORED_BLOB)] {
            if len == 0 || len as usize > max {
                return Err(Violation::ChunkLength { len });
            }
        }
        if !self.compressed && self.stored_len != self.len {
            return Err(Violation::Contradiction { what: "a blob that is not compressed has two lengths" });
        }
        Ok(())
    }
}

/// One place of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobTarget {
    /// The node's number.
    pub node: u64,
    /// Index among the node's chunks.
    pub chunk: u32,
}

/// What became of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredNode {
    /// The node's number.
    pub node: u64,
    /// What became of it.
    pub outcome: RestoreOutcome,
}

/// What became of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreOutcome {
    /// Made or written.
    Restored,
    /// Existed with the right content; its metadata was set.
    Unchanged,
    /// Left alone because of the overwrite mode.
    Skipped,
    /// Not restored or not wholly; the agent has reported why.
    Failed,
}
