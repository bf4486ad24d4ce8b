//! What can go wrong with a repository as a whole. Callers decide by [`RepoError::kind`], never by the text.

use holdfast_model::{Cancelled, Id};
use holdfast_store::{ErrorKind, FileKind, StoreError};

use crate::lock::LockInfo;
use crate::pack::EncodeFault;
use crate::reader::ReadError;

/// What a failure means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepoErrorKind {
    /// There is no repository at that place.
    NotARepository,
    /// There is one already where a new one was to be made.
    AlreadyExists,
    /// No key opens with that password.
    WrongPassword,
    /// Somebody holds a lock that excludes ours.
    Locked,
    /// Our own lock was lost: nothing may be written any more.
    LockLost,
    /// A file is damaged or missing.
    Corrupt,
    /// What was named is not in the repository.
    NotFound,
    /// What was asked for is not done, and why is in the text.
    Refused,
    /// The storage failed.
    Storage(ErrorKind),
    /// Somebody asked to stop.
    Cancelled,
}

impl RepoErrorKind {
    /// Whether a file of the repository is damaged or missing.
    pub fn is_damage(self) -> bool {
        matches!(self, Self::Corrupt | Self::Storage(ErrorKind::NotFound | ErrorKind::Corrupt))
    }
}

/// What is wrong with a file of the repository.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The bytes don't hash to the name.
    #[error("its content does not match its name")]
    Hash,
    /// The authenticator does not fit.
    #[error("it was changed, or encrypted with another key")]
    Unauthenticated,
    /// The encoding version is none that we know.
    #[error("it is encoded in a way ({version}) that this version of Holdfast does not know")]
    Encoding {
        /// The first byte of the plaintext.
        version: u8,
    },
    /// zstd refuses it.
    #[error("it does not decompress")]
    Compression,
    /// Larger than any file of its kind.
    #[error("it is larger than any such file may be")]
    TooLarge,
    /// Not the document that it should be.
    #[error("its document can't be understood")]
    Document {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// Anything else.
    #[error("{reason}")]
    Content {
        /// What it is.
        reason: String,
    },
}

