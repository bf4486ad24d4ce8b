//! All messages of both directions. Their order in the enums is their number on the wire: append only.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::limits::{MAX_OWNER_NAME, MAX_PATH, MAX_TEXT};
use crate::violation::{Violation, check_len, check_text};
use crate::{
    AgentHello, BackupJob, Bits, BlobHeader, ChunkRef, CommandEnd, CommandJob, DirDigest, DirEntries, FileEnd, Need,
    RestoreJob, RestoreNode, RestoredNode, Version,
};

/// What an agent says of what is not there, so that the server can tell: a backup can do without some roots.
pub const NOT_THERE: &str = "it does not exist, or vanished while the backup ran";

/// What an agent says. The bytes of wanted chunks follow as data frames, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromAgent {
    /// First of all.
    Hello(AgentHello),
    /// The job can't be done at all; the session ends.
    Refused {
        /// Why, and what to do.
        message: String,
    },
    /// Names of owners, sent before the first entry that has them.
    Owners {
        /// uid and name.
        users: Vec<(u32, String)>,
        /// gid and name.
        groups: Vec<(u32, String)>,
    },
    /// Directories whose walk is complete, subdirectories before their parents. Numbered as they come.
    Dirs(Vec<DirDigest>),
    /// Entries of a directory that the server asked for.
    Entries(DirEntries),
    /// The next chunks of a file, numbered as they come. The agent holds their bytes until it hears which are wanted.
    Chunks {
        /// The file's number.
        file: u64,
        /// In the order of the file.
        chunks: Vec<ChunkRef>,
    },
    /// The end of a file.
    FileEnd(FileEnd),
    /// The end of a command.
    CommandEnd(CommandEnd),
    /// Something could not be read or written; the work goes on.
    Problem {
        /// Absolute path on the client.
        path: ByteBuf,
        /// What was being done.
        during: String,
        /// What went wrong.
        message: String,
    },
    /// How far the walk is, for progress only.
    Walked {
        /// Regular files seen so far.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// The walk is complete; this directory is `/`, the root of the session.
    Root {
        /// Its number.
        dir: u64,
    },
    /// Restore: which contents are needed, one for every regular file of a window that is no hard link.
    Needs(Vec<Need>),
    /// Restore: nodes that are finished.
    Restored(Vec<RestoredNode>),
    /// Restore: everything is written and every directory closed.
    RestoreEnd {
        /// Entries that were deleted because the snapshot does not hold them.
        deleted: u64,
        /// Nodes that belong to the restoring user because only root may give them to their owner, or that lack an
        /// attribute that only root may set.
        owners_kept: u64,
    },
    /// Something is left out because the job is about local data only. That is no problem.
    LeftOut {
        /// Absolute path on the client.
        path: ByteBuf,
        /// Why, after "it is left out: ".
        why: String,
    },
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToAgent {
    /// The version that both will speak.
    Welcome {
        /// One that the agent offered.
        version: Version,
    },
    /// Back up paths.
    Backup(BackupJob),
    /// Back up the output of a command.
    Command(CommandJob),
    /// Restore.
    Restore(RestoreJob),
    /// Answers for all directories with a number below `upto` that were not answered before.
    WantDirs {
        /// One past the last directory that is answered.
        upto: u64,
        /// Those whose entries are wanted; the others are known.
        wanted: Vec<u64>,
    },
    /// Files to read: the answer to the next [`FromAgent::Entries`] of a directory, one to each, also if it is none; till
    /// then the agent keeps those entries. Files are numbered on from the last one asked for.
    WantFiles {
        /// The directory's number.
        dir: u64,
        /// Which of its entries, counted in the order in which they were sent.
        entries: Vec<u32>,
    },
    /// Answers for the next chunks that were not answered before.
    WantChunks(Bits),
    /// The agent may send so many bytes more.
    Credit {
        /// Bytes of encoded messages and of chunks.
        bytes: u64,
    },
    /// The next nodes to restore, numbered as they come.
    Nodes(Vec<RestoreNode>),
    /// All nodes of the window have been sent: the agent answers with what is still missing of [`FromAgent::Needs`].
    WindowEnd,
    /// A blob; its bytes follow as data frames.
    Blob(BlobHeader),
    /// All nodes beneath these directories are restored: set their metadata, delete what does not belong.
    CloseDirs(Vec<u64>),
    /// Nothing more will come; the agent finishes what it has and ends.
    Finish,
    /// Further chunks of the node that was sent last, for a file whose chunks don't fit one message. A file's chunks
    /// are complete when other nodes or [`ToAgent::WindowEnd`] follow.
    MoreChunks(Vec<ChunkRef>),
}

impl FromAgent {
    /// Checks everything that can be told from the message alone.
    pub fn validate(&self) -> Result<(), Violation> {
        match self {
            Self::Hello(hello) => hello.validate(),
            Self::Refused { message } => check_text("refusal", message, MAX_TEXT),
            Self::Owners { users, groups } => {
                let mut names = users.iter().chain(groups).map(|(_, name)| name);
                names.try_for_each(|name| check_text("name of an owner", name, MAX_OWNER_NAME))
            }
            Self::Entries(entries) => entries.validate(),
            Self::Chunks { chunks, .. } => chunks.iter().try_for_each(ChunkRef::validate),
            Self::FileEnd(end) => end.validate(),
            Self::CommandEnd(end) => end.validate(),
            Self::Problem { path, during, message } => {
                // The path may be what the problem is about, so only its length is checked.
                check_len("bytes of the path of a problem", path.len(), MAX_PATH)?;
                check_text("what was being done", during, MAX_TEXT)?;
                check_text("what went wrong", message, MAX_TEXT)
            }
            Self::LeftOut { path, why } => {
                check_len("bytes of the path of what is left out", path.len(), MAX_PATH)?;
                check_text("why it is left out", why, MAX_TEXT)
            }
            Self::Needs(needs) => needs.iter().try_for_each(|need| need.chunks.validate()),
            Self::Dirs(_) | Self::Walked { .. } | Self::Root { .. } => Ok(()),
            Self::Restored(_) | Self::RestoreEnd { .. } => Ok(()),
        }
    }
}

impl ToAgent {
    /// Checks everything that can be told from the message alone.
    pub fn validate(&self) -> Result<(), Violation> {
        match self {
            Self::Backup(job) => job.validate(),
            Self::Command(job) => job.validate(),
            Self::Restore(job) => job.validate(),
            Self::WantDirs { upto, wanted } if wanted.iter().any(|dir| dir >= upto) => {
                Err(Violation::Contradiction { what: "a directory is wanted that is not answered" })
            }
            Self::WantChunks(answers) => answers.validate(),
            Self::Nodes(nodes) => nodes.iter().try_for_each(RestoreNode::validate),
            Self::MoreChunks(chunks) => chunks.iter().try_for_each(ChunkRef::validate),
            Self::Blob(header) => header.validate(),
            Self::Welcome { .. } | Self::WantDirs { .. } | Self::WantFiles { .. } | Self::Credit { .. } => Ok(()),
            Self::WindowEnd | Self::CloseDirs(_) | Self::Finish => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
