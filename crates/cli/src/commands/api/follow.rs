//! Watches jobs until they have ended: what they wait for, what their logs say, how far they are, and what became of them.
//!
//! Watching changes nothing: whoever stops it leaves the jobs at work.

mod ended;
mod tries;
mod waiting;

use std::time::Duration;

use anyhow::{Result, bail};
use holdfast_api::client::{ApiError, ApiErrorKind};
use holdfast_api::{Job, LogLevel, LogLine};
use holdfast_model::JobUid;
use holdfast_model::job::{Cause, JobStatus};
use holdfast_store::{Pause, Sleep};
use serde::Serialize;

use super::Session;
use super::names::Names;
use crate::exit::Exit;
use crate::output::{Board, Standing, printable};

use ended::ended;
pub use ended::failed;
use waiting::JobNames;

/// How often the server is asked.
const EVERY: Duration = Duration::from_millis(500);
/// So often in a row it may be away: a minute, in which it is started anew.
const PATIENCE: u32 = 120;

/// What is watched beside the jobs that are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Nothing: that one is to be tried again is only said.
    Jobs,
    /// Those that try again what these have failed at, which take their places.
    Tries,
}

/// A job that is watched.
struct Watched {
    job: Job,
    name: String,
    /// The line to go on with.
    next: u64,
    waiting: Option<String>,
    /// Whether it was said when it begins.
    is_announced: bool,
    has_ended: bool,
}

/// Several that are.
struct Watch<'s> {
    session: &'s Session<'s>,
    scope: Scope,
    names: Names<'s>,
    job_names: JobNames,
    jobs: Vec<Watched>,
    board: Board,
    /// Lines that are not shown yet, while it is open whether they are to be.
    held: Option<Vec<LogLine>>,
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

impl<'a> Session<'a> {
    /// Watches jobs until all have ended, and ends as they did.
    pub fn follow_to_end(&self, jobs: Vec<Job>) -> Result<Exit> {
        let jobs = self.watch(jobs, Scope::Jobs)?.until_ended()?;
        self.exit_of(&jobs)
    }

    /// Watches jobs until all have ended, those too that try again what others failed at, and ends as these did.
    pub fn follow_tries_to_end(&self, jobs: Vec<Job>) -> Result<Exit> {
        let jobs = self.watch(jobs, Scope::Tries)?.until_ended()?;
        self.exit_of(&jobs)
    }

    /// Watches a job that prepares a client or a repository until it has ended. Of one that only finds out that nobody has accepted the
    /// client's key yet nothing is shown, if that is known to be so: whoever is about to decide it need not hear of it.
    pub fn follow_preparing(&self, job: Job, has_no_key: bool) -> Result<Vec<Job>> {
        let mut watch = self.watch(vec![job], Scope::Jobs)?;
        watch.held = has_no_key.then(Vec::new);
        watch.until_ended()
    }

