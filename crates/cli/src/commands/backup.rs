//! `holdfast backup`

mod filter;
pub mod report;
pub mod roots;

use anyhow::{Context as _, Result, bail};
use holdfast_model::source::{Source, SourceSet};
use holdfast_model::{Clock, SystemClock, parse_size};
use holdfast_pull::state::ClientIdentity;
use holdfast_pull::{
    Backup, BackupRequest, ClientLink, CommandRequest, LocalLink, ParentChoice, Stamp, Summary, backup, backup_command,
    client_path, greet,
};
use holdfast_repo::time::ZonedTime;
use holdfast_repo::{EngineOptions, Repository, SnapshotFilter};
use holdfast_wire::AgentHello;

use crate::args::BackupArgs;
use crate::commands::remote::{Call, Turns, client_state};
use crate::exit::Exit;
use crate::{Context, local_time, open};

/// Makes one snapshot.
pub fn run(context: &Context, args: &BackupArgs) -> Result<Exit> {
    let plan = Plan::new(args)?;
    let engine = EngineOptions { compression: args.compression.parse()?, ..EngineOptions::default() };
    let repository = open::repository_with(context, engine, args.dry_run)?;
    let done = plan.carry_out(context, &repository, &Turns::default())?;
    report::show(context, &done.summary, args.dry_run)?;
    Ok(done.exit())
}

/// What was backed up.
pub struct Done {
    /// What that did.
    pub summary: Summary,
    /// The absolute paths, as the snapshot has them.
    pub paths: Vec<String>,
}

impl Done {
    /// How it ended.
    pub fn exit(&self) -> Exit {
        if self.summary.errors > 0 { Exit::Incomplete } else { Exit::Done }
    }
}

/// The options of a backup, understood.
pub struct Plan<'a> {
    args: &'a BackupArgs,
    sources: SourceSet,
    hostname: String,
    /// `None` if only ssh knows.
    username: Option<String>,
    time: ZonedTime,
    limit_rate: Option<u64>,
}

impl<'a> Plan<'a> {
    /// Reads the sources and what else can be wrong before anything is opened.
    pub fn new(args: &'a BackupArgs) -> Result<Self> {
        let sources = roots::sources(args)?;
        let (addressed, username) = match &sources {
            SourceSet::Local { .. } => (this_host(), Some(this_user())),
            SourceSet::Remote { host, .. } => (host.host().to_owned(), host.user().map(str::to_owned)),
        };
        let time = match &args.time {
            Some(text) => local_time::parse(text)?,
            None => local_time::local(SystemClock.now())?,
        };
        let limit_rate = args.limit_rate.as_deref().map(parse_size).transpose().context("--limit-rate")?;
        if limit_rate == Some(0) {
            bail!("--limit-rate: at 0 bytes a second it would never end; leave it out for no limit");
        }
        Ok(Self { args, hostname: args.host.clone().unwrap_or(addressed), username, time, limit_rate, sources })
    }

    /// Makes the snapshot. Several plans may be carried out in one repository at once, if they share `turns`.
    pub fn carry_out(&self, context: &Context, repository: &Repository, turns: &Turns) -> Result<Done> {
        match &self.sources {
            SourceSet::Local { paths } => self.local(context, repository, paths),
            SourceSet::Remote { host, paths } => {
                let call = Call::prepare(&self.args.connection, self.limit_rate)?;
                let (mut link, hello) = turns.greet(&call, context, host)?;
                let host_key = link.host_key();
                self.remote(context, repository, &mut link, &hello, host_key, paths)
            }
        }
    }

    fn stamp(&self, hello: &AgentHello) -> Stamp {
        let root = || if hello.uid == 0 { "root".to_owned() } else { String::new() };
        Stamp {
            time: self.time,
            hostname: self.hostname.clone(),
            username: self.username.clone().unwrap_or_else(root),
            tags: self.args.tag.iter().filter(|tag| !tag.is_empty()).cloned().collect(),
        }
    }

