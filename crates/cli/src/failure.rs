//! From an error to its exit code and its sentence. Kinds decide, never texts.

use anyhow::Error;
use holdfast_api::client::ApiError;
use holdfast_pull::{BackupError, RestoreError};
use holdfast_repo::{IngestError, RepoError, RepoErrorKind};

use crate::exit::Exit;
use crate::output::is_reader_gone;

/// The exit code of a failed run.
pub fn exit_of(error: &Error) -> Exit {
    for cause in error.chain() {
        if is_reader_gone(cause) {
            return Exit::ReaderGone;
        }
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
    let told = parts.join(": ");
    let is_away = matches!(error.downcast_ref(), Some(ApiError::Unreachable { .. }));
    if is_away { format!("{told}; start one with `holdfast serve`, or say with --server where it is") } else { told }
}

/// What is wrong with the command line, on one line, and where help is.
pub fn usage(error: &clap::Error) -> String {
    let text = error.render().to_string();
    // The pattern of the whole call follows, and says less than the help.
    let told =
        text.split("\n\nUsage:").next().unwrap_or(&text).split("\n\nFor more information").next().unwrap_or(&text);
    let words: Vec<&str> = told.trim_start_matches("error: ").split_whitespace().collect();
    format!("{}; `holdfast help` and `--help` after a verb tell more", words.join(" "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::usage;
    use crate::args::Cli;

    #[test]
    fn a_wrong_command_line_is_told_in_one_sentence() {
        let told = |line: &str| usage(&Cli::try_parse_from(line.split(' ')).unwrap_err());
        let missing = "the following required arguments were not provided: --as <PATH>; ";
        assert!(told("holdfast backup web1: --command x").starts_with(missing));
        let value = "invalid value 'round' for '--chunker <CHUNKER>' [possible values: gear, rabin]; ";
        assert!(told("holdfast init --chunker round").starts_with(value));
        assert!(told("holdfast frobnicate").starts_with("unrecognized subcommand 'frobnicate'; "));
    }
}
