//! One command, timed: wall time by the monotonic clock, CPU by the kernel's account, memory by sampling.
//!
//! It does not know what the command is for. Whatever the command prints goes to a file; when it fails, the end of that
//! file is in the error.

mod memory;
mod wait;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use holdfast_testkit::process;
use serde::{Deserialize, Serialize};

use super::interrupt::Interrupt;
use crate::command::shown;

/// What one run took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    /// Seconds from start to end.
    pub(super) wall: f64,
    /// CPU seconds of the process and everything that it waited for.
    pub(super) user: f64,
    pub(super) system: f64,
    /// CPU seconds of the other side of an SSH session (sshd and what it started).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) remote: Option<f64>,
    /// The most memory of each process, in bytes.
    pub(super) peaks: BTreeMap<String, u64>,
    /// The repository afterwards, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) repository: Option<u64>,
    /// What came over SSH and went, in bytes, if the program tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) received: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sent: Option<u64>,
    /// What a restore takes on the disk, in bytes: less than the files' sizes where holes stayed holes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) allocated: Option<u64>,
}

impl Run {
    pub(super) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// The largest process.
    pub(super) fn peak(&self) -> u64 {
        self.peaks.values().copied().max().unwrap_or(0)
    }
}

/// Runs commands and measures them.
pub(super) struct Meter<'a> {
    pub(super) interrupt: &'a Interrupt,
    /// The server whose sessions belong to what is measured.
    pub(super) sshd: Option<u32>,
}

impl Meter<'_> {
    /// Runs a command that must succeed. Both its outputs go to `log`.
    pub(super) fn run(&self, command: &mut Command, log: &Path) -> Result<Run> {
        self.interrupt.check()?;
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let both = output.try_clone().context("cannot share a file")?;
        command.stdin(Stdio::null()).stdout(output).stderr(both);
        let remote_before = self.sshd.map(cpu_of_children);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start `{}`", shown(command)))?;
        let pid = child.id();
        let stop = AtomicBool::new(false);
        let (usage, wall, peaks) = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| memory::watch(pid, self.sshd, &stop, self.interrupt));
            let usage = wait::wait(child);
            let wall = started.elapsed();
            stop.store(true, Ordering::Release);
            (usage, wall, watcher.join().unwrap_or_default())
        });
        let usage = usage.with_context(|| format!("cannot wait for `{}`", shown(command)))?;
        self.interrupt.check()?;
        if !usage.status.success() {
            bail!("`{}` ended with {}; it said:\n{}", shown(command), usage.status, end_of(log));
        }
        let remote = self.sshd.zip(remote_before).map(|(sshd, before)| (settled(sshd) - before).max(0.0));
        let mut run = Run {
            wall: wall.as_secs_f64(),
            user: usage.user.as_secs_f64(),
            system: usage.system.as_secs_f64(),
            remote,
            peaks,
            ..Run::default()
        };
        // The kernel's figure is the exact one, but of the largest process only, whichever that was.
        if run.peaks.len() <= 1 {
            let program = command.get_program().to_string_lossy();
            let name = program.rsplit('/').next().unwrap_or_default().to_owned();
            let peak = run.peaks.entry(name).or_default();
            *peak = usage.largest.max(*peak);
        }
        Ok(run)
    }
}

/// CPU seconds of all ended children of a process, and theirs.
fn cpu_of_children(pid: u32) -> f64 {
    /// The unit of `/proc`, in which Linux reports to programs on every architecture.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    // Counted from the state: cutime and cstime are the fields 16 and 17 of the whole line.
    fields.split(' ').skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// As [`cpu_of_children`], once the server's sessions have ended and are in its account.
fn settled(sshd: u32) -> f64 {
    process::wait_until(Duration::from_secs(5), || process::children(sshd).is_empty());
    cpu_of_children(sshd)
}

fn end_of(log: &Path) -> String {
    let said = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&said[said.len().saturating_sub(2000)..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> Result<Run> {
        let dir = holdfast_testkit::temp_dir();
        let interrupt = Interrupt::never();
        let meter = Meter { interrupt: &interrupt, sshd: None };
        meter.run(Command::new("sh").args(["-c", script]), &dir.path().join("log"))
    }

    #[test]
    fn a_run_has_its_times_and_its_memory() {
        let run = run("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").unwrap();
        assert!(run.wall > 0.01 && run.cpu() > 0.01 && run.cpu() < run.wall * 1.5, "{run:?}");
        assert!(run.peaks["sh"] > 100 << 10, "{run:?}");
    }

    #[test]
    fn a_failure_carries_the_end_of_what_was_said() {
        let error = run("echo 'no room'; exit 4").unwrap_err();
        assert!(error.to_string().contains("no room"), "{error}");
    }

    #[test]
    fn an_interrupt_ends_what_runs() {
        let dir = holdfast_testkit::temp_dir();
        let interrupt = Interrupt::never();
        let meter = Meter { interrupt: &interrupt, sshd: None };
        let log = dir.path().join("log");
        let ended = std::thread::scope(|scope| {
            let ended = scope.spawn(|| meter.run(Command::new("sleep").arg("1000"), &log));
            process::must_happen("it has started", || log.exists());
            interrupt.raise();
            ended.join().unwrap()
        });
        assert_eq!(ended.unwrap_err().to_string(), "interrupted");
    }
}