    fn request(&self, repository: &Repository, hello: &AgentHello, roots: Vec<Vec<u8>>) -> Result<BackupRequest> {
        let parent = match (&self.args.parent, self.args.force) {
            (_, true) => ParentChoice::Nothing,
            (Some(name), _) => ParentChoice::Snapshot(repository.find_snapshot(name, &SnapshotFilter::default())?.id),
            (None, _) => ParentChoice::Newest,
        };
        Ok(BackupRequest {
            roots,
            optional_roots: Vec::new(),
            filter: filter::filter(&self.args.exclude)?,
            stamp: self.stamp(hello),
            parent,
            with_atime: self.args.with_atime,
            compress_link: self.limit_rate.is_some(),
        })
    }

    fn local(&self, context: &Context, repository: &Repository, paths: &[std::path::PathBuf]) -> Result<Done> {
        let roots = paths.iter().map(|path| roots::absolute(path)).collect::<Result<Vec<_>>>()?;
        let mut link = LocalLink::start(&context.cancel).context("cannot start a thread")?;
        let hello = greet(&mut link)?;
        let identity = ClientIdentity::local(&self.hostname);
        self.run(context, repository, &mut link, &hello, Some(&identity), roots)
    }

    fn remote(
        &self,
        context: &Context,
        repository: &Repository,
        link: &mut dyn ClientLink,
        hello: &AgentHello,
        host_key: Option<String>,
        paths: &[Vec<u8>],
    ) -> Result<Done> {
        let identity = host_key.map(|host_key| ClientIdentity { host_key, hostname: self.hostname.clone() });
        if identity.is_none() {
            let note = "ssh does not say beyond doubt which key the host has proven, so nothing is known of the \
                        host from before: all files are read and sent";
            context.output.monitor().warning(note);
        }
        // The one source of a command has no path.
        let paths = if self.args.command.is_some() { &[] } else { paths };
        let roots = paths.iter().map(|path| client_path(path, hello)).collect::<Result<Vec<_>, _>>()?;
        self.run(context, repository, link, hello, identity.as_ref(), roots)
    }

    fn run(
        &self,
        context: &Context,
        repository: &Repository,
        link: &mut dyn ClientLink,
        hello: &AgentHello,
        identity: Option<&ClientIdentity>,
        mut roots: Vec<Vec<u8>>,
    ) -> Result<Done> {
        roots.sort_unstable();
        roots.dedup();
        let trust_group = self.args.trust_group.as_deref();
        let state = identity.map(|identity| client_state(context, repository, identity, trust_group));
        let state = match state.transpose() {
            // It would only have told what need not be read.
            Err(_) if self.args.dry_run => None,
            state => state?.flatten(),
        };
        let work = Backup {
            repository,
            state: state.as_ref(),
            // What it found new is not stored, so that it must not be remembered.
            dry_run: self.args.dry_run,
            allowance: None,
            monitor: context.output.monitor(),
            cancel: &context.cancel,
            clock: &SystemClock,
        };
        let text = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
        match (&self.args.command, &self.args.as_path) {
            (Some(command), Some(path)) => {
                let path = roots::stored_path(path)?;
                let paths = vec![text(&path)];
                let compress_link = self.limit_rate.is_some();
                let request =
                    CommandRequest { command: command.clone(), path, stamp: self.stamp(hello), compress_link };
                Ok(Done { summary: backup_command(&work, link, &request)?, paths })
            }
            _ => {
                let paths = roots.iter().map(text).collect();
                Ok(Done { summary: backup(&work, link, hello, &self.request(repository, hello, roots)?)?, paths })
            }
        }
    }
}

/// This machine's name.
pub fn this_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn this_user() -> String {
    crate::environment::variable("USER")
        .or_else(|| crate::environment::variable("LOGNAME"))
        .unwrap_or_else(|| "root".into())
}

/// Refuses sources that make no sense together with a command.
pub fn check_command(args: &BackupArgs, sources: &[Source]) -> Result<()> {
    let empty = |source: &Source| matches!(source, Source::Remote { path, .. } if path.is_empty());
    match &args.command {
        Some(_) if sources.len() != 1 || !empty(&sources[0]) => {
            bail!(
                "--command runs on one host, named without a path: root@db1: --command 'pg_dumpall' --as /dumps/all.sql"
            )
        }
        _ => Ok(()),
    }
}
