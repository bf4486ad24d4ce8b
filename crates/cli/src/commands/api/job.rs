//! `holdfast job`

use std::fmt::Display;

use anyhow::{Result, bail};
use holdfast_api::Job;
use holdfast_api::client::JobQuery;
use holdfast_model::JobUid;
use holdfast_model::client::ClientSpec;
use holdfast_model::job::{JobKind, JobStatus};
use holdfast_model::policy::PolicySpec;

use super::names::Names;
use super::restore_words::Words;
use super::{Session, restore};
use crate::args::api::{JobChoice, JobCommand};
use crate::exit::Exit;
use crate::local_time;
use crate::output::{self, Table, printable, standing_line};

/// Runs a verb on jobs.
pub fn run(session: &Session<'_>, command: &JobCommand) -> Result<Exit> {
    match command {
        JobCommand::List(args) => list(session, args),
        JobCommand::Show { id } => show(session, &session.api.job(uid(id)?)?),
        JobCommand::Log(args) if args.follow => session.follow_to_end(vec![session.api.job(uid(&args.id)?)?]),
        JobCommand::Log(args) => log(session, uid(&args.id)?),
        JobCommand::Cancel { id } => cancel(session, uid(id)?),
        JobCommand::Restore(args) => restore::run(session, args),
        JobCommand::Retry { id, follow } => retry(session, uid(id)?, *follow),
    }
}

fn uid(text: &str) -> Result<JobUid> {
    Ok(text.parse()?)
}

fn list(session: &Session<'_>, args: &JobChoice) -> Result<Exit> {
    let client = args.client.as_ref().map(|name| session.find::<ClientSpec>(name)).transpose()?;
    let policy = args.policy.as_ref().map(|name| session.find::<PolicySpec>(name)).transpose()?;
    let query = JobQuery {
        tenant: session.tenant,
        client: client.map(|client| client.id),
        policy: policy.map(|policy| policy.id),
        kinds: words("kind", &args.kinds, &JobKind::ALL)?,
        statuses: words("status", &args.statuses, &JobStatus::ALL)?,
        ..JobQuery::default()
    };
    let jobs = session.api.jobs(&query, args.limit as usize)?;
    if session.context.output.is_json() {
        session.context.output.document(&jobs)?;
        return Ok(Exit::Done);
    }
    let mut names = Names::new(&session.api);
    let mut table = Table::new(&["Id", "Made", "What", "Policy", "Status", ">Took", "Why"]);
    for job in &jobs {
        table.row([
            job.id.to_string(),
            local_time::show_time(job.created),
            names.of(job)?,
            names.policy(job)?,
            job.status.to_string(),
            took(job).unwrap_or_default(),
            why(job),
        ]);
    }
    if !jobs.is_empty() {
        session.context.output.lines(&table.lines())?;
    }
    session.context.output.line(output::count(jobs.len() as u64, "job"))?;
    Ok(Exit::Done)
}

/// Some of a closed list of words.
fn words<T: Copy + Display>(what: &str, given: &[String], all: &[T]) -> Result<Vec<T>> {
    let word = |text: &String| match all.iter().find(|word| word.to_string() == *text) {
        Some(word) => Ok(*word),
        None => {
            let all: Vec<_> = all.iter().map(ToString::to_string).collect();
            bail!("{text:?} is no {what} of a job; there are {}", all.join(", "))
        }
    };
    given.iter().map(word).collect()
}

