//! A backup: one session with one agent becomes one snapshot, or nothing.

mod command;
mod dirs;
mod error;
mod files;
mod node;
mod parent;
mod rules;
mod session;
mod summary;

use std::sync::Arc;

use holdfast_model::monitor::{Phase, Progress};
use holdfast_model::{BlobId, Clock, Monitor, SnapshotId, Timestamp, TreeId};
use holdfast_repo::{Compression, IngestOptions, IngestSession, Repository, Snapshot, Summary as SnapshotSummary, ZonedTime};
use holdfast_wire::{AgentHello, BackupJob, ChunkerSpec, Filter, FromAgent, ToAgent, Version, ViolationClass};

use crate::Violation;
use crate::link::{ClientLink, LinkError, Trust, Up};
use crate::state::{ClientState, DigestMemory, DigestRecorder, GrantRecorder, Grants};

use self::dirs::{Dirs, Resolved};
use self::files::Files;
use self::node::Owners;
use self::parent::Parent;
use self::rules::{Possession, Scope};
use self::session::Session;
use self::summary::Counts;

pub use command::{CommandRequest, backup_command};
pub use error::BackupError;
pub use summary::Summary;

/// What to back up, and how the snapshot is stamped. The client has no say in the latter.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// Absolute paths on the client.
    pub roots: Vec<Vec<u8>>,
    /// What to leave out.
    pub filter: Filter,
    /// How the snapshot is stamped.
    pub stamp: Stamp,
    /// What to compare with.
    pub parent: ParentChoice,
    /// Whether to store access times.
    pub with_atime: bool,
    /// How hard to compress what is stored.
    pub compression: Compression,
    /// Whether the link is slow enough for the agent to compress what it sends.
    pub compress_link: bool,
    /// Whether to store nothing.
    pub dry_run: bool,
}

/// What a snapshot says of itself.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// When; `None` for the start of the session.
    pub time: Option<ZonedTime>,
    /// The host.
    pub hostname: String,
    /// The user.
    pub username: String,
    /// Tags.
    pub tags: Vec<String>,
}

/// Which snapshot to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParentChoice {
    /// The newest of the same host and paths.
    Newest,
    /// This one.
    Snapshot(SnapshotId),
    /// None: every file is read.
    Nothing,
}
