//! `holdfast policy`

mod preview;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use holdfast_api::Policy;
use holdfast_model::client::ClientSpec;
use holdfast_model::job::JobStatus;
use holdfast_model::policy::{Excludes, Folders, PolicySpec, Work, WorkKind};
use serde_json::json;

use super::Session;
use super::follow::failed;
use super::names::Names;
use super::object::Shown;
use crate::args::api::{PolicyAdd, PolicyCommand, PolicyRun, WorkType};
use crate::commands::forget;
use crate::exit::Exit;
use crate::local_time;
use crate::output::printable;

/// Runs a verb on policies.
pub fn run(session: &Session<'_>, command: &PolicyCommand) -> Result<Exit> {
    match command {
        PolicyCommand::Add(args) => add(session, args),
        PolicyCommand::List(args) => session.show_list::<PolicySpec>(args),
        PolicyCommand::Show(args) => session.show_one::<PolicySpec>(args, |_| Ok(Vec::new())),
        PolicyCommand::Edit(args) => session.edit_one::<PolicySpec>(args),
        PolicyCommand::Run(args) => start(session, args),
        PolicyCommand::Preview(args) => preview::run(session, args),
        PolicyCommand::Remove(args) => session.remove_one::<PolicySpec>(args),
    }
}

fn add(session: &Session<'_>, args: &PolicyAdd) -> Result<Exit> {
    let repository = args.repository.as_deref().context("say with --repository in which repository it is stored")?;
    let retention = forget::retention(&args.keep)?;
    let base = json!({ "name": args.name, "work": work(args)?, "repository": repository });
    let spec: PolicySpec = serde_json::from_value(base).context("this makes no policy")?;
    let spec = PolicySpec {
        schedule: args.schedule.as_deref().map(str::parse).transpose()?,
        clients: args.clients.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
        client_tags: args.client_tags.iter().map(|tag| tag.parse()).collect::<Result<_, _>>()?,
        retention: Some(retention).filter(|retention| !retention.is_empty()),
        excludes: Excludes {
            patterns: args.excludes.clone(),
            one_file_system: args.one_file_system,
            ..Excludes::default()
        },
        priority: args.priority,
        description: args.description.clone(),
        enabled: !args.disabled,
        ..spec
    };
    let policy = session.api.create(spec, session.tenant)?;
    session.tell(&policy, "added")
}

fn work(args: &PolicyAdd) -> Result<Work> {
    if args.work != WorkType::Folders && !args.paths.is_empty() {
        bail!("--path goes with the type folders only: the others know what they back up");
    }
    Ok(match args.work {
        WorkType::Folders if args.paths.is_empty() => bail!("say with --path what is to be backed up"),
        WorkType::Folders => {
            Work::Folders(Folders { paths: args.paths.iter().map(|path| path.parse()).collect::<Result<_, _>>()? })
        }
        WorkType::Rootfs => Work::Rootfs,
        WorkType::Config => Work::Config,
        WorkType::Mail => Work::Mail,
    })
}

fn start(session: &Session<'_>, args: &PolicyRun) -> Result<Exit> {
    let policy = session.find::<PolicySpec>(&args.name)?;
    let mut clients = BTreeSet::new();
    for name in &args.clients {
        // By its id or its name: the server wants the name, and of a misspelt one this tells more.
        clients.insert(session.api.find::<ClientSpec>(name, Some(policy.tenant))?.spec.hostname);
    }
    let started = session.api.run_policy(policy.id, Some(clients).filter(|clients| !clients.is_empty()))?;
    if session.context.output.is_json() {
        session.context.output.document(&started)?;
    }
    let jobs = started.jobs;
    let mut names = Names::new(&session.api);
    for job in &jobs {
        let name = names.of(job)?;
        // Whoever follows is told in the end.
        let why = (job.status == JobStatus::Skipped && !args.follow).then(|| failed(&name, job));
        let line = why.unwrap_or_else(|| format!("{name} {}: job {}", job.status, job.id));
        session.context.output.line(line)?;
    }
    if args.follow { session.follow_tries_to_end(jobs) } else { Ok(Exit::Done) }
}

/// When it is, or why there is none.
fn next_run(policy: &Policy) -> String {
    let Some(outlook) = &policy.status.outlook else { return String::new() };
    match (&outlook.idle, outlook.next) {
        (Some(idle), _) => format!("none: {}", printable(idle)),
        (None, next) => next.map(local_time::show_time).unwrap_or_default(),
    }
}

impl Shown for PolicySpec {
    const HEADINGS: &'static [&'static str] = &["What", "Clients", "Repository", "Schedule", "Next run"];

    fn cells(object: &Policy) -> Vec<String> {
        let spec = &object.spec;
        let what = match &spec.work {
            Work::Folders(folders) => match folders.paths.as_slice() {
                [one] => one.to_string(),
                paths => format!("{} paths", paths.len()),
            },
            other => kind_of(other.kind()).to_owned(),
        };
        let names = spec.clients.iter().map(ToString::to_string);
        let tags = spec.client_tags.iter().map(|tag| format!("#{tag}"));
        let clients: Vec<_> = names.chain(tags).collect();
        let clients = match clients.len() {
            0..=3 => clients.join(", "),
            more => format!("{}, … ({more})", clients[..2].join(", ")),
        };
        let schedule = spec.schedule.as_ref().map(ToString::to_string).unwrap_or_else(|| "-".to_owned());
        vec![what, clients, spec.repository.to_string(), schedule, next_run(object)]
    }

    fn found(object: &Policy) -> Vec<(&'static str, String)> {
        let accounted = object.status.accounted.map(local_time::show_time);
        let clients = object.status.outlook.as_ref().map(|outlook| outlook.clients.to_string());
        vec![
            ("Clients now", clients.unwrap_or_default()),
            ("Next run", next_run(object)),
            ("Runs accounted for until", accounted.unwrap_or_default()),
        ]
    }

    fn removal(_: &Policy) -> Option<String> {
        Some("its snapshots stay".to_owned())
    }
}

const fn kind_of(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Folders => "folders",
        WorkKind::Rootfs => "the machine",
        WorkKind::Config => "/etc",
        WorkKind::Mail => "mail",
    }
}
