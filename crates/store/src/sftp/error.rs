//! What can go wrong on the way to an SFTP server and at it, and what it means for a store.
//!
//! ssh says on standard error why there is no connection; that text decides whether another try makes sense.

use std::io;

use rustix::io::Errno;

use super::wire::{Malformed, status};
use crate::ErrorKind;

/// A call that did not work.
#[derive(Debug, thiserror::Error)]
pub(super) enum SftpError {
    /// The command line given makes no sense.
    #[error("{text:?} is not a command line: a quote is not closed, or nothing is there")]
    Command {
        /// The command line.
        text: String,
    },
    /// The program that connects did not start.
    #[error("cannot start {program}; is it installed?")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection has ended or never came.
    #[error("the connection ended{}{said}", if said.is_empty() { "" } else { ": " })]
    Lost {
        /// What the program that connects said.
        said: String,
    },
    /// The server did not answer in time.
    #[error("the server does not answer")]
    Silent,
    /// The server broke the protocol.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The server speaks another version.
    #[error("the server speaks version {version} of SFTP, version 3 is needed")]
    Version {
        /// Its version.
        version: u32,
    },
    /// The server refused or failed.
    #[error("the server answers: {message}")]
    Status {
        /// The protocol's code.
        code: u32,
        /// The server's words.
        message: String,
    },
    /// The server failed and has no space left.
    #[error("no space is left on the server")]
    Full,
    /// A file of that name is there.
    #[error("a file of that name exists")]
    Exists,
    /// The file is shorter than it should be.
    #[error("the file ends early")]
    Short,
    /// More than is ever read at once.
    #[error("the file is too large")]
    TooLarge,
}

impl SftpError {
    /// What this means for the caller of a store.
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Status { code, .. } => match *code {
                status::NO_SUCH_FILE => ErrorKind::NotFound,
                status::PERMISSION_DENIED => ErrorKind::Denied,
                status::NO_CONNECTION | status::CONNECTION_LOST => ErrorKind::Transient,
                _ => ErrorKind::Permanent,
            },
            Self::Lost { said } => kind_of_words(said),
            Self::Silent => ErrorKind::Transient,
            Self::Full => ErrorKind::Full,
            Self::Exists => ErrorKind::AlreadyExists,
            Self::Short | Self::Malformed(_) => ErrorKind::Corrupt,
            Self::Command { .. } | Self::Start { .. } | Self::Version { .. } | Self::TooLarge => ErrorKind::Permanent,
        }
    }

    /// Whether the server says that the file is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }
}

impl From<Errno> for SftpError {
    fn from(errno: Errno) -> Self {
        Self::Lost { said: io::Error::from(errno).to_string() }
    }
}

/// ssh's words for what another try will not mend.
fn kind_of_words(said: &str) -> ErrorKind {
    const DENIED: [&str; 3] = ["Permission denied", "Host key verification failed", "Too many authentication failures"];
    const FINAL: [&str; 4] =
        ["subsystem request failed", "Bad configuration option", "command not found", "Bad owner or permissions"];
    if DENIED.iter().any(|words| said.contains(words)) {
        ErrorKind::Denied
    } else if FINAL.iter().any(|words| said.contains(words)) {
        ErrorKind::Permanent
    } else {
        ErrorKind::Transient
    }
}
