//! Whatever dies, whenever: the repository stays valid, and the next run goes on where the last one ended.

use std::time::Duration;

use holdfast_testkit::process::{self, Signal};
use holdfast_testkit::{Prng, Tree};

use crate::scene::Scene;

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
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.random_file("data", 64 << 20, 1);
    // The backup ends in an interruption once all of the first file has come.
    let source = scene.sshd.source(tree.root());
    let fifo = tree.path("zz-endless");
    std::fs::create_dir(&fifo).unwrap();
    let host = format!("{}:", scene.sshd.destination());
    let command = format!("cat {}; sleep 600", tree.path("data").display());
    let mut run =
        scene.command(&["backup", &host, "--host", "web1", "--command", &command, "--as", "/x"]).spawn().unwrap();
    process::must_happen("packs are written", || packs(&scene) > 40 << 20);
    process::signal(run.id(), Signal::INT);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let run = scene.run(&["backup", "--json", &source, "--host", "web1"]).ok();
    let summary = crate::scene::Summary::of(&run);
    assert!(summary.get("bytes_received") < 24 << 20, "{}", summary.get("bytes_received"));
}

/// Bytes of all packs.
fn packs(scene: &Scene) -> u64 {
    let folders = std::fs::read_dir(scene.path("repository/data")).unwrap();
    let files = folders.filter_map(|folder| std::fs::read_dir(folder.unwrap().path()).ok()).flatten();
    files.filter_map(|file| file.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
}
