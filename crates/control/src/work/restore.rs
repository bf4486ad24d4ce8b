//! Gives a snapshot, or a part of it, back: to a client, or to a directory of this machine that is set apart for it.
//!
//! A plan goes the same way with an agent that changes nothing, and a second time to see what exists: so it tells which files
//! would be replaced. Nothing is written outside the target, whatever a snapshot or what was restored before holds.

mod folder;
mod plan;
mod select;

use holdfast_model::job::restore::{FolderPath, OverwriteMode, RestoreOrder, RestoreTally};
use holdfast_model::job::{Cause, JobError, Outcome};
use holdfast_model::monitor::Phase;
use holdfast_model::policy::RootPath;
use holdfast_model::{CancelToken, Monitor, SnapshotPath};
use holdfast_pull::{
    ClientLink, LinkError, LocalLink, Origin, Overwrite, RestoreError, RestoreReport, RestoreRequest, greet, restore,
};
use holdfast_repo::{LockMode, Repository, SavedSnapshot, Sleep, SnapshotFilter};

use super::client::Caller;
use super::{Failure, Workplace};
use select::Chosen;

/// What is to be restored, and where to.
pub struct RestoreTask {
    /// What was asked for.
    pub order: RestoreOrder,
    /// Where that is.
    pub target: Destination,
}

/// Where a snapshot is restored to.
pub enum Destination {
    /// A directory of a client.
    Client {
        /// The client.
        caller: Box<Caller>,
        /// The directory.
        path: RootPath,
    },
    /// A directory of this machine, beneath the one that is set apart.
    Folder(FolderPath),
}

/// Restores, or plans to.
pub fn run(
    task: &RestoreTask,
    repository: &Repository,
    place: &Workplace,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<Outcome, Failure> {
    let order = &task.order;
    let _lock = repository.lock(LockMode::Shared, &Sleep::new(cancel.clone()))?;
    repository.engine().refresh()?;
    let snapshot = repository.find_snapshot(&order.snapshot.to_string(), &SnapshotFilter::default())?;
    let from = order.select.beneath.as_ref().map_or(&b"/"[..], SnapshotPath::as_bytes);
    let origin = Origin::find(repository, snapshot.tree, from)?;
    let (chosen, missing) = Chosen::find(&order.select, repository, &origin, monitor)?;
    let roots = origin.seen_from_here(&snapshot.paths);
    let whole = if order.manner.delete { chosen.whole_beneath(&roots) } else { Vec::new() };
    let request = RestoreRequest {
        tree: origin.tree,
        target: target(task, place, order.dry_run)?,
        overwrite: overwrite(order.manner.overwrite),
        delete: order.manner.delete,
        verify: order.manner.verify,
        dry_run: order.dry_run,
        owners_by_name: order.manner.owners_by_name,
        selection: &chosen,
        whole_beneath: &whole,
        expected: expected(&snapshot, &chosen),
    };
    let shown = holdfast_pull::printable_path(&request.target);
    let verb = if order.dry_run { "planning to restore" } else { "restoring" };
    let paths: Vec<&[u8]> = order.select.paths.iter().map(SnapshotPath::as_bytes).collect();
    let goes = origin.shown(&request.target, &paths, &snapshot.paths);
    monitor.note(&format!("{verb} snapshot {} of {} to {shown}: {goes}", snapshot.id.short(), snapshot.time));
    let way = Way { task, place, cancel };
    if order.dry_run {
        return plan::plan(&way, repository, &request, monitor).map(|(report, tally)| outcome(&report, tally, missing));
    }
    monitor.phase(Phase::Connecting);
    let report = way.with_agent(&mut |link| restore(repository, link, &request, monitor, cancel))?;
    if report.owners_kept > 0 {
        let kept = report.owners_kept;
        monitor.note(&format!(
            "{kept} items without the owner, or an attribute, of the snapshot: only root can set those"
        ));
    }
    let tally = RestoreTally { bytes_written: report.bytes_written, ..tally(&report) };
    Ok(outcome(&report, tally, missing))
}

/// The way to the agent that writes.
struct Way<'a> {
    task: &'a RestoreTask,
    place: &'a Workplace,
    cancel: &'a CancelToken,
}

impl Way<'_> {
    /// Does something with a new agent.
    fn with_agent(
        &self,
        work: &mut dyn FnMut(&mut dyn ClientLink) -> Result<RestoreReport, RestoreError>,
    ) -> Result<RestoreReport, Failure> {
        match &self.task.target {
            Destination::Client { caller, .. } => {
                let mut session = caller.call(self.place, self.cancel)?;
                Ok(work(&mut session.link)?)
            }
            Destination::Folder(_) => {
                let internal = |message: String| Failure::Failed(JobError { cause: Cause::Internal, message });
                let mut link = LocalLink::start(self.cancel)
                    .map_err(|error| internal(format!("cannot start a thread ({error})")))?;
                greet(&mut link).map_err(|error: LinkError| internal(error.to_string()))?;
                Ok(work(&mut link)?)
            }
        }
    }
}

/// The directory, as the agent is told of it.
fn target(task: &RestoreTask, place: &Workplace, dry_run: bool) -> Result<Vec<u8>, Failure> {
    match &task.target {
        Destination::Client { path, .. } => Ok(path.as_str().as_bytes().to_vec()),
        Destination::Folder(path) => folder::beneath(&place.restores, path, dry_run).map_err(|source| {
            let message = format!("cannot restore to {path} beneath {}: {source}", place.restores.display());
            Failure::Failed(JobError { cause: Cause::Configuration, message })
        }),
    }
}

fn overwrite(mode: OverwriteMode) -> Overwrite {
    match mode {
        OverwriteMode::Always => Overwrite::Always,
        OverwriteMode::IfChanged => Overwrite::IfChanged,
        OverwriteMode::IfNewer => Overwrite::IfNewer,
        OverwriteMode::Never => Overwrite::Never,
    }
}

/// Files and bytes that there will be, where all of a snapshot is restored.
fn expected(snapshot: &SavedSnapshot, chosen: &Chosen) -> Option<(u64, u64)> {
    let summary = snapshot.summary.as_ref().filter(|_| chosen.is_all())?;
    Some((summary.total_files_processed, summary.total_bytes_processed))
}

fn tally(report: &RestoreReport) -> RestoreTally {
    RestoreTally {
        restored: report.restored,
        unchanged: report.unchanged,
        left_alone: report.skipped,
        failed: report.failed,
        deleted: report.deleted,
        bytes_total: report.total_bytes,
        ..RestoreTally::default()
    }
}

fn outcome(report: &RestoreReport, tally: RestoreTally, missing: u64) -> Outcome {
    Outcome {
        files: tally.restored + tally.unchanged + tally.left_alone + tally.failed,
        files_changed: tally.restored,
        bytes: tally.bytes_total,
        bytes_received: report.traffic.received,
        // What failed has been told, and one may have failed in several ways.
        warnings: report.problems.max(report.failed) + missing,
        restore: Some(tally),
        ..Outcome::default()
    }
}
