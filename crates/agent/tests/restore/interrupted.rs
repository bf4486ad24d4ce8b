//! A restore that was cut off is completed by the next one, which asks only for what is missing.

use std::fs;
use std::os::unix::fs::MetadataExt;

use holdfast_agent::restore::RestoreError;
use holdfast_testkit::process::must_happen;
use holdfast_testkit::{Prng, Tree, temp_dir};
use holdfast_wire::{Overwrite, RestoreJob, RestoreNode};

use crate::round_trip::assert_equal;
use crate::server::{Server, job};
use crate::snapshot::{CHUNK, Snapshot};

/// Nodes in one window.
const WINDOW: usize = 5;

fn source(tree: &Tree) {
    for i in 0..30 {
        tree.random_file(format!("d{}/f{i}", i % 5), i * 37_000, i);
        tree.mode(format!("d{}/f{i}", i % 5), 0o4711);
    }
    tree.hard_link("d0/twin", "d1/f6").symlink("d1/link", "x").dir("closed").file("closed/inside", "x");
    tree.mode("closed", 0o500).mode("d2", 0o3777);
}

#[test]
fn the_next_run_completes_what_was_cut_off() {
    for mode in [Overwrite::Always, Overwrite::IfChanged] {
        for cut in [0, 1, 10, 60] {
            let temp = temp_dir();
            let tree = Tree::create(temp.path().join("source"));
            source(&tree);
            let snapshot = Snapshot::of(tree.root());
            let target = temp.path().join("target");
            // The first time into nothing, the second over what is there.
            let mut sent = 0;
            for _ in 0..2 {
                let server = Server { cut_after: Some(cut), window: WINDOW, ..Server::of(&snapshot) };
                let answers = server.restore(job(&target, mode));
                assert!(matches!(answers.result, Err(RestoreError::LinkClosed(_))), "{:?}", answers.result);
                sent += answers.blobs;
            }
            let answers = Server::of(&snapshot).restore(job(&target, mode));
            answers.good();
            // What had come before the cut may not have been written yet; but for what came since the end of a window.
            let in_window = |nodes: &[RestoreNode]| nodes.iter().map(|node| node.chunks.len()).sum();
            let most: usize = snapshot.nodes.chunks(WINDOW).map(in_window).max().unwrap();
            assert!(answers.blobs + sent <= snapshot.blobs.len() + 2 * cut.min(most), "{} + {sent}", answers.blobs);
            assert_equal(tree.root(), &target);
        }
    }
}

#[test]
fn what_was_cut_off_is_closed_to_others_and_shows_no_old_time() {
    let temp = temp_dir();
    let mut content = vec![0; 4 * CHUNK];
    Prng::new(5).fill(&mut content);
    let mut snapshot = Snapshot::default();
    snapshot.dir("d");
    let time = snapshot.file("d/f", &content).entry.mtime;
    snapshot.node("d/f").entry.mode = 0o4755;
    let server = Server { cut_after: Some(2), ..Server::of(&snapshot) };
    // It is made when the first content has come.
    let server = server.before_blob(|done, _, _| {
        while done > 0 && !temp.path().join("d/f").exists() {
            std::thread::yield_now();
        }
    });
    assert!(server.restore(job(temp.path(), Overwrite::Always)).result.is_err());
    let stat = fs::metadata(temp.path().join("d/f")).unwrap();
    assert_eq!(stat.mode() & 0o7777, 0o600);
    assert_ne!(stat.mtime(), time.seconds, "or the next run would take it for complete");
    assert_eq!(fs::metadata(temp.path().join("d")).unwrap().mode() & 0o7777, 0o700);
    Server::of(&snapshot).restore(job(temp.path(), Overwrite::IfChanged)).good();
    assert!(fs::read(temp.path().join("d/f")).unwrap() == content);
}

#[test]
fn a_verified_restore_can_be_cut_off_too() {
    let temp = temp_dir();
    let tree = Tree::create(temp.path().join("source"));
    source(&tree);
    let snapshot = Snapshot::of(tree.root());
    let target = temp.path().join("target");
    let job = || RestoreJob { verify: true, ..job(&target, Overwrite::Always) };
    let server = Server { cut_after: Some(20), ..Server::of(&snapshot) };
    assert!(server.restore(job()).result.is_err());
    Server::of(&snapshot).restore(job()).good();
    assert_equal(tree.root(), &target);
}

#[test]
fn what_was_opened_and_not_written_to_before_the_cut_is_as_it_was() {
    let temp = temp_dir();
    let (target, old) = (Tree::create(temp.path()), vec![b'o'; 4 * CHUNK]);
    let (mut content, mut random) = (vec![0; 4 * CHUNK], Prng::new(6));
    let mut snapshot = Snapshot::default();
    snapshot.dir("d");
    let names: Vec<String> = (0..6).map(|number| format!("d/f{number}")).collect();
    for name in &names {
        random.fill(&mut content);
        snapshot.file(name, &content);
        target.file(name, &old).mode(name, 0o4640);
    }
    let path_of = |node: u64| String::from_utf8(snapshot.nodes[node as usize].path.to_vec()).unwrap();
    let mut sent = Vec::new();
    let server = Server { cut_after: Some(2), ..Server::of(&snapshot) };
    let server = server.before_blob(|_, header, _| {
        if let Some(first) = sent.first() {
            must_happen("the first is written", || fs::read(target.path(first)).unwrap() != old);
        }
        sent.push(path_of(header.targets[0].node));
    });
    assert!(server.restore(job(temp.path(), Overwrite::Always)).result.is_err());
    let mode = |name: &String| fs::metadata(target.path(name)).unwrap().mode() & 0o7777;
    assert_eq!(mode(&sent[0]), 0o600, "what was written to stays closed to others");
    let untouched: Vec<&String> = names.iter().filter(|name| !sent.contains(name)).collect();
    assert!(untouched.len() >= 4);
    for name in untouched {
        assert_eq!(mode(name), 0o4640, "{name}");
        assert!(fs::read(target.path(name)).unwrap() == old, "{name}");
    }
    Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always)).good();
    assert!(fs::read(target.path("d/f5")).unwrap() == content);
}
