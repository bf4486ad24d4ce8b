//! `holdfast diff`

use std::io::{self, Write};

use anyhow::Result;
use holdfast_repo::SnapshotFilter;
use holdfast_repo::catalogue::{Diff, DiffOptions, DiffStats, DiffSummary, diff};
use serde::Serialize;

use super::chosen::{self, Part};
use super::ls;
use crate::Context;
use crate::args::DiffArgs;
use crate::exit::Exit;
use crate::output;

#[derive(Serialize)]
struct ChangeEvent<'a> {
    message_type: &'static str,
    path: std::borrow::Cow<'a, str>,
    modifier: String,
}

#[derive(Serialize)]
struct Counts {
    files: u64,
    dirs: u64,
    others: u64,
    data_blobs: u64,
    tree_blobs: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Statistics<'a> {
    message_type: &'static str,
    source_snapshot: &'a str,
    target_snapshot: &'a str,
    changed_files: u64,
    added: Counts,
    removed: Counts,
}

impl From<DiffStats> for Counts {
    fn from(stats: DiffStats) -> Self {
        let DiffStats { files, dirs, others, data_blobs, tree_blobs, bytes } = stats;
        Self { files, dirs, others, data_blobs, tree_blobs, bytes }
    }
}

/// Shows what differs between two snapshots.
pub fn run(context: &Context, args: &DiffArgs) -> Result<Exit> {
    let (repository, _lock) = chosen::for_reading(context)?;
    let find = |name: &str| Part::find(&repository, name, &SnapshotFilter::default());
    let (from, to) = (find(&args.from)?, find(&args.to)?);
    let (first, second) = (from.directory()?, to.directory()?);
    context.output.finish();
    context.output.line(format!("comparing snapshot {} to {}:\n", from.snapshot.id.short(), to.snapshot.id.short()))?;
    let mut out = context.output.stream();
    let mut written = Ok(());
    let options = DiffOptions { metadata: args.metadata };
    let summary = diff(repository.engine(), (first, second), options, &context.cancel, &mut |change| {
        if written.is_ok() {
            written = show(context, &mut out, &change);
        }
    })?;
    written?;
    out.flush()?;
    finish(context, args, summary)
}

fn show(context: &Context, out: &mut impl Write, change: &Diff) -> io::Result<()> {
    let modifier = change.change.sign();
    if context.output.is_json() {
        let event = ChangeEvent { message_type: "change", path: String::from_utf8_lossy(&change.path), modifier };
        serde_json::to_writer(&mut *out, &event).map_err(std::io::Error::from)?;
        return out.write_all(b"\n");
    }
    writeln!(out, "{modifier:<5}{}", output::path(&change.path))
}

fn finish(context: &Context, args: &DiffArgs, summary: DiffSummary) -> Result<Exit> {
    let DiffSummary { changed_files, added, removed, errors } = summary;
    if context.output.is_json() {
        context.output.document(&Statistics {
            message_type: "statistics",
            source_snapshot: &args.from,
            target_snapshot: &args.to,
            changed_files,
            added: added.into(),
            removed: removed.into(),
        })?;
    } else {
        let line = |text: String| context.output.line(text);
        line(String::new())?;
        line(format!("Files:       {:>5} new, {:>5} removed, {changed_files:>5} changed", added.files, removed.files))?;
        for (name, new, gone) in [
            ("Dirs:", added.dirs, removed.dirs),
            ("Others:", added.others, removed.others),
            ("Data blobs:", added.data_blobs, removed.data_blobs),
            ("Tree blobs:", added.tree_blobs, removed.tree_blobs),
        ] {
            line(format!("{name:<13}{new:>5} new, {gone:>5} removed"))?;
        }
        line(format!("Added:   {}", output::bytes(added.bytes)))?;
        line(format!("Removed: {}", output::bytes(removed.bytes)))?;
    }
    let exit = if errors.is_empty() { Exit::Done } else { Exit::Failed };
    for error in errors {
        ls::unreadable(context, error);
    }
    Ok(exit)
}
