//! `holdfast run`: backs up everything that a small configuration names, then forgets; for cron and systemd timers.
//!
//! One host that fails does not stop the others, and the worst that happened is what the caller learns.

mod dotenv;
mod instance;
mod settings;
mod timer;

use std::ffi::OsStr;

use anyhow::{Context as _, Result, bail};
use holdfast_model::retention::{GroupBy, Retention};
use holdfast_model::source::{RemoteHost, Source};
use holdfast_model::{Clock, SystemClock, TreeId};
use holdfast_repo::{InitOptions, LockMode, Snapshot};

use self::instance::Instance;
use self::settings::{Files, Settings};
use super::forget::{self, Rules};
use super::{backup, chosen};
use crate::args::{BackupArgs, ConnectionArgs, GlobalArgs, RunArgs};
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::{Context, environment, failure, local_time, open};

/// Runs everything once.
pub fn run(context: &Context, args: &RunArgs) -> Result<Exit> {
    let files = Files::find(args);
    let settings = Settings::read(&files)?;
    let hosts = hosts(&settings)?;
    let keep = forget::retention(&settings.keep())?;
    if args.print_timer {
        context.output.result(timer::text(&files)?.trim_end())?;
        return Ok(Exit::Done);
    }
    let global = global(&context.global, &settings);
    let context = Context { output: Output::new(&global), global, cancel: context.cancel.clone() };
    let state =
        open::state_dir(&context.global).context("there is no place for the lock file: set HOME or use --state")?;
    let address = context.global.repository.clone().or_else(|| environment::lookup("REPOSITORY"));
    let address = address.context("no repository given: set repository, or HOLDFAST_REPOSITORY")?;
    let Some(_instance) = Instance::take(&state, &address)? else {
        context.output.line(format!("another run for {address} is at work; nothing was started"))?;
        return Ok(Exit::Done);
    };
    if !ready(&context, settings.flag("init"), args.dry_run)? {
        return Ok(Exit::Done);
    }
    let mut worst = Exit::Done;
    for host in &hosts {
        let ended = one(&context, &settings, host, args.dry_run);
        let ended = ended.and_then(|exit| {
            if !keep.is_empty() {
                forget_of(&context, &settings, host, &keep, args.dry_run)?;
            }
            Ok(exit)
        });
        worst = worse(worst, conclude(&context, host, ended));
        if context.cancel.is_cancelled() {
            return Ok(Exit::Interrupted);
        }
    }
    Ok(worst)
}

/// The sources of one host, or of this machine: one snapshot.
struct Host {
    host: Option<RemoteHost>,
    sources: Vec<String>,
    paths: Vec<String>,
}

impl Host {
    /// The name that its snapshots are stamped with.
    fn name(&self) -> String {
        self.host.as_ref().map_or_else(backup::this_host, |host| host.host().to_owned())
    }
}

fn hosts(settings: &Settings) -> Result<Vec<Host>> {
    let mut hosts: Vec<Host> = Vec::new();
    for text in settings.list("sources") {
        let (host, path) = match Source::parse(OsStr::new(&text))? {
            Source::Local { path } => (None, backup::roots::absolute(&path)?),
            Source::Remote { host, path } => (Some(host), backup::roots::absolute_on_host(&path)?),
        };
        let path = String::from_utf8_lossy(&path).into_owned();
        match hosts.iter_mut().find(|other| other.host == host) {
            Some(known) => {
                known.sources.push(text);
                known.paths.push(path);
            }
            None => hosts.push(Host { host, sources: vec![text], paths: vec![path] }),
        }
    }
    if hosts.is_empty() {
        bail!("there is nothing to back up: name sources in holdfast.toml, or set HOLDFAST_SOURCES");
    }
    for host in &mut hosts {
        host.paths.sort_unstable();
        host.paths.dedup();
    }
    Ok(hosts)
}

/// The options of every verb, with what the settings say where the command line says nothing.
fn global(given: &GlobalArgs, settings: &Settings) -> GlobalArgs {
    let mut global = given.clone();
    global.repository = global.repository.or_else(|| settings.text("repository"));
    // A password in the environment goes before files.
    let elsewhere =
        ["PASSWORD", "PASSWORD_FILE", "PASSWORD_COMMAND"].iter().any(|name| environment::own(name).is_some());
    if global.password_file.is_none() && global.password_command.is_none() && !elsewhere {
        global.password_file = settings.text("password-file").map(Into::into);
        if global.password_file.is_none() {
            global.password_command = settings.text("password-command");
        }
    }
    global
}