    fn watch<'s>(&'s self, jobs: Vec<Job>, scope: Scope) -> Result<Watch<'s>>
    where
        'a: 's,
    {
        let mut names = Names::new(&self.api);
        let watched = |job| {
            let name = names.of(&job)?;
            Ok(Watched { job, name, next: 1, waiting: None, is_announced: false, has_ended: false })
        };
        let jobs = jobs.into_iter().map(watched).collect::<Result<_, ApiError>>()?;
        let (board, job_names) = (self.context.output.board(), JobNames::default());
        Ok(Watch { session: self, scope, names, job_names, jobs, board, held: None })
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

impl Watch<'_> {
    /// Until all have ended. Gives them back as they are then.
    fn until_ended(mut self) -> Result<Vec<Job>> {
        let pause = Sleep::new(self.session.context.cancel.clone());
        let mut away = 0;
        loop {
            away = match self.look_at_all() {
                Ok(()) => 0,
                Err(error) if is_away(&error) && away < PATIENCE => away + 1,
                Err(error) => return Err(error),
            };
            if away == 1 {
                self.session.context.output.monitor().note("the server does not answer: waiting for it");
            }
            if self.jobs.iter().all(|watched| watched.has_ended) {
                break;
            }
            if !pause.pause(EVERY) {
                bail!("{}", self.left());
            }
        }
        Ok(self.jobs.into_iter().map(|watched| watched.job).collect())
    }

    /// What goes on without being watched.
    fn left(&self) -> String {
        let left: Vec<_> = self.jobs.iter().filter(|watched| !watched.has_ended).collect();
        let Some(first) = left.first() else { return String::new() };
        let (name, id) = (&first.name, first.job.id);
        let go_on = match left.len() {
            1 => format!("{name} goes on"),
            all => format!("{name} and {} more go on", all - 1),
        };
        format!("watched no longer: {go_on}, and `holdfast job log -f {id}` shows how")
    }

    fn look_at_all(&mut self) -> Result<()> {
        for index in 0..self.jobs.len() {
            if !self.jobs[index].has_ended {
                self.look(index)?;
            }
        }
        let at_work = self.jobs.iter().filter(|watched| !watched.has_ended);
        let standings: Vec<Standing<'_>> = at_work
            .filter_map(|watched| {
                let (job, name) = (watched.job.id, &watched.name[..]);
                watched.job.progress.as_ref().map(|progress| Standing { job, name, progress })
            })
            .collect();
        Ok(self.session.context.output.show_standings(&mut self.board, &standings)?)
    }

    /// Shows what is new of a job.
    fn look(&mut self, index: usize) -> Result<()> {
        // The job first: what it wrote before it ended is in the log by then.
        let job = self.session.api.job(self.jobs[index].job.id)?;
        let waiting = self.waits(&job, self.jobs[index].is_announced)?;
        let (has_begun, has_ended) = (job.started.is_some(), job.status.is_finished());
        self.jobs[index].job = job;
        if waiting != self.jobs[index].waiting {
            if let Some(text) = &waiting {
                self.session.context.output.line(format!("{}{}", self.prefix(index), printable(text)))?;
            }
            self.jobs[index].waiting = waiting;
        }
        if has_begun {
            self.show_log(index)?;
        }
        if has_ended { self.end(index) } else { Ok(()) }
    }

    fn show_log(&mut self, index: usize) -> Result<()> {
        let prefix = self.prefix(index);
        let watched = &mut self.jobs[index];
        loop {
            let part = self.session.api.log(watched.job.id, watched.next)?;
            let is_all = part.lines.is_empty() || part.next <= watched.next;
            match &mut self.held {
                Some(held) => held.extend(part.lines),
                None => {
                    let id = watched.job.id;
                    part.lines.iter().try_for_each(|line| self.session.show_line(id, &prefix, line))?;
                }
            }
            watched.next = part.next;
            if is_all {
                return Ok(());
            }
        }
    }

    /// Says what became of a job. One that tries again what it failed at takes its place, if that is watched too.
    fn end(&mut self, index: usize) -> Result<()> {
        let next = self.next_try(&self.jobs[index].job)?;
        if let Some(held) = self.held.take() {
            let job = &self.jobs[index].job;
            if waits_for_a_key(job) {
                self.jobs[index].has_ended = true;
                return Ok(());
            }
            held.iter().try_for_each(|line| self.session.show_line(job.id, "", line))?;
        }
        let output = &self.session.context.output;
        let (is_one, watched) = (self.jobs.len() == 1, &self.jobs[index]);
        let goes_on = next.is_some() && self.scope == Scope::Tries;
        // Of a single one that did not end well, the last sentence tells.
        if !is_one || watched.job.status.is_good() || goes_on {
            output.line(ended(&watched.name, &watched.job))?;
        }
        if output.is_json() {
            output.document(&JobEvent { message_type: "job", job: &watched.job })?;
        }
        if let Some(next) = next {
            next.tell(output, &watched.name, !goes_on)?;
            if goes_on {
                let name = watched.name.clone();
                let (job, is_announced) = (next.job, true);
                self.jobs[index] = Watched { job, name, next: 1, waiting: None, is_announced, has_ended: false };
                return Ok(());
            }
        }
        self.jobs[index].has_ended = true;
        Ok(())
    }

    /// What a line about one of several begins with.
    fn prefix(&self, index: usize) -> String {
        if self.jobs.len() == 1 { String::new() } else { format!("{}: ", self.jobs[index].name) }
    }
}

/// Whether somebody has to decide about the host keys that a client shows.
pub fn waits_for_a_key(job: &Job) -> bool {
    let cause = job.outcome.error.as_ref().map(|error| error.cause);
    matches!(cause, Some(Cause::HostKeyUnknown | Cause::HostKeyChanged))
}

/// Whether the server may be back soon.
fn is_away(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ApiError>().is_some_and(|error| error.kind() == ApiErrorKind::Unavailable)
}
