//! `holdfast run`: backs up everything that a small configuration names, then forgets; for cron and systemd timers.
//!
//! The repository is opened once. Several hosts are backed up at the same time, all into that one handle, so that what
//! they have in common is stored once, also if it arrives at the same moment. One host that fails does not stop the
//! others, and the worst that happened is what the caller learns.

mod forgetting;
mod hosts;
mod instance;
mod settings;
mod side_by_side;
mod timer;

use anyhow::{Context as _, Result, bail};
use holdfast_repo::{EngineOptions, InitOptions, Repository};

use self::forgetting::Kept;
use self::hosts::Host;
use self::instance::Instance;
use self::settings::{Files, Settings};

pub use self::settings::variables;
use super::remote::Turns;
use super::{backup, forget};
use crate::args::{GlobalArgs, RunArgs};
use crate::exit::Exit;
use crate::open::Access;
use crate::output::Output;
use crate::{Context, environment, failure, open};

/// So many hosts at once, unless the settings say otherwise. A session waits for its host most of the time (for the login,
/// the walk over its files, its disks), so that several fill the time and the line of a server with few processors;
/// each may hold some 50 MB of what is under way, so that not all hosts of a long list can begin at once.
const PARALLEL: usize = 4;

/// More at once is a mistake in writing.
const MAX_PARALLEL: usize = 256;

/// Runs everything once.
pub fn run(context: &Context, args: &RunArgs) -> Result<Exit> {
    let files = Files::find(args);
    let settings = Settings::read(&files)?;
    let hosts = hosts::of(&settings)?;
    let parallel = parallel(args, &settings)?;
    let kept = Kept { retention: forget::retention(&settings.keep())?, prune: settings.flag("prune") };
    if args.print_timer {
        context.output.result(timer::text(&files)?.trim_end())?;
        return Ok(Exit::Done);
    }
    let global = global(&context.global, &settings);
    let (output, storage, cancel) = (Output::new(&global), settings.storage().clone(), context.cancel.clone());
    let context = Context { global, storage, output, cancel };
    let state =
        open::state_dir(&context.global).context("there is no place for the lock file: set HOME or use --state")?;
    let address = context.global.repository.clone().or_else(|| environment::lookup("REPOSITORY"));
    let address = address.context("no repository given: set repository, or HOLDFAST_REPOSITORY")?;
    let Some(_instance) = Instance::take(&state, &address)? else {
        context.output.line(format!("another run for {address} is at work; nothing was started"))?;
        return Ok(Exit::Done);
    };
    let Some(opened) = Opened::find(&context, &settings, args.dry_run)? else { return Ok(Exit::Done) };
    let ended = back_up(&context, &opened, &settings, &hosts, parallel);
    if context.cancel.is_cancelled() {
        return Ok(Exit::Interrupted);
    }
    let worst = ended.iter().fold(Exit::Done, |worst, ended| worse(worst, ended.exit));
    let fresh: Vec<_> = ended.into_iter().filter_map(|ended| ended.made).collect();
    let forgotten = forgetting::after(&context, &opened.stored, &kept, &fresh, args.dry_run);
    Ok(worse(worst, conclude(&context, forgotten.map(|()| Exit::Done))))
}

/// How many hosts are backed up at once.
fn parallel(args: &RunArgs, settings: &Settings) -> Result<usize> {
    let Some(text) = args.parallel.clone().or_else(|| settings.text("parallel")) else { return Ok(PARALLEL) };
    match text.parse() {
        Ok(number) if (1..=MAX_PARALLEL).contains(&number) => Ok(number),
        _ => bail!("parallel is how many hosts are backed up at once, 1 to {MAX_PARALLEL}, not {text:?}"),
    }
}

