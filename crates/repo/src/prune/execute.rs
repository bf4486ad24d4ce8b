//! Doing what a plan says, in the order in which a crash at any point does no harm.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use holdfast_model::monitor::{Phase, Progress};
use holdfast_model::{CancelToken, IndexId, Monitor, PackId};
use holdfast_store::{ErrorKind, FileKind};

use super::index_rewrite::rewrite;
use super::plan::{PruneError, PrunePlan, snapshot_ids};
use super::repack::repack;
use crate::LockGuard;
use crate::engine::Core;
use crate::error::RepoError;

/// What a prune did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// Packs that are gone.
    pub packs_deleted: u64,
    /// Packs that could not be deleted: they take space, and the next prune tries again.
    pub packs_left: u64,
    /// Packs that were written.
    pub packs_written: u64,
    /// Index files that were replaced.
    pub index_files_replaced: u64,
    /// Half-written files of writers that died, deleted.
    pub leftovers_swept: u64,
}

pub(super) fn execute(
    plan: PrunePlan,
    lock: &LockGuard,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<PruneReport, PruneError> {
    let repository = plan.repository.clone();
    repository.check_removable()?;
    let core = repository.engine().core();
    if !lock.allows_removal(&repository, plan.begun) {
        return Err(PruneError::Lock);
    }
    // What interrupted backups have stored for their next run is no reason to refuse.
    let deletes_data = plan.removed().chain(plan.repacked()).next().is_some();
    if plan.snapshots.is_empty() && deletes_data && !plan.options.remove_all {
        return Err(PruneError::NoSnapshots { location: repository.location() });
    }
    let files: HashSet<IndexId> = plan.view.index_files().collect();
    repository.engine().refresh()?;
    if files != core.index.view().index_files().collect() {
        return Err(PruneError::Restless { what: "index" });
    }
    // A snapshot that was to be gone, and is listed all the same, needs its data.
    if plan.has_ignored || snapshot_ids(&repository)? != plan.snapshots {
        return Err(PruneError::Restless { what: "snapshots" });
    }
    let mut report = PruneReport::default();
    let deletion = Deletion { core, lock, monitor, cancel };

    lock.prove()?;
    monitor.phase(Phase::Deleting);
    let first: Vec<PackId> = plan.unreferenced().collect();
    deletion.packs(&first, &mut report)?;

    monitor.phase(Phase::Repacking);
    let written = repack(&plan, lock, monitor, cancel)?;
    report.packs_written = written.len() as u64;

    monitor.phase(Phase::Committing);
    cancel.check().map_err(RepoError::from)?;
    lock.prove()?;
    let files: Vec<IndexId> = files.into_iter().collect();
    let replaced = rewrite(core, &files, &|pack| plan.decision.leaves(pack), written, lock)?;
    report.index_files_replaced = replaced as u64;

    lock.prove()?;
    monitor.phase(Phase::Deleting);
    let old: Vec<PackId> = plan.removed().chain(plan.repacked()).collect();
    deletion.packs(&old, &mut report)?;
    // What is left over is in nobody's way: the next prune tries again.
    match core.store.sweep() {
        Ok(swept) => report.leftovers_swept = swept,
        Err(error) => monitor.note(&format!("half-written files could not be deleted: {error}: {}", error.source)),
    }

    if replaced > 0 {
        repository.engine().refresh()?;
    }
    let view = core.index.view();
    core.closed.revise(&view);
    core.closed.remember(&view, plan.used_trees);
    Ok(report)
}

struct Deletion<'a> {
    core: &'a Core,
    lock: &'a LockGuard,
    monitor: &'a dyn Monitor,
    cancel: &'a CancelToken,
}

impl Deletion<'_> {
    /// Deletes packs. One that cannot be deleted stops nothing: it is in nobody's way.
    fn packs(&self, packs: &[PackId], report: &mut PruneReport) -> Result<(), PruneError> {
        let (next, deleted, left) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let run = || -> Result<(), RepoError> {
            while let Some(pack) = packs.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.cancel.check()?;
                self.lock.check()?;
                match self.core.store.remove(FileKind::Pack, &(*pack).into()) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        left.fetch_add(1, Ordering::Relaxed);
                        self.monitor.note(&format!("pack {pack} could not be deleted: {error}: {}", error.source));
                    }
                    _ => {
                        let files_done = deleted.fetch_add(1, Ordering::Relaxed) + 1;
                        let files_total = Some(packs.len() as u64);
                        self.monitor.progress(&Progress { files_done, files_total, ..Progress::default() });
                    }
                }
            }
            Ok(())
        };
        let result = std::thread::scope(|scope| {
            let threads = self.core.options.connections.get().min(packs.len().max(1));
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
            others.into_iter().fold(run(), |result, other| {
                let ended = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                result.and(ended)
            })
        });
        report.packs_deleted += deleted.into_inner();
        report.packs_left += left.into_inner();
        Ok(result?)
    }
}
