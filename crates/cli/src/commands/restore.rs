//! `holdfast restore`

mod selection;

use std::ffi::OsStr;

use anyhow::{Context as _, Result};
use holdfast_model::source::Source;
use holdfast_pull::{LocalLink, Origin, RestoreReport, RestoreRequest, beneath_home, client_path, greet, restore};
use holdfast_repo::{LockMode, Repository, SavedSnapshot};
use holdfast_store::Sleep;
use holdfast_wire::Overwrite;
use serde::Serialize;

use self::selection::Patterns;
use crate::args::{OverwriteMode, RestoreArgs};
use crate::commands::backup::roots;
use crate::commands::remote::{Call, Turns};
use crate::commands::snapshots;
use crate::exit::Exit;
use crate::output;
use crate::{Context, open};

/// Restores a snapshot.
pub fn run(context: &Context, args: &RestoreArgs) -> Result<Exit> {
    let patterns = Patterns::new(args)?;
    let target = Source::parse(OsStr::new(&args.target)).context("--target")?;
    if let Source::Remote { path, .. } = &target {
        beneath_home(path).context("--target")?;
    }
    let repository = open::repository(context)?;
    let _lock = repository.lock(LockMode::Shared, &Sleep::new(context.cancel.clone()))?;
    repository.engine().refresh()?;
    let part = Part::find(&repository, args)?;
    let whole = if patterns.is_empty() { part.whole_beneath() } else { Vec::new() };
    let chosen = patterns.of(&part.origin);
    if args.delete && !part.snapshot.excludes.is_empty() {
        let left_out = part.snapshot.excludes.join(" ");
        let note =
            format!("note: --delete also deletes what the backup has left out ({})", output::path(left_out.as_bytes()));
        context.output.monitor().note(&note);
    }
    let summary = part.snapshot.summary.as_ref().filter(|_| patterns.is_empty() && part.origin.is_root());
    let mut request = RestoreRequest {
        tree: part.origin.tree,
        target: Vec::new(),
        overwrite: overwrite(args.overwrite),
        delete: args.delete,
        verify: args.verify,
        dry_run: args.dry_run,
        owners_by_name: args.ownership_by_name,
        selection: &chosen,
        whole_beneath: &whole,
        expected: summary.map(|summary| (summary.total_files_processed, summary.total_bytes_processed)),
    };
    let report = match &target {
        Source::Local { path } => {
            request.target = roots::absolute(path)?;
            say_where(context, &part, args, &request, "");
            let mut link = LocalLink::start(&context.cancel).context("cannot start a thread")?;
            greet(&mut link)?;
            restore(&repository, &mut link, &request, context.output.monitor(), &context.cancel)?
        }
        Source::Remote { host, path } => {
            let call = Call::prepare(&args.connection, None)?;
            let (mut link, hello) = Turns::default().greet(&call, context, host)?;
            request.target = client_path(path, &hello)?;
            say_where(context, &part, args, &request, &format!(" on {host}"));
            restore(&repository, &mut link, &request, context.output.monitor(), &context.cancel)?
        }
    };
    show(context, &part, args, &report)?;
    Ok(if report.failed + report.problems > 0 { Exit::Incomplete } else { Exit::Done })
}

/// Says where files go, before anything is written.
fn say_where(context: &Context, part: &Part, args: &RestoreArgs, request: &RestoreRequest<'_>, on: &str) {
    let verb = if args.dry_run { "would restore" } else { "restoring" };
    let goes = part.origin.shown(&request.target, &[], &part.snapshot.paths);
    context.output.monitor().note(&format!("{verb} snapshot {}{on}: {goes}", part.snapshot.id.short()));
}

fn overwrite(mode: OverwriteMode) -> Overwrite {
    match mode {
        OverwriteMode::Always => Overwrite::Always,
        OverwriteMode::IfChanged => Overwrite::IfChanged,
        OverwriteMode::IfNewer => Overwrite::IfNewer,
        OverwriteMode::Never => Overwrite::Never,
    }
}

/// The part of a snapshot that is restored.
struct Part {
    snapshot: SavedSnapshot,
    path: String,
    origin: Origin,
}

impl Part {
    /// Finds `SNAPSHOT[:PATH]`.
    fn find(repository: &Repository, args: &RestoreArgs) -> Result<Self> {
        let (name, path) = args.snapshot.split_once(':').unwrap_or((&args.snapshot, "/"));
        let snapshot = repository.find_snapshot(name, &snapshots::filter(&args.filter))?;
        let origin = Origin::find(repository, snapshot.tree, path.as_bytes())?;
        Ok(Self { snapshot, path: path.to_owned(), origin })
    }

    /// Where the snapshot holds directories as a whole: beneath its paths, seen from the part.
    fn whole_beneath(&self) -> Vec<Vec<u8>> {
        self.origin.seen_from_here(&self.snapshot.paths).into_iter().map(String::into_bytes).collect()
    }
}

#[derive(Serialize)]
struct Event<'a> {
    message_type: &'static str,
    snapshot_id: String,
    target: &'a str,
    dry_run: bool,
    nodes_restored: u64,
    nodes_unchanged: u64,
    nodes_skipped: u64,
    nodes_failed: u64,
    files_deleted: u64,
    owners_kept: u64,
    total_bytes: u64,
    bytes_written: u64,
    bytes_received: u64,
    bytes_sent: u64,
    error_count: u64,
}

fn show(context: &Context, part: &Part, args: &RestoreArgs, report: &RestoreReport) -> Result<()> {
    context.output.finish();
    if context.output.is_json() {
        return Ok(context.output.document(&Event {
            message_type: "summary",
            snapshot_id: part.snapshot.id.to_string(),
            target: &args.target,
            dry_run: args.dry_run,
            nodes_restored: report.restored,
            nodes_unchanged: report.unchanged,
            nodes_skipped: report.skipped,
            nodes_failed: report.failed,
            files_deleted: report.deleted,
            owners_kept: report.owners_kept,
            total_bytes: report.total_bytes,
            bytes_written: report.bytes_written,
            bytes_received: report.traffic.received,
            bytes_sent: report.traffic.sent,
            error_count: report.problems,
        })?);
    }
    let line = |text: String| context.output.line(text);
    let verb = if args.dry_run { "Would restore" } else { "Restored" };
    let (written, total) = (output::bytes(report.bytes_written), output::bytes(report.total_bytes));
    line(format!(
        "{verb} {} of snapshot {} to {}: {} made or changed, {} as they should be, {} left alone",
        part.path,
        part.snapshot.id.short(),
        args.target,
        report.restored,
        report.unchanged,
        report.skipped
    ))?;
    line(format!("{written} written of {total}"))?;
    if report.deleted > 0 {
        line(format!(
            "{} deleted",
            if report.deleted == 1 { "1 entry".into() } else { format!("{} entries", report.deleted) }
        ))?;
    }
    if report.owners_kept > 0 {
        let items = output::count(report.owners_kept, "item");
        line(format!("{items} without the owner, or an attribute, of the snapshot: only root can set those"))?;
    }
    if report.failed + report.problems > 0 {
        let what = match report.failed {
            0 => output::count(report.problems, "problem") + " while restoring",
            failed => output::count(failed, "item") + " could not be restored",
        };
        line(format!("{what}; see the messages above"))?;
    }
    Ok(())
}
