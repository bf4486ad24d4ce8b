//! The parts of a backup: the job, and what the agent tells of directories, files and chunks.
//!
//! Numbers count from 0 within a session: directories in the order in which the agent announces them, files in the
//! order in which the server asks for them, chunks in the order in which the agent announces them.

use holdfast_model::BlobId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::limits::{MAX_CHUNK, MAX_COMMAND, MAX_PATTERN, MAX_STDERR};
use crate::name::check_absolute_path;
use crate::violation::{Violation, check_len};
use crate::{DirDigest, Entry, EntryKind};

/// What to back up, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupJob {
    /// Absolute paths. The session's root is `/` with nothing in it but the way to these.
    pub roots: Vec<ByteBuf>,
    /// What to leave out.
    pub filter: Filter,
    /// How to cut files.
    pub chunker: ChunkerSpec,
    /// Mixed into every directory digest: a digest of another repository, client or job never matches.
    pub digest_seed: [u8; 32],
    /// Whether to report access times.
    pub atime: bool,
    /// Whether data frames may be compressed: for slow links.
    pub compress: bool,
    /// Bytes of messages and chunks that the agent may send before the first [`ToAgent::Credit`](crate::ToAgent::Credit).
    pub credit: u64,
}

impl BackupJob {
    pub(crate) fn validate(&self) -> Result<(), Violation> {
        self.roots.iter().try_for_each(|root| check_absolute_path(root))?;
        self.filter.validate()
    }
}

/// What a backup leaves out, in restic's terms.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// Patterns, case-sensitive; a later one with `!` takes back.
    pub exclude: Vec<String>,
    /// Patterns, whatever the case.
    pub iexclude: Vec<String>,
    /// `NAME[:HEADER]`: the content of a directory that holds such a file is left out.
    pub exclude_if_present: Vec<String>,
    /// Leave out the content of directories with a valid `CACHEDIR.TAG`.
    pub exclude_caches: bool,
    /// Leave out files of more bytes.
    pub exclude_larger_than: Option<u64>,
    /// Stay on the file systems of the roots.
    pub one_file_system: bool,
    /// Leave out what is mounted beneath the roots from elsewhere, what the kernel makes up, and what is swapped to.
    pub local_only: bool,
}

impl Filter {
    fn validate(&self) -> Result<(), Violation> {
        let mut patterns = self.exclude.iter().chain(&self.iexclude).chain(&self.exclude_if_present);
        patterns.try_for_each(|pattern| check_len("bytes of a pattern", pattern.len(), MAX_PATTERN))
    }
}

/// How files are cut into chunks; sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkerSpec {
    /// Gear hash with a table derived from a secret of the repository.
    Gear {
        /// What the table is derived from.
        seed: [u8; 32],
    },
    /// Rabin fingerprints as restic computes them.
    Rabin {
        /// The repository's polynomial.
        polynomial: u64,
    },
}

/// A command whose standard output is backed up as one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandJob {
    /// Given to `sh -c`.
    pub command: String,
    /// How to cut its output.
    pub chunker: ChunkerSpec,
    /// As in [`BackupJob::compress`].
    pub compress: bool,
    /// As in [`BackupJob::credit`].
    pub credit: u64,
}

impl CommandJob {
    pub(crate) fn validate(&self) -> Result<(), Violation> {
        check_len("bytes of a command", self.command.len(), MAX_COMMAND)
    }
}

/// How a command ended. Its output is file 0 of the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEnd {
    /// The exit status, or `None` when it could not be started or was killed by `signal`.
    pub code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// The end of its standard error.
    pub stderr: ByteBuf,
}

impl CommandEnd {
    pub(crate) fn validate(&self) -> Result<(), Violation> {
        if self.code.is_some() && self.signal.is_some() {
            return Err(Violation::Contradiction { what: "a command ended with a status and by a signal" });
        }
        check_len("bytes of a command's standard error", self.stderr.len(), MAX_STDERR)
    }
}

/// Entries of a directory that the server wants, in batches and in no order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirEntries {
    /// The directory's number.
    pub dir: u64,
    /// Its absolute path.
    pub path: ByteBuf,
    /// Some of the entries; counted on from the earlier batches of the same directory.
    pub entries: Vec<Entry>,
    /// With the last batch: the digest of what was sent.
    pub last: Option<DirDigest>,
}

impl DirEntries {
    pub(crate) fn validate(&self) -> Result<(), Violation> {
        check_absolute_path(&self.path)?;
        self.entries.iter().try_for_each(Entry::validate)
    }
}

/// A chunk by name and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRef {
    /// SHA-256 of the bytes.
    pub id: BlobId,
    /// Length in bytes.
    pub len: u32,
}

impl ChunkRef {
    pub(crate) fn validate(&self) -> Result<(), Violation> {
        match self.len {
            1.. if self.len as usize <= MAX_CHUNK => Ok(()),
            len => Err(Violation::ChunkLength { len }),
        }
    }
}

/// The end of a file: all its chunks have been announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEnd {
    /// The file's number.
    pub file: u64,
    /// What became of it.
    pub outcome: FileOutcome,
}

impl FileEnd {
    pub(crate) fn validate(&self) -> Result<(), Violation> {
        match &self.outcome {
            FileOutcome::Stored | FileOutcome::Failed => Ok(()),
            FileOutcome::StoredAs(entry) if matches!(entry.kind, EntryKind::File { .. }) => entry.validate(),
            FileOutcome::StoredAs(_) => {
                Err(Violation::Contradiction { what: "a file was stored as something that has no content" })
            }
        }
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileOutcome {
    /// Read as listed.
    Stored,
    /// Read, but it is no longer as listed: this is how it was when opened. The agent has reported it if it
    /// changed while it was read.
    StoredAs(Box<Entry>),
    /// Not read; the agent has reported why. It is left out of the snapshot.
    Failed,
}
