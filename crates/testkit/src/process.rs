//! Looking at processes from outside, and waiting for things to happen.
//!
//! Reads `/proc`; a process that ends meanwhile is no error but simply not there any more.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// Calls `done` again and again until it returns true, for at most `limit`; false if it never did.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if done() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// As [`wait_until`] with half a minute; panics with `what` if it never happens.
pub fn must_happen(what: &str, done: impl FnMut() -> bool) {
    assert!(wait_until(Duration::from_secs(30), done), "waited for 30 seconds, in vain: {what}");
}

/// Memory that a process has in use now (resident), in bytes; `None` once it has ended.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    status_kib(pid, "VmRSS:")
}

/// The most memory that a process ever had in use (resident), in bytes; `None` once it has ended.
pub fn peak_resident_bytes(pid: u32) -> Option<u64> {
    status_kib(pid, "VmHWM:")
}

fn status_kib(pid: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Whether the process runs: neither gone nor a zombie.
pub fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state)| state != 'Z' && state != 'X')
}

/// A process's arguments; empty once it has ended.
pub fn command_line(pid: u32) -> Vec<String> {
    zero_separated(pid, "cmdline")
}

/// A process's environment as `NAME=VALUE`, as it was when it started; empty once it has ended.
pub fn environment(pid: u32) -> Vec<String> {
    zero_separated(pid, "environ")
}

fn zero_separated(pid: u32, file: &str) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    bytes
        .split(|&byte| byte == 0)
        .filter(|part| !part.is_empty())
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect()
}

/// What `pid` itself started and has not seen the end of.
pub fn children(pid: u32) -> Vec<u32> {
    all_with_parents().into_iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| child).collect()
}

/// Everything that `pid` started and what those started in turn, parents before children, without `pid` itself.
pub fn descendants(pid: u32) -> Vec<u32> {
    let all = all_with_parents();
    let mut found = Vec::new();
    let mut generation = vec![pid];
    while !generation.is_empty() {
        generation = all.iter().filter(|(_, parent)| generation.contains(parent)).map(|(child, _)| *child).collect();
        found.extend(&generation);
    }
    found
}

/// Those descendants of `pid` whose first argument ends with `program`.
pub fn descendants_named(pid: u32, program: &str) -> Vec<u32> {
    let named = |pid: &u32| command_line(*pid).first().is_some_and(|first| first.ends_with(program));
    descendants(pid).into_iter().filter(named).collect()
}

fn all_with_parents() -> Vec<(u32, u32)> {
    let proc = std::fs::read_dir("/proc").expect("/proc is mounted");
    let pids = proc.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?.0))).collect()
}

/// Parent and state. The name in the middle may hold anything, so the fields are counted from its end.
fn stat(pid: u32) -> Option<(u32, char)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

/// Sends a signal; nothing happens if the process has ended.
pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id is a positive number");
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("cannot send {signal:?} to process {}: {error}", pid.as_raw_nonzero()),
    }
}

/// Kills a process and everything that it started. All are stopped before the first is killed, so that none starts
/// another meanwhile or is orphaned unseen.
pub fn kill_tree(pid: u32) {
    let mut stopped = Vec::new();
    let mut fresh = vec![pid];
    while !fresh.is_empty() {
        for &pid in &fresh {
            signal(pid, Signal::STOP);
        }
        // Until it has really stopped, it may still start something.
        let stands = |pid: &u32| stat(*pid).is_none_or(|(_, state)| matches!(state, 'T' | 't' | 'Z' | 'X'));
        wait_until(Duration::from_secs(5), || fresh.iter().all(stands));
        stopped.append(&mut fresh);
        fresh = descendants(pid).into_iter().filter(|found| !stopped.contains(found)).collect();
    }
    for pid in stopped {
        signal(pid, Signal::KILL);
    }
}

/// Whether the bytes occur anywhere in the memory of another process (what it may write to: heap, stacks, data).
///
/// # Errors
/// Without the right to trace that process, or once it has ended.
pub fn memory_contains(pid: u32, needle: &[u8]) -> io::Result<bool> {
    assert!(!needle.is_empty(), "nothing is everywhere");
    let maps = BufReader::new(File::open(format!("/proc/{pid}/maps"))?);
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    for line in maps.lines() {
        let line = line?;
        if let Some((start, end)) = writable_range(&line)
            && range_contains(&memory, start, end, needle)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn writable_range(line: &str) -> Option<(u64, u64)> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let flags = fields.next()?;
    let range = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    flags.starts_with("rw").then_some(range)
}

/// Reads in steps that overlap by the needle's length. A page that cannot be read (swapped by the kernel's own
/// rules, or gone since) holds nothing that this could find.
fn range_contains(memory: &File, start: u64, end: u64, needle: &[u8]) -> bool {
    const STEP: u64 = 1 << 20;
    let mut at = start;
    while at < end {
        let length = (STEP + needle.len() as u64 - 1).min(end - at) as usize;
        let mut buffer = vec![0; length];
        let read = memory.read_at(&mut buffer, at).unwrap_or(0);
        if buffer[..read].windows(needle.len()).any(|window| window == needle) {
            return true;
        }
        at += STEP;
    }
    false
}

#[cfg(test)]
mod tests;
