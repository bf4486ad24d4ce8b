//! From an error to its exit code and its sentence. Kinds decide, never texts.

use anyhow::Error;
use holdfast_pull::{BackupError, RestoreError};
use holdfast_repo::{IngestError, RepoError, RepoErrorKind};

use crate::exit::Exit;

/// The exit code of a failed run.
pub fn exit_of(error: &Error) -> Exit {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<RepoError>() {
            return exit_of_kind(error.kind());
        }
        if let Some(IngestError::Repository(error)) = cause.downcast_ref::<IngestError>() {
            return exit_of_kind(error.kind());
        }
        let cancelled = matches!(cause.downcast_ref(), Some(BackupError::Cancelled(_)))
            || matches!(cause.downcast_ref(), Some(RestoreError::Cancelled(_)));
        if cancelled {
            return Exit::Interrupted;
        }
    }
    Exit::Failed
}

fn exit_of_kind(kind: RepoErrorKind) -> Exit {
    match kind {
        RepoErrorKind::NotARepository => Exit::NoRepository,
        RepoErrorKind::WrongPassword => Exit::WrongPassword,
        RepoErrorKind::Locked => Exit::Locked,
        RepoErrorKind::Cancelled => Exit::Interrupted,
        _ => Exit::Failed,
    }
}

/// The error and what lies beneath it, on one line.
pub fn sentence(error: &Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // Transparent errors say what their source says.
        if parts.last().is_none_or(|last| *last != text) {
            parts.push(text);
        }
    }
    parts.join(": ")
}
