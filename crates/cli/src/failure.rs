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
    let parts = told.trim_start_matches("error: ").split("\n\n").map(part).filter(|part| !part.is_empty());
    format!("{}; `holdfast help` and `--help` after a verb tell more", parts.collect::<Vec<_>>().join("; "))
}

/// A part of what is wrong, on one line and without words that only programmers know.
fn part(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.strip_prefix("tip: ").unwrap_or(&words);
    if let Some(place) = words.strip_suffix(" exists").filter(|place| place.starts_with('\'')) {
        return format!("write it behind the verb, as {place}");
    }
    let inner = [
        ("number too large to fit in target type", "the number is too large"),
        ("number too small to fit in target type", "the number is too small"),
        ("invalid digit found in string", "it is no whole number"),
        ("cannot parse integer from empty string", "it is no whole number"),
    ];
    let words = inner.iter().fold(words.to_owned(), |words, (inner, ours)| words.replace(inner, ours));
    // `99 is not in 1..=65535`
    match words.rsplit_once(" is not in ").and_then(|(before, range)| Some((before, range.split_once("..=")?))) {
        Some((before, (from, to))) => format!("{before} is not from {from} to {to}"),
        None => words,
    }
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
        let behind =
            "unexpected argument '--server' found; write it behind the verb, as 'apply --server'; `holdfast help`";
        let said = told("holdfast --server http://x apply -f x");
        assert!(said.starts_with(behind), "{said}");
        let said = told("holdfast snapshot list -n 99999999999999999999999");
        assert!(said.contains(": the number is too large; "), "{said}");
        let said = told("holdfast snapshot list -n 0");
        assert!(said.contains(": 0 is not from 1 to 1000000; "), "{said}");
        let said = told("holdfast serve --jobs many");
        assert!(said.contains(": it is no whole number; "), "{said}");
    }
}
