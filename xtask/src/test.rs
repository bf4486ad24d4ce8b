//! Runs all tests with everything that they need, and says at the end what was left out.
//!
//! A test that cannot run here (no root, no network namespace, no restic) passes, but notes that it was skipped in
//! the file that `HOLDFAST_SKIP_LOG` names. Those are no passed tests: they are counted and listed here.

mod count;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::{cargo, run as run_command, shown};
use crate::workspace::Workspace;
use crate::{agent, tools};
use count::{Counts, Runner};

/// Runs all tests, or those whose names contain `filter`.
pub(crate) fn run(workspace: &Workspace, filter: Option<&str>) -> Result<()> {
    let agents = agent::build(workspace)?;
    if let Err(error) = tools::fetch(workspace) {
        eprintln!("warning: {error:#}\nTests that need them are skipped.");
    }
    run_command(cargo().args(["build", "--workspace", "--bins"]).current_dir(&workspace.root))?;

    let skip_log = workspace.target.join("skipped-tests");
    std::fs::write(&skip_log, "").with_context(|| format!("cannot write {}", skip_log.display()))?;
    let (mut command, runner) = runner(filter);
    command.current_dir(&workspace.root).env("HOLDFAST_SKIP_LOG", &skip_log).env("HOLDFAST_AGENTS", &agents);
    command.env("HOLDFAST_BIN", workspace.target.join("debug/holdfast"));
    for (variable, name) in [
        ("HOLDFAST_RESTIC", "restic"),
        ("HOLDFAST_REST_SERVER", "restic-rest-server"),
        ("HOLDFAST_RCLONE", "rclone"),
        ("HOLDFAST_SCHEMATHESIS", "schemathesis"),
    ] {
        let tool = workspace.tools().join(name);
        if tool.exists() {
            command.env(variable, tool);
        }
    }
    let (success, total) = run_counted(&mut command, runner)?;
    report(total, &skip_log, !success)
}

/// cargo-nextest where it is installed (each test in a process of its own), else cargo's own runner. nextest leaves out
/// examples in documentation: there are none, what shows how something works is a test.
fn runner(filter: Option<&str>) -> (Command, Runner) {
    let mut nextest = cargo();
    nextest.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut command = cargo();
    if nextest.status().is_ok_and(|status| status.success()) {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests=pass"]).args(filter);
        // A shared machine may hold up a test beyond its patience. One that passes at its second try is listed as flaky.
        if std::env::var_os("CI").is_some() {
            command.args(["--retries", "1"]);
        }
        return (command, Runner::Nextest);
    }
    let filter = filter.map(|filter| ["--", filter]).into_iter().flatten();
    command.args(["test", "--workspace", "--no-fail-fast"]).args(filter);
    (command, Runner::Cargo)
}

/// Runs tests, shows what they say as they say it, and counts. Both streams go through one pipe: nextest counts on
/// standard error, cargo's runner on standard output.
fn run_counted(command: &mut Command, runner: Runner) -> Result<(bool, Counts)> {
    eprintln!("+ {}", shown(command));
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let (read, write) = std::io::pipe().context("cannot make a pipe")?;
    command.stdin(Stdio::null()).stdout(write.try_clone().context("cannot make a pipe")?).stderr(write);
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", shown(command)))?;
    // The command holds our copy of the pipe's other end; without it the reader sees the end when the tests end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut counts = Counts::default();
    for line in BufReader::new(read).split(b'\n') {
        let line = line.context("cannot read what the tests say")?;
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        counts.add(runner.counts_in(&line));
    }
    let status = child.wait().context("cannot wait for the tests")?;
    Ok((status.success(), counts))
}

fn report(total: Counts, skip_log: &Path, failed: bool) -> Result<()> {
    let log = std::fs::read_to_string(skip_log).with_context(|| format!("cannot read {}", skip_log.display()))?;
    let (skipped, text) = skips(&log);
    eprint!("{text}");
    let passed = total.passed.saturating_sub(skipped);
    eprintln!("{passed} passed, {} failed, {} skipped", total.failed, skipped + total.ignored);
    if failed {
        bail!("some tests failed");
    }
    Ok(())
}

/// How many tests were skipped, and a list of them by reason.
fn skips(log: &str) -> (usize, String) {
    let mut by_reason: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut tests = BTreeSet::new();
    for line in log.lines() {
        let (test, reason) = line.split_once(": ").unwrap_or(("a test", line));
        // One test may say it twice, but is one.
        if tests.insert(test) {
            by_reason.entry(reason).or_default().insert(test);
        }
    }
    let mut text = String::new();
    for (reason, tests) in &by_reason {
        text.push_str(&format!("SKIPPED, {reason}:\n"));
        text.extend(tests.iter().map(|test| format!("  {test}\n")));
    }
    (tests.len(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_listed_by_reason_and_counted_once() {
        let log = "a::b: needs root\nc: needs restic\na::b: needs more\nd::e: needs root\n";
        let (count, text) = skips(log);
        assert_eq!(count, 3);
        assert_eq!(text, "SKIPPED, needs restic:\n  c\nSKIPPED, needs root:\n  a::b\n  d::e\n");
        assert_eq!(skips(""), (0, String::new()));
    }

    #[test]
    fn what_a_runner_says_on_either_stream_is_counted() {
        let mut command = Command::new("sh");
        let says = "echo 'test result: ok. 2 passed; 0 failed; 1 ignored'; echo 'test result: FAILED. 3 passed; 1 failed' >&2; exit 1";
        let (success, counts) = run_counted(command.args(["-c", says]), Runner::Cargo).unwrap();
        assert!(!success);
        assert_eq!(counts, Counts { passed: 5, failed: 1, ignored: 1 });
    }
}
