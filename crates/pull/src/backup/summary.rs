//! What a backup did, in restic's terms.

use std::time::Duration;

use holdfast_model::SnapshotId;

use crate::link::Traffic;
use crate::state::Totals;

/// What a backup did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The snapshot; `None` after a dry run.
    pub snapshot: Option<SnapshotId>,
    /// Files that the parent did not have.
    pub files_new: u64,
    /// Files that were read again.
    pub files_changed: u64,
    /// Files whose content was taken from the parent.
    pub files_unmodified: u64,
    /// Directories that the parent did not have.
    pub dirs_new: u64,
    /// Directories whose tree is another one now.
    pub dirs_changed: u64,
    /// Directories whose tree was taken from the parent.
    pub dirs_unmodified: u64,
    /// Bytes of new blobs before compression.
    pub data_added: u64,
    /// Bytes of new blobs as stored.
    pub data_added_packed: u64,
    /// Data blobs that were new.
    pub data_blobs: u64,
    /// Tree blobs that were new.
    pub tree_blobs: u64,
    /// All files of the snapshot.
    pub total_files_processed: u64,
    /// Their bytes.
    pub total_bytes_processed: u64,
    /// How long it took.
    pub total_duration: Duration,
    /// Bytes on the connection.
    pub traffic: Traffic,
    /// Things that could not be read.
    pub errors: u64,
}

/// What is counted while the session runs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    files_new: u64,
    files_changed: u64,
    dirs_new: u64,
    dirs_changed: u64,
}

impl Counts {
    /// A file is read.
    pub(super) fn file(&mut self, in_parent: bool) {
        *(if in_parent { &mut self.files_changed } else { &mut self.files_new }) += 1;
    }

    /// A file that was to be read could not be: it is in no snapshot.
    pub(super) fn failed(&mut self, in_parent: bool) {
        *(if in_parent { &mut self.files_changed } else { &mut self.files_new }) -= 1;
    }

    /// A tree is written.
    pub(super) fn dir(&mut self, in_parent: bool) {
        *(if in_parent { &mut self.dirs_changed } else { &mut self.dirs_new }) += 1;
    }

    /// The summary's counts, given everything that the snapshot holds.
    pub(super) fn summary(self, totals: Totals) -> Summary {
        let (files, dirs) = (u64::from(totals.files), u64::from(totals.dirs));
        Summary {
            files_new: self.files_new,
            files_changed: self.files_changed,
            files_unmodified: files.saturating_sub(self.files_new + self.files_changed),
            dirs_new: self.dirs_new,
            dirs_changed: self.dirs_changed,
            dirs_unmodified: dirs.saturating_sub(self.dirs_new + self.dirs_changed),
            total_files_processed: files,
            total_bytes_processed: totals.bytes,
            ..Summary::default()
        }
    }
}
