//! How far a job is, as whoever works on it has said last. This is told, and kept nowhere for long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::monitor::{Pace, Phase, Progress};

/// How far a job is that somebody works on. What is not known yet is left open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct JobProgress {
    /// What it is busy with.
    pub phase: Option<Phase>,
    /// Since that began.
    pub seconds_elapsed: u64,
    /// Files (or other items of the phase) that are finished.
    pub files_done: u64,
    /// Files in all.
    pub files_total: Option<u64>,
    /// Bytes that are finished.
    pub bytes_done: u64,
    /// Those of them that it did not have to read, because they have not changed.
    pub bytes_skipped: u64,
    /// Bytes in all, as far as is known by now.
    pub bytes_total: Option<u64>,
    /// Things that could not be read or written.
    pub errors: u64,
    /// What is being worked on now.
    pub current: Option<String>,
    /// Bytes that it worked through in a second, over the last seconds, without those that it skipped.
    pub bytes_per_second: Option<u64>,
    /// What is left of the phase at this rate.
    pub seconds_left: Option<u64>,
}

impl JobProgress {
    /// This far, that fast.
    pub fn new(phase: Option<Phase>, progress: Progress, pace: Pace) -> Self {
        let Progress { files_done, files_total, bytes_done, bytes_skipped, bytes_total, errors, current } = progress;
        Self {
            phase,
            seconds_elapsed: pace.elapsed.as_secs(),
            files_done,
            files_total,
            bytes_done,
            bytes_skipped,
            bytes_total,
            errors,
            current,
            bytes_per_second: pace.bytes_per_second,
            seconds_left: pace.left.map(|left| left.as_secs()),
        }
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            files_done: self.files_done,
            files_total: self.files_total,
            bytes_done: self.bytes_done,
            bytes_skipped: self.bytes_skipped,
            bytes_total: self.bytes_total,
            errors: self.errors,
            current: self.current.clone(),
        }
    }

    /// How fast it goes.
    pub fn pace(&self) -> Pace {
        Pace {
            elapsed: Duration::from_secs(self.seconds_elapsed),
            bytes_per_second: self.bytes_per_second,
            left: self.seconds_left.map(Duration::from_secs),
        }
    }
}
