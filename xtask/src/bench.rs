//! `cargo xtask bench`: the same work by us and by our peers, in the same run.
//!
//! It makes its data itself, reproducibly, in memory where there is room; measures wall time, CPU and memory from outside;
//! and lets the programs take turns, so that ratios hold although the machine's mood changes. What it writes to
//! `docs/benchmarks.md` is generated whole; why a figure is what it is stands in `docs/performance.md`, by hand.

mod corpus;
mod document;
mod goal;
mod home;
mod interrupt;
mod machine;
mod measure;
mod options;
mod program;
mod results;
mod room;
mod server;
mod stage;
mod statistics;
mod table;

mod work;
mod yardstick;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::agent;
use crate::command::{cargo, output, run as run_command};
use crate::scale;
use crate::workspace::Workspace;
use corpus::Corpora;
use interrupt::Interrupt;
use machine::Machine;
use options::{Mode, Options};
use program::{Kind, Program};
use results::Book;
use stage::Stage;
use table::Table;
use work::Task;

pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    if arguments == ["server"] {
        return server::run(workspace);
    }
    let options = Options::parse(arguments)?;
    match options.mode {
        Mode::Help => println!("{}", options::USAGE),
        Mode::List => list(),
        Mode::Report => report(workspace, &Book::read(&results_file(workspace, false))?)?,
        Mode::Measure => measure(workspace, &options)?,
    }
    Ok(())
}

fn list() {
    for work in work::ALL {
        let quick = if work::QUICK.contains(&work.name) { "quick" } else { "" };
        println!("{:16} {:13} {quick:6} {}", work.name, work.corpus.name(), work.title);
    }
}

fn measure(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.install_peers {
        let kinds: Vec<Kind> = options.peers.iter().map(|(kind, _)| *kind).collect();
        if let Err(error) = program::install(&kinds, workspace) {
            eprintln!("warning: {error:#}");
        }
    }
    let (ours, agents) = ours(workspace, options)?;
    let kept = holdfast_testkit::temp_dir();
    let (ours, agents) = keep(ours, &agents, kept.path())?;
    let needs_engine = options.works.iter().any(|work| matches!(work.task, Task::LsOpened));
    let engine = if needs_engine { Some(scale::build(workspace)?) } else { None };
    let mut programs = vec![ours];
    programs.extend(peers(workspace, options)?);
    for program in &programs {
        eprintln!("{} {}: {}", program.kind.name(), program.version, program.file.display());
    }
    let root = options.dir.clone().unwrap_or_else(|| room::choose(&workspace.target));
    std::fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
    let root = std::path::absolute(&root).context("the folder has a name")?;
    remove_left_over(&root)?;
    let machine = Machine::look(&root)?;
    let interrupt = Interrupt::catch()?;
    let file = results_file(workspace, options.quick);
    let mut book = Book::open(&file, machine);
    let corpora = Corpora { root, interrupt: &interrupt };
    let mut stage = Stage::new(programs, corpora, agents, engine, options.pairs, options.quick)?;
    let mut failed = Vec::new();
    for work in &options.works {
        let result = match stage.run(work) {
            Ok(Some(result)) => result,
            Ok(None) => continue,
            Err(error) => {
                interrupt.check()?;
                eprintln!("error: {}: {error:#}", work.name);
                failed.push(work.name);
                continue;
            }
        };
        println!("\n{}: {}", work.name, work.title);
        print!("{}", Table::of(&result).text());
        book.works.insert(work.name.to_owned(), result);
        book.save(&file)?;
    }
    eprintln!("\nresults: {}", file.display());
    if !options.quick {
        report(workspace, &book)?;
    }
    if !failed.is_empty() {
        bail!("not everything could be measured: {}", failed.join(", "));
    }
    Ok(())
}

/// Where results are kept.
fn results_file(workspace: &Workspace, quick: bool) -> PathBuf {
    workspace.target.join(if quick { "bench-quick.json" } else { "bench.json" })
}