/// The options of every verb, with what the settings say where the command line says nothing.
fn global(given: &GlobalArgs, settings: &Settings) -> GlobalArgs {
    let mut global = given.clone();
    global.repository = global.repository.or_else(|| settings.text("repository"));
    global.repository_hot = global.repository_hot.or_else(|| settings.text("repository-hot"));
    global.state = global.state.or_else(|| settings.text("state").map(Into::into));
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

/// The repository.
struct Opened {
    /// Where backups go: in a dry run nowhere.
    target: Repository,
    /// What is stored. Other than in a dry run, the same one.
    stored: Repository,
    dry_run: bool,
}

impl Opened {
    /// Opens the repository, and creates it if that is asked for; `None` if a dry run would have to create it first.
    fn find(context: &Context, settings: &Settings, dry_run: bool) -> Result<Option<Self>> {
        let compression = settings.text("compression").map(|text| text.parse()).transpose()?.unwrap_or_default();
        let engine = EngineOptions { compression, ..EngineOptions::default() };
        let access = Access::find(context)?;
        let stored = match access.open(context, engine.clone()) {
            Err(error) if settings.flag("init") && failure::exit_of(&error) == Exit::NoRepository => {
                if dry_run {
                    context.output.line("there is no repository yet; a run would create it and back up everything")?;
                    return Ok(None);
                }
                let new = open::init(context, InitOptions::default(), engine.clone())?;
                context.output.line(format!("created repository {} in {}", new.id().short(), new.location()))?;
                new
            }
            opened => opened?,
        };
        open::warn(context, &stored);
        // What a dry run pretends to store cannot be read back: forget and prune look at what is there.
        let target = if dry_run { access.open_dry(context, engine)? } else { stored.clone() };
        Ok(Some(Self { target, stored, dry_run }))
    }
}

/// How it ended for one host.
struct Ended {
    exit: Exit,
    /// What its new snapshot is called.
    made: Option<forgetting::Fresh>,
}

/// Backs up all hosts, `parallel` at a time. Those that have not begun when the work is cancelled never do.
fn back_up(context: &Context, opened: &Opened, settings: &Settings, hosts: &[Host], parallel: usize) -> Vec<Ended> {
    let labels = hosts::labels(hosts);
    let contexts = context.output.for_hosts(&labels).into_iter().map(|output| {
        let (global, storage) = (context.global.clone(), context.storage.clone());
        Context { global, storage, output, cancel: context.cancel.clone() }
    });
    let work: Vec<(&Host, Context)> = hosts.iter().zip(contexts).collect();
    let turns = Turns::default();
    let ended = side_by_side::each(&work, parallel, |(host, context)| {
        if context.cancel.is_cancelled() {
            return Ended { exit: Exit::Interrupted, made: None };
        }
        match one(context, opened, settings, host, &turns) {
            Ok((exit, fresh)) => Ended { exit, made: Some(fresh) },
            Err(error) => Ended { exit: conclude(context, Err(error)), made: None },
        }
    });
    let failed = |(_, context): &(&Host, Context)| {
        let defect = anyhow::anyhow!("the backup ended by a defect of Holdfast; please report what it printed above");
        Ended { exit: conclude(context, Err(defect)), made: None }
    };
    ended.into_iter().zip(&work).map(|(ended, work)| ended.unwrap_or_else(|| failed(work))).collect()
}

fn one(
    context: &Context,
    opened: &Opened,
    settings: &Settings,
    host: &Host,
    turns: &Turns,
) -> Result<(Exit, forgetting::Fresh)> {
    context.output.line(host.shown_paths())?;
    let args = host.backup(settings, opened.dry_run);
    let done = backup::Plan::new(&args)?.carry_out(context, &opened.target, turns)?;
    backup::report::show(context, &done.summary, opened.dry_run)?;
    Ok((done.exit(), forgetting::Fresh::new(host.name(), done.paths, args.tag)))
}

/// Says how it ended, if that is badly.
fn conclude(context: &Context, ended: Result<Exit>) -> Exit {
    ended.unwrap_or_else(|error| {
        let exit = failure::exit_of(&error);
        if exit != Exit::ReaderGone {
            context.output.failure(exit as u8, &failure::sentence(&error));
        }
        exit
    })
}

/// The worse of two ends: failed before locked and the like, that before incomplete.
fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Done => 0,
        Exit::Incomplete => 1,
        Exit::ReaderGone | Exit::NoRepository | Exit::Locked | Exit::WrongPassword => 2,
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