/// A failed operation on a repository.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// There is no config.
    #[error("there is no repository in {location}; check the address, or make one with `holdfast init`")]
    NotARepository {
        /// The store.
        location: String,
    },
    /// `init` found a config.
    #[error("there is a repository in {location} already; choose another place for a new one")]
    AlreadyExists {
        /// The store.
        location: String,
    },
    /// `init` found data without a config.
    #[error(
        "{location} has the {folder} of a repository but no config; \
         bring the config back from a copy, or choose another place for a new repository"
    )]
    Remains {
        /// The store.
        location: String,
        /// The folder that is not empty.
        folder: &'static str,
    },
    /// None of the keys opens.
    #[error(
        "wrong password: it opens no key of the repository in {location} ({keys} tried); \
         check which password and which repository were given"
    )]
    WrongPassword {
        /// The store.
        location: String,
        /// Keys that were tried.
        keys: usize,
    },
    /// The folder of keys is empty, or none of them can be used.
    #[error("the repository in {location} has no usable key file; bring its keys folder back from a copy")]
    NoKeys {
        /// The store.
        location: String,
        /// What is wrong with the first key, if there is one.
        #[source]
        source: Option<Box<RepoError>>,
    },
    /// A version of the format that we don't know.
    #[error("the repository in {location} has format version {version}; this version of Holdfast knows 1 and 2")]
    Version {
        /// The store.
        location: String,
        /// Its version.
        version: u32,
    },
    /// A file is not what it should be.
    #[error("{file} in {location} is damaged; {}", remedy(.file))]
    Damaged {
        /// The file as `folder/id`.
        file: String,
        /// The store.
        location: String,
        /// What is wrong with it.
        #[source]
        source: FileFault,
    },
    /// A lock excludes ours.
    #[error(
        "the repository in {location} is locked by {}; wait until that has ended, \
         or run `holdfast unlock` if it ended without a word",
        .holders.first().map_or_else(String::new, ToString::to_string)
    )]
    Locked {
        /// The store.
        location: String,
        /// All locks that stand in the way; at least one.
        holders: Vec<LockInfo>,
    },
    /// Our lock could not be refreshed for too long, or somebody removed it.
    #[error("our lock on the repository in {location} was lost, so that nothing more may be written; run it again")]
    LockLost {
        /// The store.
        location: String,
    },
    /// No file of that id or prefix.
    #[error("there is no {what} {name:?} in {location}; {} shows what there is", lister(.what))]
    NotFound {
        /// `snapshot` or `key`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// The store.
        location: String,
    },
    /// Several ids begin so.
    #[error("{name:?} is the beginning of several {what} ids; give more digits")]
    Ambiguous {
        /// `snapshot` or `key`.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The list of snapshots, filtered, is empty.
    #[error("no snapshot in {location} matches {filter}")]
    NoMatch {
        /// The store.
        location: String,
        /// The filter, as a person would say it.
        filter: String,
    },
    /// A thing that we don't do.
    #[error("{reason}")]
    Refused {
        /// Why, and what to do instead.
        reason: String,
    },
    /// The storage failed.
    #[error("the storage failed")]
    Storage {
        /// How.
        #[source]
        source: StoreError,
    },
    /// A blob can't be read.
    #[error(transparent)]
    Blob(Box<ReadError>),
    /// The machine made a mistake.
    #[error("nothing can be stored")]
    Encode(#[from] EncodeFault),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Cancelled,
}

/// What to do about a damaged file.
fn remedy(file: &str) -> &'static str {
    match file.split('/').next() {
        Some("index") => "bring it back from a copy, or make the index anew with `restic repair index`",
        Some("snapshots") => {
            "other snapshots are not affected: name them by their ids; bring this one back from a copy, or remove it"
        }
        _ => "bring it back from a copy",
    }
}

/// The command that shows what ids there are.
fn lister(what: &str) -> &'static str {
    if what == "key" { "`holdfast key list`" } else { "`holdfast snapshots`" }
}

impl RepoError {
    /// What the failure means for the caller.
    pub fn kind(&self) -> RepoErrorKind {
        match self {
            Self::NotARepository { .. } => RepoErrorKind::NotARepository,
            Self::AlreadyExists { .. } | Self::Remains { .. } => RepoErrorKind::AlreadyExists,
            Self::WrongPassword { .. } => RepoErrorKind::WrongPassword,
            Self::NoKeys { .. } | Self::Damaged { .. } => RepoErrorKind::Corrupt,
            Self::Locked { .. } => RepoErrorKind::Locked,
            Self::LockLost { .. } => RepoErrorKind::LockLost,
            Self::NotFound { .. } | Self::Ambiguous { .. } | Self::NoMatch { .. } => RepoErrorKind::NotFound,
            Self::Version { .. } | Self::Refused { .. } | Self::Encode(_) => RepoErrorKind::Refused,
            Self::Storage { source } => RepoErrorKind::Storage(source.kind()),
            Self::Blob(error) => error.kind(),
            Self::Cancelled => RepoErrorKind::Cancelled,
        }
    }

    pub(crate) fn damaged(kind: FileKind, id: &Id, location: String, source: FileFault) -> Self {
        let file = match kind {
            FileKind::Config => "the config".to_owned(),
            _ => format!("{}/{id}", kind.folder()),
        };
        Self::Damaged { file, location, source }
    }
}

impl From<StoreError> for RepoError {
    fn from(source: StoreError) -> Self {
        Self::Storage { source }
    }
}

impl From<ReadError> for RepoError {
    fn from(error: ReadError) -> Self {
        Self::Blob(Box::new(error))
    }
}

impl From<Cancelled> for RepoError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}
