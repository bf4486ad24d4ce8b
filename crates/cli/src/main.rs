//! `holdfast`: reads the command line, runs one verb, and says how it ended.
//!
//! One sentence and one exit code tell how a run ended; what lies beneath the sentence follows behind colons.

#![expect(unreachable_pub, reason = "in a program, pub says what other modules use")]

mod args;
mod commands;
mod dotenv;
mod environment;
mod exit;
mod failure;
mod local_time;
mod memory;
mod open;
mod output;
mod password;
mod server_config;
mod signals;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use holdfast_model::CancelToken;

use crate::args::{Cli, Verb};
use crate::exit::Exit;
use crate::output::Output;

/// What every verb works with.
pub struct Context {
    /// Options of every verb.
    pub global: args::GlobalArgs,
    /// Variables for the storage's driver, beside those of the environment.
    pub storage: BTreeMap<String, String>,
    /// Where to show things.
    pub output: Output,
    /// Cancelled by the first signal.
    pub cancel: CancelToken,
}

fn main() -> ExitCode {
    memory::settle();
    // A reader of our output that has enough of it ends us by SIGPIPE no more than any other write error does, so that what
    // is done is done in order; it only ends us without a word.
    let Cli { global, verb } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error).into(),
    };
    if let Verb::Puller(puller) = &verb {
        return commands::puller(puller).into();
    }
    let json = global.json;
    let context =
        Context { output: Output::new(&global), global, storage: BTreeMap::new(), cancel: CancelToken::new() };
    let ended = signals::cancel_on_signal(&context.cancel).and_then(|()| commands::run(&context, verb));
    context.output.finish();
    let cancelled = context.cancel.is_cancelled();
    drop(context);
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = if cancelled { Exit::Interrupted } else { failure::exit_of(&error) };
            if exit != Exit::ReaderGone {
                output::failure(json, exit as u8, &failure::sentence(&error));
            }
            exit.into()
        }
    }
}

/// Help, or what is wrong with the command line in one sentence.
fn usage(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::help(&error.render(), true);
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            output::help(&help_of(error), false);
            Exit::Failed
        }
        _ => {
            let json = std::env::args_os().any(|argument| argument == "--json");
            output::failure(json, Exit::Failed as u8, &failure::usage(error));
            Exit::Failed
        }
    }
}

/// The help of the verb that lacks one of its own, or of the whole program.
fn help_of(error: &clap::Error) -> StyledStr {
    let mut command = Cli::command();
    command.build();
    let Some(ContextValue::String(called)) = error.get(ContextKind::InvalidSubcommand) else {
        return command.render_help();
    };
    let mut verb = &mut command;
    for name in called.split_whitespace().skip(1) {
        match verb.find_subcommand(name).is_some() {
            true => verb = verb.find_subcommand_mut(name).expect("it was found just now"),
            false => break,
        }
    }
    verb.render_help()
}
