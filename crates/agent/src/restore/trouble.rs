//! What keeps one node from being restored, and what ends a whole restore.
//!
//! A [`Trouble`] concerns one node and becomes a problem report; the work goes on. A [`RestoreError`] ends the session.

use std::io;

use rustix::io::Errno;

use super::confine::target::TargetError;
use super::node_path::BadPath;
use crate::LinkClosed;

/// Why a restore ended early. What had been restored by then is complete, and a later run goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The directory to restore into can't be used.
    #[error("cannot restore into {target}")]
    Target {
        /// The target.
        target: String,
        /// Why.
        #[source]
        source: TargetError,
    },
    /// Nothing more can be written.
    #[error("no space is left for {path}; free some and restore again: what is complete is not sent again")]
    Full {
        /// The file that did not fit.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Nothing can be written at all.
    #[error("{path} is on a file system that is mounted read-only")]
    ReadOnly {
        /// Where that was noticed.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The server said what it must not.
    #[error("the server broke the protocol: {what}; update the older of the two sides")]
    Protocol {
        /// What it did.
        what: &'static str,
    },
    /// The server is gone.
    #[error(transparent)]
    LinkClosed(#[from] LinkClosed),
    /// A thread of the restore panicked: a defect.
    #[error("the restore failed because of a defect in this program; please report it")]
    Defect,
}

/// Why one node could not be restored.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{}", io::Error::from(*source))]
    Os { during: &'static str, source: Errno },
    /// As `Os`, where new space was asked for: a full or read-only file system shows here.
    #[error("{}", io::Error::from(*source))]
    Write { during: &'static str, source: Errno },
    #[error("{message}")]
    Told { during: &'static str, message: String },
    #[error("{0}; it is not restored")]
    Path(#[from] BadPath),
    /// A directory above could not be restored, and that was reported.
    #[error("its directory was not restored")]
    Above,
}

impl Trouble {
    /// For `map_err`: the system refused while doing this.
    pub(super) fn os(during: &'static str) -> impl Fn(Errno) -> Self {
        move |source| Self::Os { during, source }
    }

    /// For `map_err`: the system refused to take more data or names while doing this.
    pub(super) fn write(during: &'static str) -> impl Fn(Errno) -> Self {
        move |source| Self::Write { during, source }
    }

    /// A refusal of our own.
    pub(super) fn told(during: &'static str, message: impl Into<String>) -> Self {
        Self::Told { during, message: message.into() }
    }

    /// What was being done.
    pub(super) fn during(&self) -> &'static str {
        match self {
            Self::Os { during, .. } | Self::Write { during, .. } | Self::Told { during, .. } => during,
            Self::Path(_) | Self::Above => "restore",
        }
    }

    /// The end of the whole restore, if this means that nothing more can be written.
    pub(super) fn ends_all(&self, path: &[u8]) -> Option<RestoreError> {
        let Self::Write { source, .. } = self else { return None };
        let path = || String::from_utf8_lossy(path).escape_debug().to_string();
        match *source {
            Errno::NOSPC | Errno::DQUOT => Some(RestoreError::Full { path: path(), source: (*source).into() }),
            Errno::ROFS => Some(RestoreError::ReadOnly { path: path(), source: (*source).into() }),
            _ => None,
        }
    }
}
