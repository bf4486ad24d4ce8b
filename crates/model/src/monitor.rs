//! Progress as a port: the work says what happens, whoever started it decides what to show.
//!
//! A library never prints; it tells a [`Monitor`].

mod meter;

use serde::{Deserialize, Serialize};

pub use meter::{Meter, Pace, share};

/// What a piece of work is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Opening the repository: keys, locks, index.
    Opening,
    /// Connecting to a client and bringing the agent there.
    Connecting,
    /// Reading the source.
    BackingUp,
    /// Making packs, index and snapshot durable.
    Committing,
    /// Deciding what to do, before anything is changed.
    Planning,
    /// Writing files back.
    Restoring,
    /// Reading back what was restored.
    Verifying,
    /// Checking the repository's structure or data.
    Checking,
    /// Copying blobs into other packs or another repository.
    Repacking,
    /// Deleting what is no longer needed.
    Deleting,
    /// Making the names in a snapshot searchable.
    Cataloging,
}

impl Phase {
    /// As a person reads it.
    pub const fn as_words(self) -> &'static str {
        match self {
            Self::Opening => "opening the repository",
            Self::Connecting => "connecting to the host",
            Self::BackingUp => "backing up",
            Self::Committing => "writing the snapshot",
            Self::Planning => "planning",
            Self::Restoring => "restoring",
            Self::Verifying => "verifying what was restored",
            Self::Checking => "checking",
            Self::Repacking => "writing packs anew",
            Self::Deleting => "deleting",
            Self::Cataloging => "making names searchable",
        }
    }
}

/// How far the work is. Totals are `None` until they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Files (or other items of the phase) that are finished.
    pub files_done: u64,
    /// Files in all.
    pub files_total: Option<u64>,
    /// Bytes that are finished.
    pub bytes_done: u64,
    /// Those of them that did not have to be read or written, because they have not changed.
    #[serde(default)]
    pub bytes_skipped: u64,
    /// Bytes in all.
    pub bytes_total: Option<u64>,
    /// Things that could not be read or written.
    pub errors: u64,
    /// What is being worked on now.
    pub current: Option<String>,
}

/// One thing in the source or the target that did not work; the work goes on and ends with a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    /// The path, with bytes that are not UTF-8 or not printable escaped.
    pub path: String,
    /// What was being done (`open`, `read`, `xattr`, …).
    pub during: String,
    /// What went wrong, in one sentence.
    pub message: String,
}

/// Receives the events of one piece of work. Called from any thread; must return quickly.
pub trait Monitor: Send + Sync {
    /// A phase began.
    fn phase(&self, phase: Phase) {
        let _ = phase;
    }

    /// The work is this far. Comes often; implementations show some of them.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }

    /// One item failed; the work goes on.
    fn item_error(&self, error: &ItemError) {
        let _ = error;
    }

    /// Something that is wrong, although the work goes on and does not count it as a failure.
    fn warning(&self, text: &str) {
        self.note(&format!("warning: {text}"));
    }

    /// Something that a person may want to read.
    fn note(&self, text: &str) {
        let _ = text;
    }
}

/// A monitor that shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {}
