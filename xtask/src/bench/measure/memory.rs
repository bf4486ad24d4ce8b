//! The most memory that each process of a tree ever had, read from `/proc` again and again.
//!
//! The kernel keeps the high-water mark, so only what a process takes in its last moments before it ends can be
//! missed. Children are found through `/proc/PID/task/TID/children`: reading all of `/proc` would take more time than
//! some of what is measured.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast_testkit::process;

use crate::bench::interrupt::Interrupt;

/// How often the marks are read.
const EVERY: Duration = Duration::from_millis(10);

/// New processes are looked for in every so many rounds; in the first ones always.
const LOOK_EVERY: u32 = 4;

/// Peaks in bytes by what the process is called.
pub(super) type Peaks = BTreeMap<String, u64>;

/// Watches a process with everything beneath it, and everything beneath another one, until told to stop. An interrupt
/// ends the first.
pub(super) fn watch(root: u32, beneath: Option<u32>, stop: &AtomicBool, interrupt: &Interrupt) -> Peaks {
    let mut peaks = Peaks::new();
    let mut known = Vec::new();
    let mut round = 0;
    while !stop.load(Ordering::Acquire) {
        if interrupt.came() {
            process::kill_tree(root);
            break;
        }
        if round % LOOK_EVERY == 0 || round < 10 {
            known = tree(root);
            known.push(root);
            known.extend(beneath.into_iter().flat_map(tree));
        }
        for &pid in &known {
            sample(pid, &mut peaks);
        }
        round += 1;
        std::thread::sleep(EVERY);
    }
    peaks
}

fn sample(pid: u32, peaks: &mut Peaks) {
    let arguments = process::command_line(pid);
    let (Some(name), Some(bytes)) = (name(&arguments), process::peak_resident_bytes(pid)) else { return };
    let peak = peaks.entry(name.to_owned()).or_default();
    *peak = bytes.max(*peak);
}

/// What a process is called in the results. Ours are told apart by their arguments.
fn name(arguments: &[String]) -> Option<&str> {
    let program = arguments.first()?;
    if arguments.iter().any(|argument| argument == "--stdio") {
        return Some("agent");
    }
    if arguments.get(1).is_some_and(|argument| argument == "puller") {
        return Some("puller");
    }
    // sshd writes its state into its own title.
    let program = program.split([' ', ':']).next().unwrap_or(program);
    program.rsplit('/').next()
}

/// Everything beneath a process.
fn tree(pid: u32) -> Vec<u32> {
    let mut found = children(pid);
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        found.extend(children(pid));
        next += 1;
    }
    found
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn processes_of_ours_are_told_apart() {
        let words = |text: &str| text.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
        assert_eq!(name(&words("/opt/holdfast backup /x")), Some("holdfast"));
        assert_eq!(name(&words("/proc/self/exe puller 3,4")), Some("puller"));
        assert_eq!(name(&words("/root/.cache/holdfast/abc --stdio")), Some("agent"));
        assert_eq!(name(&["sshd: root@notty".to_owned()]), Some("sshd"));
        assert_eq!(name(&[]), None);
    }

    #[test]
    fn children_of_children_are_found() {
        let mut child = Command::new("sh");
        child.args(["-c", "sleep 1000 & sh -c 'sleep 1000; true'; true"]).stdout(Stdio::null());
        let mut child = child.spawn().unwrap();
        process::must_happen("three are found", || tree(child.id()).len() == 3);
        process::kill_tree(child.id());
        child.wait().unwrap();
    }
}
