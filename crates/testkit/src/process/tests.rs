//! Claims about looking at processes, each made about a real child.

use std::process::{Child, Command, Stdio};

use super::*;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        kill_tree(self.0.id());
        let _ = self.0.wait();
    }
}

fn sleeper(script: &str) -> Running {
    marked(script, "kelp")
}

fn marked(script: &str, mark: &str) -> Running {
    Running(Command::new("sh").args(["-c", script]).env("HOLDFAST_MARK", mark).spawn().unwrap())
}

#[test]
fn waiting_ends_when_the_thing_happens_and_when_time_is_up() {
    let mut count = 0;
    assert!(wait_until(Duration::from_secs(30), || {
        count += 1;
        count == 3
    }));
    assert!(!wait_until(Duration::ZERO, || false));
}

#[test]
fn a_process_is_seen_with_its_arguments_environment_and_memory() {
    let child = sleeper("sleep 1000; true");
    let pid = child.0.id();
    must_happen("the shell is there", || command_line(pid).join(" ") == "sh -c sleep 1000; true");
    assert!(environment(pid).contains(&"HOLDFAST_MARK=kelp".to_owned()));
    assert!(is_running(pid));
    let resident = resident_bytes(pid).unwrap();
    assert!(resident > 0 && resident <= peak_resident_bytes(pid).unwrap());
}

#[test]
fn a_process_that_has_ended_is_not_running_even_before_it_is_waited_for() {
    let child = sleeper("exit 0");
    must_happen("the child is a zombie", || !is_running(child.0.id()));
    assert_eq!(resident_bytes(child.0.id()), None);
}

#[test]
fn descendants_are_children_and_their_children() {
    let child = sleeper("sh -c 'sleep 1000; true'; true");
    let pid = child.0.id();
    must_happen("two generations", || descendants(pid).len() == 2);
    let found = descendants(pid);
    must_happen("the sleep runs", || descendants_named(pid, "sleep") == found[1..]);
    signal(found[1], Signal::KILL);
    must_happen("all have ended", || descendants(pid).is_empty());
    signal(found[1], Signal::KILL);
}

#[test]
fn a_tree_of_processes_is_killed_whole_even_while_it_grows() {
    let mut child = marked("while :; do (sleep 1000; true) & sleep 0.001; done", "growing");
    let pid = child.0.id();
    must_happen("it has grown", || descendants(pid).len() > 8);
    let before = descendants(pid);
    kill_tree(pid);
    child.0.wait().unwrap();
    must_happen("all have ended", || !before.iter().any(|pid| is_running(*pid)));
    let marked = |pid: u32| is_running(pid) && environment(pid).contains(&"HOLDFAST_MARK=growing".to_owned());
    must_happen("none is left", || !all_with_parents().iter().any(|(pid, _)| marked(*pid)));
}

#[test]
fn bytes_in_another_process_memory_are_found_and_others_are_not() {
    let mut child = Running(
        Command::new("sh")
            .args(["-c", "read secret; echo ready; read rest"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    // Built at run time, so that the needle is in the child's memory only because it was sent there.
    let needle = format!("barnacle-{}", 7 * 6);
    let mut input = child.0.stdin.take().unwrap();
    io::Write::write_all(&mut input, format!("{needle}\n").as_bytes()).unwrap();
    let mut ready = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert!(memory_contains(child.0.id(), needle.as_bytes()).unwrap());
    assert!(!memory_contains(child.0.id(), b"limpet-43").unwrap());
}
