//! Checking a repository: that all is there which the snapshots need, and on request that it is what was written.
//!
//! A check changes nothing (but that reading makes missing copies in a hot part anew) and goes on past what it finds, so that one run tells all. It finds what `restic check` finds,
//! and takes the same things for errors and for mere untidiness. What to do about a finding is not decided here.

mod data;
mod finding;
mod hot;
mod packs;
mod subset;
mod trees;

use std::num::NonZeroUsize;
use std::thread;

use holdfast_model::monitor::Phase;
use holdfast_model::{CancelToken, Id, IndexId, Monitor};
use holdfast_store::FileKind;

pub use finding::{Finding, PackFault};
pub use subset::{ParseReadDataError, ReadData};

use crate::Repository;
use crate::error::RepoError;
use crate::index::{IndexView, verify_file};
use crate::repository::in_parallel;

/// Threads that wait for the storage at the same time.
const THREADS: usize = 8;

/// What a check found, and how much it looked at.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// What it found; empty if all is well and tidy.
    pub findings: Vec<Finding>,
    /// Snapshots that were followed.
    pub snapshots: usize,
    /// Trees that were read.
    pub trees: usize,
    /// Packs that are there.
    pub packs: usize,
    /// Packs that were read.
    pub packs_read: usize,
    /// Bytes of those.
    pub bytes_read: u64,
    /// Whether all were read that were to be, whatever was found in them.
    pub has_read: bool,
}

impl CheckReport {
    /// Findings that mean that something is lost or damaged.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_error())
    }
}

/// Checks a repository. The caller holds a lock, or accepts findings that others' work explains.
///
/// Fails only if the storage does not answer at all, or somebody cancels.
pub fn check(
    repository: &Repository,
    read_data: ReadData,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<CheckReport, RepoError> {
    monitor.phase(Phase::Checking);
    let mut report = CheckReport::default();
    // Before anything is read: reading makes missing copies anew.
    hot::check_files(repository, &mut report)?;
    // Snapshots before the index: whatever a snapshot needs was in the index before the snapshot was.
    let snapshots = repository.read_snapshots()?;
    report.snapshots = snapshots.good.len();
    for (id, source) in snapshots.damaged {
        report.findings.push(Finding::Snapshot { id, source });
    }
    let damaged = read_index(repository)?;
    if !damaged.is_empty() {
        // What the lost part of the index named would all be found missing, and wrongly so.
        report.findings.extend(damaged);
        return Ok(report);
    }
    let view = repository.engine().index();
    let packs = packs::check_packs(repository, &view, cancel, &mut report)?;
    let chosen = read_data.choose(packs);
    hot::check_packs(repository, &view, &chosen, cancel, &mut report)?;
    let roots = snapshots.good.iter().map(|snapshot| snapshot.tree).collect();
    trees::check_trees(repository, &view, roots, monitor, cancel, &mut report)?;
    data::check_data(repository, &view, chosen, monitor, cancel, &mut report)?;
    report.has_read = true;
    Ok(report)
}

/// Reads all index files; those that can't be are findings.
fn read_index(repository: &Repository) -> Result<Vec<Finding>, RepoError> {
    let engine = repository.engine();
    let known: Vec<IndexId> = engine.index().index_files().collect();
    match engine.refresh_uncached() {
        // What was read in the past is read again: it may have been damaged since.
        Ok(_) => find_damaged(repository, known),
        Err(RepoError::Damaged { .. }) => {
            let files = repository.store().list(FileKind::Index)?;
            find_damaged(repository, files.into_iter().map(|file| file.id.into()).collect())
        }
        Err(error) => Err(error),
    }
}

fn find_damaged(repository: &Repository, files: Vec<IndexId>) -> Result<Vec<Finding>, RepoError> {
    let results = in_parallel(&files, |id| verify_file(&repository.engine().core().index_files(), id));
    let mut findings = Vec::new();
    for (id, result) in files.into_iter().zip(results) {
        match result {
            Ok(()) => {}
            Err(source @ RepoError::Damaged { .. }) => findings.push(Finding::Index { id, source }),
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

/// How many threads to use.
fn threads() -> usize {
    thread::available_parallelism().map_or(THREADS, NonZeroUsize::get).max(THREADS)
}

/// Whether the index has a blob that has not been marked for deletion.
fn has(view: &IndexView, kind: crate::pack::BlobKind, id: Id) -> bool {
    view.has(kind, &id.into())
}

#[cfg(test)]
mod tests;
