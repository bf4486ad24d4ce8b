//! What a restore would do: counted, and which files it would replace.
//!
//! The agent tells what it would make or change, not which of that is there already. Asked a second time to leave alone
//! whatever exists, it tells just that; a node has the same number both times.

use holdfast_model::job::restore::RestoreTally;
use holdfast_model::monitor::{ItemError, Phase, Progress};
use holdfast_model::{Monitor, Silent};
use holdfast_pull::{
    Overwrite, RestoreOutcome, RestoreReport, RestoreRequest, Witness, Witnessed, printable_path, restore_before,
};
use holdfast_repo::Repository;

use super::{Failure, Way, tally};

/// So many conflicts are named: more than anybody reads.
const NAMED: u64 = 1000;

/// Plans.
pub(super) fn plan(
    way: &Way<'_>,
    repository: &Repository,
    request: &RestoreRequest<'_>,
    monitor: &dyn Monitor,
) -> Result<(RestoreReport, RestoreTally), Failure> {
    monitor.phase(Phase::Connecting);
    let mut there = There::default();
    if request.overwrite != Overwrite::Never {
        let probe = RestoreRequest { overwrite: Overwrite::Never, delete: false, whole_beneath: &[], ..copy(request) };
        way.with_agent(&mut |link| restore_before(&mut there, repository, link, &probe, &Silent, way.cancel))?;
    }
    monitor.phase(Phase::Planning);
    let quiet = Planning(monitor);
    let mut plan = Plan { there, conflicts: 0, bytes: 0, monitor };
    let report =
        way.with_agent(&mut |link| restore_before(&mut plan, repository, link, request, &quiet, way.cancel))?;
    if plan.conflicts > NAMED {
        monitor.note(&format!("there are {} more files that would be replaced", plan.conflicts - NAMED));
    }
    let (conflicts, bytes_written) = (plan.conflicts, plan.bytes);
    Ok((report, RestoreTally { planned: true, conflicts, bytes_written, ..tally(&report) }))
}

fn copy<'a>(request: &RestoreRequest<'a>) -> RestoreRequest<'a> {
    RestoreRequest { target: request.target.clone(), ..*request }
}

/// Which nodes are there already, other than directories that are directories: a bit each.
#[derive(Default)]
struct There(Vec<u64>);

impl There {
    fn has(&self, number: u64) -> bool {
        self.0.get((number / 64) as usize).is_some_and(|word| word & 1 << (number % 64) != 0)
    }
}

impl Witness for There {
    fn hear(&mut self, node: &Witnessed<'_>) {
        let is_there = match node.outcome {
            RestoreOutcome::Skipped | RestoreOutcome::Unchanged => !node.is_dir,
            // Something else is in the place of a directory.
            RestoreOutcome::Failed => node.is_dir,
            RestoreOutcome::Restored => false,
        };
        if is_there {
            let at = (node.number / 64) as usize;
            self.0.resize(self.0.len().max(at + 1), 0);
            self.0[at] |= 1 << (node.number % 64);
        }
    }
}

/// What would be done.
struct Plan<'a> {
    there: There,
    conflicts: u64,
    bytes: u64,
    monitor: &'a dyn Monitor,
}

impl Witness for Plan<'_> {
    fn hear(&mut self, node: &Witnessed<'_>) {
        if node.outcome != RestoreOutcome::Restored {
            return;
        }
        self.bytes = self.bytes.saturating_add(node.bytes);
        if self.there.has(node.number) {
            self.conflicts += 1;
            if self.conflicts <= NAMED {
                self.monitor.note(&format!("would replace {}", printable_path(node.path)));
            }
        }
    }
}

/// Tells what happens, but not that something is being restored.
struct Planning<'a>(&'a dyn Monitor);

impl Monitor for Planning<'_> {
    fn progress(&self, progress: &Progress) {
        self.0.progress(progress);
    }

    fn item_error(&self, error: &ItemError) {
        self.0.item_error(error);
    }

    fn warning(&self, text: &str) {
        self.0.warning(text);
    }

    fn note(&self, text: &str) {
        self.0.note(text);
    }
}
