//! Completions and the manual page, made from the command line's own description.

use std::io::Write;

use anyhow::Result;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::Exit;
use crate::output::standard;

/// Prints the completion script of a shell.
pub fn completions(shell: Shell) -> Result<Exit> {
    // Into memory first: whoever makes it knows no error.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "holdfast", &mut script);
    standard().write_all(&script)?;
    Ok(Exit::Done)
}

/// Prints the manual page: the program, then each verb, and the verbs beneath it.
pub fn man() -> Result<Exit> {
    let mut command = Cli::command();
    command.build();
    page(&command, "holdfast")?;
    Ok(Exit::Done)
}

fn page(command: &Command, name: &str) -> Result<()> {
    clap_mangen::Man::new(command.clone().display_name(name.to_owned())).render(&mut standard())?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        page(verb, &format!("{name} {}", verb.get_name()))?;
    }
    Ok(())
}
