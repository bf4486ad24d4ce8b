//! The verbs, each in a file of its own.

mod api;
mod backup;
mod check;
mod chosen;
mod config;
mod copy;
mod diff;
mod dump;
mod entry;
mod find;
mod forget;
mod init;
mod key;
mod ls;
mod prune;
mod remote;
mod repair;
mod restore;
mod run;
mod serve;
mod shell;
mod snapshots;
mod stats;
mod unlock;

pub use run::variables as run_settings;

use anyhow::Result;

use crate::args::{PullerArgs, Verb};
use crate::exit::Exit;
use crate::{Context, open};

/// Runs a verb to its end.
pub fn run(context: &Context, verb: Verb) -> Result<Exit> {
    match verb {
        Verb::Init(args) => init::run(context, &args),
        Verb::Backup(args) => backup::run(context, &args),
        Verb::Restore(args) => restore::run(context, &args),
        Verb::Snapshots(args) => snapshots::run(context, &args),
        Verb::Ls(args) => ls::run(context, &args),
        Verb::Find(args) if args.asks_server() || !open::is_given(&context.global) => api::find(context, &args),
        Verb::Find(args) => find::run(context, &args),
        Verb::Diff(args) => diff::run(context, &args),
        Verb::Dump(args) => dump::run(context, &args),
        Verb::Stats(args) => stats::run(context, &args),
        Verb::Forget(args) => forget::run(context, &args),
        Verb::Prune(args) => prune::run(context, &args),
        Verb::Check(args) => check::run(context, &args),
        Verb::Repair(args) => repair::run(context, &args),
        Verb::Copy(args) => copy::run(context, &args),
        Verb::Key(args) => key::run(context, &args),
        Verb::Unlock(args) => unlock::run(context, &args),
        Verb::Run(args) => run::run(context, &args),
        Verb::Serve(args) => serve::run(context, &args),
        Verb::Worker(args) => serve::work(context, &args),
        Verb::Config(args) => config::run(context, &args),
        Verb::Api(verb) => api::run(context, verb),
        Verb::Completions { shell } => shell::completions(shell),
        Verb::Man => shell::man(),
        Verb::Puller(args) => Ok(puller(&args)),
        Verb::Maintenance => Ok(maintenance()),
    }
}

/// The process that reads one client's bytes.
pub fn puller(args: &PullerArgs) -> Exit {
    match holdfast_pull::puller::run(&args.agents, &args.descriptors) {
        Ok(()) => Exit::Done,
        Err(error) => {
            crate::output::failure(false, Exit::Failed as u8, &crate::failure::sentence(&error.into()));
            Exit::Failed
        }
    }
}

/// The process that maintains a repository for a server.
fn maintenance() -> Exit {
    let (input, output) = (std::io::BufReader::new(std::io::stdin()), std::io::stdout());
    if holdfast_control::work::maintenance::serve(input, output) { Exit::Done } else { Exit::Failed }
}
