//! Whatever dies, whenever: the repository stays valid, and the next run goes on where the last one ended.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use holdfast_testkit::process::{self, Signal};
use holdfast_testkit::{Prng, Sshd, Tree};

use crate::scene::{Scene, agent};

/// So many moments; each costs a run.
const MOMENTS: u64 = 50;

/// A tree whose first backup takes a moment, and whose content changes from run to run.
fn fill(tree: &Tree, round: u64) {
    tree.random_file(format!("large-{round}"), 6 << 20, 100 + round);
    tree.many_files(format!("many-{round}"), 40, 200 + round);
}

#[test]
fn a_backup_that_dies_at_any_moment_leaves_a_valid_repository_and_the_next_run_succeeds() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    let source = scene.sshd.source(tree.root());
    let mut random = Prng::new(42);
    for round in 0..MOMENTS {
        fill(&tree, round);
        if round >= 4 {
            tree.remove(format!("large-{}", round - 4)).remove(format!("many-{}", round - 4));
        }
        let mut run = scene.command(&["backup", "--quiet", &source]).spawn().unwrap();
        let moment = Duration::from_micros(random.next_u64() % 900_000);
        // Not a wait for something to happen: the moment itself is what is tried.
        process::wait_until(moment, || run.try_wait().unwrap().is_some());
        let server = run.id();
        let victims = match round % 4 {
            0 => vec![(server, Signal::KILL)],
            1 => vec![(server, if round % 8 == 1 { Signal::INT } else { Signal::TERM })],
            2 => process::descendants(server).into_iter().map(|pid| (pid, Signal::KILL)).collect(),
            _ => scene.sshd.session_processes().into_iter().map(|pid| (pid, Signal::KILL)).collect(),
        };
        for (pid, signal) in victims.into_iter().filter(|(pid, _)| process::is_running(*pid)) {
            process::signal(pid, signal);
        }
        run.wait().unwrap();
        if round % 10 == 9
            && let Some(restic) = scene.restic()
        {
            restic.ok(["check", "--no-lock"]);
        }
    }
    scene.backup(tree.root(), &[]);
    let out = scene.path("out");
    let beneath = format!("latest:{}", tree.root().display());
    scene.run(&["restore", &beneath, "--target", out.to_str().unwrap()]).ok();
    assert_eq!(holdfast_testkit::compare_trees(tree.root(), &out, &Default::default()), []);
    assert_eq!(std::fs::read_dir(scene.path("repository/locks")).unwrap().count(), 0, "a dead lock is left");
    if let Some(restic) = scene.restic() {
        restic.check_read_data();
    }
}

#[test]
fn what_an_interrupted_session_had_made_durable_is_not_sent_again() {
    goes_on(|_, server| process::signal(server, Signal::INT), 130, &[]);
}

#[test]
fn what_a_session_had_made_durable_whose_host_died_is_not_sent_again() {
    goes_on(|scene, _| scene.sshd.cut(), 1, &[]);
}

#[test]
fn a_prune_in_between_keeps_what_an_interrupted_session_had_made_durable() {
    goes_on(|_, server| process::signal(server, Signal::TERM), 130, &["prune", "--max-unused", "0%"]);
}

/// Interrupts a session, does something `between`, and looks at what the next session sends, by the agent's own log.
fn goes_on(interrupt: impl Fn(&Scene, u32), code: i32, between: &[&str]) {
    let log = holdfast_testkit::temp_dir();
    let log = log.path().join("sent");
    let Some(sshd) = Sshd::builder().forced_command(logging_agent(&log)).start() else { return };
    let Some(scene) = Scene::with(sshd, &[]) else { return };
    let Some(restic) = scene.restic() else { return };
    let tree = scene.tree("source");
    tree.random_file("data", 64 << 20, 1);
    let source = scene.sshd.source(tree.root());
    // The same data as the output of a command that never ends: it comes, becomes durable, and is interrupted.
    let host = format!("{}:", scene.sshd.destination());
    let command = format!("cat {}; sleep 600", tree.path("data").display());
    let first = ["backup", "--quiet", &host, "--command", &command, "--as", "/x"];
    let mut run = scene.command(&first).spawn().unwrap();
    process::must_happen("packs are written", || !scene.files("data").is_empty());
    interrupt(&scene, run.id());
    assert_eq!(run.wait().unwrap().code(), Some(code));
    process::must_happen("the agent ends", || scene.sshd.session_processes().is_empty());
    let listed = restic.ok(["list", "blobs", "--no-lock"]);
    let durable: HashSet<&str> = listed.lines().filter_map(|line| line.strip_prefix("data ")).collect();
    let sent_before = sent(&log).len();
    assert!(durable.len() > 10, "{}", durable.len());
    if !between.is_empty() {
        scene.run(between).ok();
    }
    scene.run(&["backup", "--quiet", &source]).ok();
    let sent = sent(&log);
    let (before, after) = sent.split_at(sent_before);
    assert!(!after.is_empty() && durable.iter().all(|id| before.iter().any(|sent| sent == id)));
    let again: Vec<_> = after.iter().filter(|id| durable.contains(id.as_str())).collect();
    assert!(again.is_empty(), "{} of {} durable chunks were sent again", again.len(), durable.len());
    assert_eq!(scene.files("locks").len(), 0, "a dead lock is left");
    restic.check_read_data();
}

/// An installed agent, as its owner starts it by a forced command, that notes what it sends.
fn logging_agent(log: &Path) -> String {
    format!("{} --stdio --send-log {}", agent().display(), log.display())
}

/// The ids of all chunks that the agents have sent so far, in order.
fn sent(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap();
    text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}