/// Makes sure that there is a repository; false if a dry run would have to make it first.
fn ready(context: &Context, init: bool, dry_run: bool) -> Result<bool> {
    let Err(error) = open::repository(context) else { return Ok(true) };
    if !init || failure::exit_of(&error) != Exit::NoRepository {
        return Err(error);
    }
    if dry_run {
        context.output.line("there is no repository yet; a run would create it and back up everything")?;
        return Ok(false);
    }
    let repository = open::init(context, InitOptions::default())?;
    context.output.line(format!("created repository {} in {}", repository.id().short(), repository.location()))?;
    Ok(true)
}

fn one(context: &Context, settings: &Settings, host: &Host, dry_run: bool) -> Result<Exit> {
    context.output.line(format!("{}: {}", host.name(), host.paths.join(" ")))?;
    backup::run(
        context,
        &BackupArgs {
            sources: host.sources.clone(),
            files_from: Vec::new(),
            exclude: settings.exclude(),
            connection: ConnectionArgs {
                ssh: settings.text("ssh"),
                sudo: settings.flag("sudo"),
                ephemeral: settings.flag("ephemeral"),
                agents: environment::own("AGENTS").map(Into::into),
            },
            command: None,
            as_path: None,
            tag: settings.list("tags"),
            host: None,
            time: None,
            parent: None,
            force: false,
            with_atime: false,
            compression: settings.text("compression").unwrap_or_else(|| "auto".to_owned()),
            limit_rate: settings.text("limit-rate"),
            trust_group: settings.text("trust-group"),
            dry_run,
        },
    )
}

/// Applies the rule to the snapshots of the same host and paths.
fn forget_of(context: &Context, settings: &Settings, host: &Host, keep: &Retention, dry_run: bool) -> Result<()> {
    let repository = open::repository(context)?;
    let mode = if dry_run { LockMode::Shared } else { LockMode::Exclusive };
    let lock = chosen::lock(context, &repository, mode)?;
    let (name, paths) = (host.name(), host.paths.clone());
    let applies = Box::new(move |snapshot: &Snapshot| {
        let mut theirs = snapshot.paths.clone();
        theirs.sort_unstable();
        snapshot.hostname == name && theirs == paths
    });
    let upcoming = dry_run.then(|| upcoming(settings, host)).transpose()?;
    let rules = Rules { retention: keep.clone(), by: GroupBy::default(), applies, upcoming };
    forget::by_rule(context, &repository, &lock, &rules, dry_run)?;
    Ok(())
}

/// The snapshot that a dry run did not make, as far as a rule asks.
fn upcoming(settings: &Settings, host: &Host) -> Result<Snapshot> {
    let mut snapshot = Snapshot::new(local_time::local(SystemClock.now())?, TreeId::new([0; 32]));
    snapshot.hostname = host.name();
    snapshot.paths = host.paths.clone();
    snapshot.tags = settings.list("tags");
    Ok(snapshot)
}

/// Says how it ended for a host that failed.
fn conclude(context: &Context, host: &Host, ended: Result<Exit>) -> Exit {
    match ended {
        Ok(exit) => exit,
        Err(error) => {
            let exit = failure::exit_of(&error);
            context.output.finish();
            let sentence = format!("{}: {}", host.name(), failure::sentence(&error));
            output::failure(context.output.is_json(), exit as u8, &sentence);
            exit
        }
    }
}

/// The worse of two ends: failed before locked and the like, that before incomplete.
fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Done => 0,
        Exit::Incomplete => 1,
        Exit::NoRepository | Exit::Locked | Exit::WrongPassword => 2,
        Exit::Failed => 3,
        Exit::Interrupted => 4,
    };
    if rank(other) > rank(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_end_counts() {
        assert_eq!(worse(Exit::Done, Exit::Incomplete), Exit::Incomplete);
        assert_eq!(worse(Exit::Failed, Exit::Incomplete), Exit::Failed);
        assert_eq!(worse(Exit::Locked, Exit::Failed), Exit::Failed);
        assert_eq!(worse(Exit::Interrupted, Exit::Failed), Exit::Interrupted);
    }
}
