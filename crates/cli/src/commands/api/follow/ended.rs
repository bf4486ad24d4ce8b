//! What became of a job, in a sentence.

use holdfast_api::Job;
use holdfast_model::job::restore::RestoreTally;
use holdfast_model::job::{JobKind, JobStatus};

use crate::output::{self, printable};

/// Why a job did not end well, and what to do.
pub fn failed(name: &str, job: &Job) -> String {
    let status = if job.status == JobStatus::Failed { "failed" } else { job.status.as_str() };
    let why = match (&job.outcome.error, &job.waiting_text) {
        (Some(error), _) => format!(": {}", printable(&error.message)),
        (None, Some(waiting)) => format!(": {}", printable(waiting)),
        (None, None) => String::new(),
    };
    let fix = job.fix.as_ref().map(|fix| format!("; {fix}")).unwrap_or_default();
    format!("{name} {status}{why}{fix}")
}

/// What became of a job, on one line.
pub fn ended(name: &str, job: &Job) -> String {
    if !job.status.is_good() {
        return failed(name, job);
    }
    let outcome = &job.outcome;
    let took = job.started.zip(job.finished).map(|(from, to)| to.duration_since(from).unsigned_abs());
    let took = took.map(|time| format!(" in {}", output::duration(time))).unwrap_or_default();
    let mut parts = vec![format!("{name}: {}{took}", job.status)];
    if job.kind == JobKind::Backup {
        parts.push(format!("{}, {}", output::count(outcome.files, "file"), output::bytes(outcome.bytes)));
        parts.push(format!("{} added", output::bytes(outcome.bytes_added)));
    }
    if job.kind == JobKind::Copy {
        let all = output::count(outcome.files, "snapshot");
        parts.push(format!("{} of {all} copied, the others were there", outcome.files_new));
    }
    if outcome.snapshots_removed > 0 {
        parts.push(format!("{} removed", output::count(outcome.snapshots_removed, "snapshot")));
    }
    if outcome.bytes_freed > 0 {
        parts.push(format!("{} freed", output::bytes(outcome.bytes_freed)));
    }
    parts.extend(outcome.restore.map(|tally| restored(&tally)));
    if outcome.warnings > 0 {
        parts.push(output::count(outcome.warnings, "warning"));
    }
    parts.extend(outcome.snapshot.map(|id| format!("snapshot {}", id.short())));
    parts.join(", ")
}

/// What a restore did, or would do.
fn restored(tally: &RestoreTally) -> String {
    let RestoreTally { restored, unchanged, left_alone, conflicts, .. } = tally;
    let written = output::bytes(tally.bytes_written);
    let mut parts = vec![match tally.planned {
        true => format!("{restored} would be made or changed ({conflicts} of them exist), {written}"),
        false => format!("{restored} made or changed, {written}"),
    }];
    parts.push(format!("{unchanged} as they should be"));
    parts.extend((*left_alone > 0).then(|| format!("{left_alone} left alone")));
    parts.extend(
        (tally.deleted > 0)
            .then(|| format!("{} {}", tally.deleted, if tally.planned { "would be deleted" } else { "deleted" })),
    );
    parts.extend((tally.failed > 0).then(|| format!("{} not restored wholly", tally.failed)));
    parts.join(", ")
}