/// Why a job did not end well, or does not begin.
fn why(job: &Job) -> String {
    let text = match (&job.outcome.error, &job.waiting_text) {
        (Some(error), _) => error.message.clone(),
        (None, Some(waiting)) => waiting.clone(),
        (None, None) if job.outcome.warnings > 0 => output::count(job.outcome.warnings, "warning"),
        (None, None) => String::new(),
    };
    let text = printable(&text);
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn took(job: &Job) -> Option<String> {
    let (from, to) = job.started.zip(job.finished)?;
    Some(output::duration(to.duration_since(from).unsigned_abs()))
}

fn show(session: &Session<'_>, job: &Job) -> Result<Exit> {
    if session.context.output.is_json() {
        session.context.output.document(job)?;
        return Ok(Exit::Done);
    }
    let mut names = Names::new(&session.api);
    let time = |time| Option::map(time, local_time::show_time).unwrap_or_default();
    let text = |uid: Option<JobUid>| uid.map(|uid| uid.to_string()).unwrap_or_default();
    let outcome = &job.outcome;
    let is_backup = job.kind == JobKind::Backup && job.status.is_good();
    let data = is_backup.then(|| {
        let (files, all) = (output::count(outcome.files, "file"), output::bytes(outcome.bytes));
        let (new, changed) = (outcome.files_new, outcome.files_changed);
        let (received, added) = (output::bytes(outcome.bytes_received), output::bytes(outcome.bytes_added));
        format!(
            "{files} ({new} new, {changed} changed), {all}; {received} came over the connection, {added} were stored"
        )
    });
    let removed = (outcome.snapshots_removed > 0).then(|| output::count(outcome.snapshots_removed, "snapshot"));
    let freed = (outcome.bytes_freed > 0).then(|| output::bytes(outcome.bytes_freed));
    let warnings = (outcome.warnings > 0).then(|| format!("{}, in the log", outcome.warnings));
    let restore = Words::of(&mut names, job)?;
    let rows = [
        ("What", names.of(job)?),
        ("From", restore.as_ref().map(Words::from).unwrap_or_default()),
        ("To", restore.as_ref().map(Words::to).unwrap_or_default()),
        ("Status", format!("{}{}", job.status, if job.cancel_requested { ", somebody wants it to end" } else { "" })),
        ("Progress", job.progress.as_ref().map(standing_line).unwrap_or_default()),
        ("Now at", job.progress.as_ref().and_then(|far| far.current.as_deref()).map(printable).unwrap_or_default()),
        ("Error", outcome.error.as_ref().map(|error| printable(&error.message)).unwrap_or_default()),
        ("What to do", job.fix.clone().unwrap_or_default()),
        ("Waiting", job.waiting_text.as_deref().map(printable).unwrap_or_default()),
        ("Policy", names.policy(job)?),
        ("Client", names.client(job)?),
        ("Repository", names.repository(job)?),
        (
            "Made",
            format!(
                "{} by {} ({})",
                local_time::show_time(job.created),
                printable(&job.launched_by),
                job.launch.as_str()
            ),
        ),
        ("Due", time(job.due)),
        ("Started", time(job.started)),
        ("Ended", time(job.finished)),
        ("Took", took(job).unwrap_or_default()),
        ("After", text(job.after)),
        ("Retry of", text(job.retry_of)),
        ("Worker", job.worker.as_deref().map(printable).unwrap_or_default()),
        ("Data", data.unwrap_or_default()),
        ("Removed", removed.unwrap_or_default()),
        ("Freed", freed.unwrap_or_default()),
        ("Warnings", warnings.unwrap_or_default()),
        ("Snapshot", outcome.snapshot.map(|id| id.to_string()).unwrap_or_default()),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        session.context.output.result(format!("{name:<10}  {value}"))?;
    }
    Ok(Exit::Done)
}

/// All of a log, as far as it has come.
fn log(session: &Session<'_>, uid: JobUid) -> Result<Exit> {
    let mut next = 1;
    loop {
        let part = session.api.log(uid, next)?;
        for line in &part.lines {
            let at = format!("{} ", local_time::show_time(line.at));
            session.show_line(uid, &at, line)?;
        }
        if part.lines.is_empty() || part.next <= next {
            return Ok(Exit::Done);
        }
        next = part.next;
    }
}

fn cancel(session: &Session<'_>, uid: JobUid) -> Result<Exit> {
    let job = session.api.cancel(uid)?;
    if session.context.output.is_json() {
        session.context.output.document(&job)?;
    }
    let name = Names::new(&session.api).of(&job)?;
    let what = if job.status.is_finished() { job.status.as_str() } else { "was asked to end" };
    session.context.output.line(format!("{name} {what}"))?;
    Ok(Exit::Done)
}

fn retry(session: &Session<'_>, uid: JobUid, follow: bool) -> Result<Exit> {
    let before = session.api.job(uid)?;
    if before.status == JobStatus::Succeeded {
        let mut names = Names::new(&session.api);
        let (name, policy) = (names.of(&before)?, names.policy(&before)?);
        let another = match (before.kind, &policy[..]) {
            (JobKind::Backup, policy) if !policy.is_empty() => {
                format!("; `holdfast policy run {policy}` makes another")
            }
            _ => String::new(),
        };
        bail!("{name} has succeeded: there is nothing to try again{another}");
    }
    let job = session.api.retry(uid)?;
    if follow {
        return session.follow_tries_to_end(vec![job]);
    }
    if session.context.output.is_json() {
        session.context.output.document(&job)?;
    }
    let name = Names::new(&session.api).of(&job)?;
    session.context.output.line(format!("{name} {}: job {}", job.status, job.id))?;
    Ok(Exit::Done)
}
