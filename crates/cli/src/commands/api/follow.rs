//! Watches jobs until they have ended: what they wait for, what their logs say, and what became of them.
//!
//! Watching changes nothing: whoever stops it leaves the jobs at work.

use std::time::Duration;

use anyhow::{Result, bail};
use holdfast_api::client::{ApiError, ApiErrorKind};
use holdfast_api::{Job, LogLevel, LogLine};
use holdfast_model::JobUid;
use holdfast_model::job::restore::RestoreTally;
use holdfast_model::job::{JobKind, JobStatus};
use holdfast_store::{Pause, Sleep};
use serde::Serialize;

use super::Session;
use super::names::Names;
use crate::exit::Exit;
use crate::output::{self, printable};

/// How often the server is asked.
const EVERY: Duration = Duration::from_millis(500);
/// So often in a row it may be away: a minute, in which it is started anew.
const PATIENCE: u32 = 120;

/// A job that is watched.
struct Watched {
    job: Job,
    name: String,
    /// The line to go on with.
    next: u64,
    waiting: Option<String>,
    has_ended: bool,
}

/// A line of a log, for programs.
#[derive(Serialize)]
struct LogEvent<'a> {
    message_type: &'static str,
    job: JobUid,
    #[serde(flatten)]
    line: &'a LogLine,
}

/// A job that has ended, for programs.
#[derive(Serialize)]
struct JobEvent<'a> {
    message_type: &'static str,
    #[serde(flatten)]
    job: &'a Job,
}

impl Session<'_> {
    /// Watches jobs until all have ended, and gives them back as they are then.
    pub fn follow(&self, jobs: Vec<Job>) -> Result<Vec<Job>> {
        let mut names = Names::new(&self.api);
        let mut watched = Vec::new();
        for job in jobs {
            let name = names.of(&job)?;
            watched.push(Watched { job, name, next: 1, waiting: None, has_ended: false });
        }
        let is_one = watched.len() == 1;
        let pause = Sleep::new(self.context.cancel.clone());
        let mut away = 0;
        loop {
            away = match self.look_at_all(&mut watched, is_one) {
                Ok(()) => 0,
                Err(error) if is_away(&error) && away < PATIENCE => away + 1,
                Err(error) => return Err(error),
            };
            if away == 1 {
                self.context.output.monitor().note("the server does not answer: waiting for it");
            }
            let left: Vec<_> = watched.iter().filter(|watched| !watched.has_ended).collect();
            let Some(first) = left.first() else { break };
            if !pause.pause(EVERY) {
                let (name, id) = (&first.name, first.job.id);
                bail!("watched no longer: {name} goes on, and `holdfast job log -f {id}` shows how");
            }
        }
        Ok(watched.into_iter().map(|watched| watched.job).collect())
    }

    fn look_at_all(&self, watched: &mut [Watched], is_one: bool) -> Result<()> {
        watched.iter_mut().filter(|watched| !watched.has_ended).try_for_each(|watched| self.look(watched, is_one))
    }

    /// Shows what is new of a job.
    fn look(&self, watched: &mut Watched, is_one: bool) -> Result<()> {
        // The job first: what it wrote before it ended is in the log by then.
        watched.job = self.api.job(watched.job.id)?;
        let prefix = if is_one { String::new() } else { format!("{}: ", watched.name) };
        let waiting = watched.job.waiting_text.clone().filter(|_| !watched.job.status.is_finished());
        if waiting != watched.waiting {
            if let Some(text) = &waiting {
                self.context.output.line(format!("{prefix}{}", printable(text)))?;
            }
            watched.waiting = waiting;
        }
        loop {
            let part = self.api.log(watched.job.id, watched.next)?;
            for line in &part.lines {
                self.show_line(watched.job.id, &prefix, line)?;
            }
            let is_all = part.lines.is_empty() || part.next <= watched.next;
            watched.next = part.next;
            if is_all {
                break;
            }
        }
        watched.has_ended = watched.job.status.is_finished();
        if watched.has_ended {
            // Of a single one that did not end well, the last sentence tells.
            if !is_one || watched.job.status.is_good() {
                self.context.output.line(ended(&watched.name, &watched.job))?;
            }
            if self.context.output.is_json() {
                self.context.output.document(&JobEvent { message_type: "job", job: &watched.job })?;
            }
        }
        Ok(())
    }

    /// Shows a line of a log.
    pub fn show_line(&self, job: JobUid, prefix: &str, line: &LogLine) -> Result<()> {
        if self.context.output.is_json() {
            self.context.output.document(&LogEvent { message_type: "log", job, line })?;
        }
        let level = match line.level {
            LogLevel::Info => String::new(),
            other => format!("{}: ", other.as_str()),
        };
        self.context.output.line(format!("{prefix}{level}{}", printable(&line.text)))?;
        Ok(())
    }

    /// Watches jobs, and ends as they did.
    pub fn follow_to_end(&self, jobs: Vec<Job>) -> Result<Exit> {
        let jobs = self.follow(jobs)?;
        self.exit_of(&jobs)
    }

    /// How a run ends that waited for these jobs.
    pub fn exit_of(&self, jobs: &[Job]) -> Result<Exit> {
        let bad: Vec<&Job> = jobs.iter().filter(|job| !job.status.is_good()).collect();
        match (bad.as_slice(), jobs.len()) {
            ([], _) => {
                let is_warning = jobs.iter().any(|job| job.status == JobStatus::Warning);
                Ok(if is_warning { Exit::Incomplete } else { Exit::Done })
            }
            ([job], _) => bail!("{}", failed(&Names::new(&self.api).of(job)?, job)),
            (bad, all) => bail!("{} of {all} jobs did not end well", bad.len()),
        }
    }
}

/// Whether the server may be back soon.
fn is_away(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ApiError>().is_some_and(|error| error.kind() == ApiErrorKind::Unavailable)
}

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
fn ended(name: &str, job: &Job) -> String {
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
