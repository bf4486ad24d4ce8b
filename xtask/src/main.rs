//! `cargo xtask`: everything that a developer and the continuous integration run, in one place.
//!
//! It knows the project's layout and rules. It is no part of the product, and nothing of the product imports it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod agent;
mod bench;
mod check;
mod command;
mod demo;
mod layers;
mod scale;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  check          formatting, lints, documentation, tidy and all tests: what must pass before a merge
  tidy           layers, sizes and habits of the code (ARCHITECTURE.md has the rules)
  test [FILTER]  all tests, or those whose names contain FILTER; says at the end what was skipped
  agent          builds the static agent and its manifest into target/agents
  tools          fetches restic, its REST server and rclone for the tests into target/tools
  bench          measures against restic, rustic, borg and bupstash; `cargo xtask bench --help` says more
  scale          measures what a large index and many sessions at once cost; `cargo xtask scale --help` says more
  demo           starts a server in ./demo that pulls a directory of this machine through SSH, restores it and compares";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workspace = Workspace::find()?;
    match arguments[..] {
        ["check"] => check::check(&workspace),
        ["tidy"] => tidy::run(&workspace),
        ["test"] => test::run(&workspace, None),
        ["test", filter] => test::run(&workspace, Some(filter)),
        ["agent"] => agent::build(&workspace).map(drop),
        ["tools"] => tools::fetch(&workspace),
        ["bench", ..] => bench::run(&workspace, &arguments[1..]),
        ["scale", ..] => scale::run(&workspace, &arguments[1..]),
        ["demo"] => demo::run(&workspace),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => bail!("no command is given\n\n{USAGE}"),
        [unknown, ..] => bail!("cannot do `{unknown}` with these arguments\n\n{USAGE}"),
    }
}
