//! The verbs, each in a file of its own.

mod backup;
mod init;
mod remote;
mod restore;
mod shell;
mod snapshots;

use anyhow::Result;

use crate::Context;
use crate::args::{PullerArgs, Verb};
use crate::exit::Exit;

/// Runs a verb to its end.
pub fn run(context: &Context, verb: Verb) -> Result<Exit> {
    match verb {
        Verb::Init(args) => init::run(context, &args),
        Verb::Backup(args) => backup::run(context, &args),
        Verb::Restore(args) => restore::run(context, &args),
        Verb::Snapshots(args) => snapshots::run(context, &args),
        Verb::Completions { shell } => shell::completions(shell),
        Verb::Man => shell::man(),
        Verb::Puller(args) => Ok(puller(&args)),
        _ => anyhow::bail!("not there yet"),
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