/// Writes the document, and says what was reached.
fn report(workspace: &Workspace, book: &Book) -> Result<()> {
    println!("\nWhat is to be reached:");
    for row in goal::ALL {
        let Some(verdict) = row.judge(book) else { continue };
        let met = if verdict.met { "met" } else { "MISSED" };
        println!("  {met:6}  {}: {}: {}", row.work, row.goal, verdict.measured);
    }
    let path = workspace.root.join("docs/benchmarks.md");
    // What is measured by itself stays.
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let text = format!("{}{}", document::write(book), server::part_of(&before));
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("\nwritten: {}", path.display());
    Ok(())
}

/// Our program and its agents, built unless they are given.
fn ours(workspace: &Workspace, options: &Options) -> Result<(Program, PathBuf)> {
    if let Some(file) = &options.holdfast {
        let agents = std::env::var_os("HOLDFAST_AGENTS").map_or_else(|| workspace.agents(), PathBuf::from);
        let agents = std::path::absolute(&agents).context("the folder has a name")?;
        return Ok((program::at(Kind::Holdfast, file)?, agents));
    }
    run_command(cargo().args(["build", "--release", "--package", "holdfast"]).current_dir(&workspace.root))?;
    let agents = agent::build(workspace)?;
    let mut ours = program::at(Kind::Holdfast, &workspace.target.join("release/holdfast"))?;
    // Between two releases the version says too little.
    if let Ok(commit) = commit(workspace) {
        ours.version = format!("{} ({commit})", ours.version);
    }
    Ok((ours, agents))
}

/// The commit that is measured, and whether anything but the report itself is changed.
fn commit(workspace: &Workspace) -> Result<String> {
    let git = |arguments: &[&str]| output(Command::new("git").args(arguments).current_dir(&workspace.root));
    let commit = git(&["describe", "--always"])?;
    let changed = git(&["status", "--porcelain", "--", ".", ":(exclude)docs/benchmarks.md"])?;
    Ok(format!("{}{}", commit.trim(), if changed.trim().is_empty() { "" } else { "-dirty" }))
}

/// Copies of program and agents: what is built meanwhile must not get mixed into the results.
fn keep(ours: Program, agents: &Path, dir: &Path) -> Result<(Program, PathBuf)> {
    let (file, kept_agents) = (dir.join("holdfast"), dir.join("agents"));
    output(Command::new("cp").arg("-L").arg(&ours.file).arg(&file))?;
    output(Command::new("cp").arg("-rL").arg(agents).arg(&kept_agents)).context("`cargo xtask agent` makes them")?;
    Ok((Program { file, ..ours }, kept_agents))
}

/// The peers that are there; who is not is named.
fn peers(workspace: &Workspace, options: &Options) -> Result<Vec<Program>> {
    let mut found = Vec::new();
    for (kind, place) in &options.peers {
        match place {
            Some(place) => found.push(program::at(*kind, place)?),
            None => match program::find(*kind, workspace) {
                Some(program) => found.push(program),
                None => eprintln!("{} is not there and left out; --install-peers fetches it", kind.name()),
            },
        }
    }
    Ok(found)
}

/// Removes what a run left that was killed.
///
/// # Errors
/// When another one still runs there: both would change the same corpora.
fn remove_left_over(root: &Path) -> Result<()> {
    let entries = std::fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let pid = name.strip_prefix("run-").and_then(|pid| pid.parse().ok());
        if pid.is_some_and(holdfast_testkit::process::is_running) {
            bail!("another benchmark runs in {}: wait for it, or name another folder with --dir", root.display());
        }
        if pid.is_some() || name == "apt" || name.starts_with("aside-") {
            corpus::remove(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::{Tree, temp_dir};

    use super::*;

    #[test]
    fn what_a_killed_run_left_goes_and_corpora_stay() {
        let dir = temp_dir();
        let tree = Tree::create(dir.path());
        tree.file("run-999999999/log", "").file("aside-1/x", "").file("source/x", "").file("source.stamp", "");
        remove_left_over(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        tree.file(format!("run-{}/log", std::process::id()), "");
        assert!(remove_left_over(dir.path()).unwrap_err().to_string().contains("another benchmark"));
    }
}
