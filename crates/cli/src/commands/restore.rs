//! `holdfast restore`

mod selection;

use std::ffi::OsStr;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use holdfast_model::source::Source;
use holdfast_pull::{
    LocalLink, RestoreReport, RestoreRequest, beneath_home, client_path, greet, read_trees_ahead, restore,
};
use holdfast_repo::catalogue::{Place, resolve};
use holdfast_repo::{LOCK_SETTLE, LockMode, Repository, SavedSnapshot};
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
    let pause = Sleep::new(context.cancel.clone());
    let (_lock, part) = repository.lock_while(LockMode::Shared, &pause, &context.cancel, |cancel| -> Result<Part> {
        let until = Instant::now() + LOCK_SETTLE;
        repository.engine().refresh()?;
        let part = Part::find(&repository, args)?;
        if patterns.is_empty() {
            read_trees_ahead(&repository, part.tree, until, cancel);
        }
        Ok(part)
    })?;
    let part = part?;
    let whole = if patterns.is_empty() { part.whole_beneath() } else { Vec::new() };
    if args.delete && !part.snapshot.excludes.is_empty() {
        let left_out = part.snapshot.excludes.join(" ");
        let note =
            format!("note: --delete also deletes what the backup has left out ({})", output::path(left_out.as_bytes()));
        context.output.monitor().note(&note);
    }
    let summary = part.snapshot.summary.as_ref().filter(|_| patterns.is_empty() && part.is_all());
    let mut request = RestoreRequest {
        tree: part.tree,
        target: Vec::new(),
        overwrite: overwrite(args.overwrite),
        delete: args.delete,
        verify: args.verify,
        dry_run: args.dry_run,
        owners_by_name: args.ownership_by_name,
        selection: &patterns,
        whole_beneath: &whole,
        expected: summary.map(|summary| (summary.total_files_processed, summary.total_bytes_processed)),
    };
    let report = match &target {
        Source::Local { path } => {
            request.target = roots::absolute(path)?;
            let mut link = LocalLink::start(&context.cancel).context("cannot start a thread")?;
            greet(&mut link)?;
            restore(&repository, &mut link, &request, context.output.monitor(), &context.cancel)?
        }
        Source::Remote { host, path } => {
            let call = Call::prepare(&args.connection, None)?;
            let (mut link, hello) = Turns::default().greet(&call, context, host)?;
            request.target = client_path(path, &hello)?;
            restore(&repository, &mut link, &request, context.output.monitor(), &context.cancel)?
        }
    };
    show(context, &part, args, &report)?;
    Ok(if report.failed + report.problems > 0 { Exit::Incomplete } else { Exit::Done })
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
    tree: holdfast_model::TreeId,
}

impl Part {
    /// Finds `SNAPSHOT[:PATH]`.
    fn find(repository: &Repository, args: &RestoreArgs) -> Result<Self> {
        let (name, path) = args.snapshot.split_once(':').unwrap_or((&args.snapshot, "/"));
        let snapshot = repository.find_snapshot(name, &snapshots::filter(&args.filter))?;
        let place = resolve(repository.engine(), snapshot.tree, path.as_bytes())?;
        match place.tree() {
            Some(tree) => Ok(Self { snapshot, path: path.to_owned(), tree }),
            None => match place {
                Place::Node(..) => {
                    bail!("{path} is no directory; restore the directory that holds it with --include {path}")
                }
                Place::Root(..) => bail!("{path} is no directory"),
            },
        }
    }

    /// Whether it is all of the snapshot.
    fn is_all(&self) -> bool {
        self.path.trim_end_matches('/').is_empty()
    }

    /// Where the snapshot holds directories as a whole: beneath its paths, seen from the part.
    fn whole_beneath(&self) -> Vec<Vec<u8>> {
        let part = self.path.trim_end_matches('/');
        let mut whole = Vec::new();
        for path in &self.snapshot.paths {
            let path = path.trim_end_matches('/');
            if part == path || part.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')) {
                return vec![Vec::new()];
            }
            whole.extend(
                path.strip_prefix(part).filter(|rest| rest.starts_with('/')).map(|rest| rest.as_bytes().to_vec()),
            );
        }
        whole
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
