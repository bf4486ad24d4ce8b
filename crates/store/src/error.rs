//! What can go wrong in a store. Callers decide by [`StoreError::kind`], never by the text.

use std::error::Error;

use holdfast_model::Id;

use crate::FileKind;

/// What a failure means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The file, or the whole repository, is not there.
    NotFound,
    /// A file of that name is there already: `put` never replaces.
    AlreadyExists,
    /// May work when tried again: time-outs, resets, 5xx.
    Transient,
    /// The storage refuses us: credentials, permissions, read-only.
    Denied,
    /// No space left, or a quota is used up.
    Full,
    /// The storage answered with something that cannot be right (short read, malformed listing).
    Corrupt,
    /// Anything else that another try will not mend.
    Permanent,
}

impl ErrorKind {
    /// What to do about it, where that is the same for every store.
    fn remedy(self) -> &'static str {
        match self {
            Self::Full => "; make room there and run it again",
            Self::Denied => "; check who may read and write there, and as whom this runs",
            _ => "",
        }
    }
}

/// A failed call, with what was being done to which file where.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {what} in {location}{}", .kind.remedy())]
pub struct StoreError {
    /// What the failure means.
    pub kind: ErrorKind,
    /// The verb: `read`, `write`, `list`, `delete`, `create`.
    pub action: &'static str,
    /// The file, as `kind/name`, or the kind alone for a listing.
    pub what: String,
    /// The store, without any secret of its URI.
    pub location: String,
    /// The driver's own error.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// An error of a call on one file.
    pub fn of_file(
        kind: ErrorKind,
        action: &'static str,
        file: (FileKind, &Id),
        location: String,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, action, what: describe(file.0, file.1), location, source: source.into() }
    }

    /// What the failure means for the caller.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// How errors and logs name a file.
fn describe(kind: FileKind, id: &Id) -> String {
    match kind {
        FileKind::Config => "config".to_owned(),
        _ => format!("{}/{id}", kind.folder()),
    }
}
