//! Several at once on one repository: each succeeds or says that it is locked, and all that was reported is there.

use std::process::Stdio;

use crate::scene::{Run, Scene, Summary};

#[test]
fn a_repository_that_a_living_restic_has_locked() {
    let Some(scene) = Scene::new() else { return };
    let Some(restic) = scene.restic() else { return };
    let tree = scene.tree("source");
    tree.file("a", b"a").fifo("password");
    // It holds an exclusive lock and waits for its new password.
    let mut holder = restic.command();
    holder.args(["key", "passwd", "--new-password-file"]).arg(tree.path("password"));
    let mut holder = holder.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    holdfast_testkit::process::must_happen("restic takes its lock", || !scene.files("locks").is_empty());
    let source = scene.sshd.source(tree.path("a"));
    for verb in
        [["backup", &source].as_slice(), &["check"], &["prune"], &["restore", "latest", "--target", "/nonexistent/x"]]
    {
        let sentence = scene.run(verb).fails(11);
        assert!(sentence.contains(&format!("process {}", holder.id())), "{sentence}");
        assert!(sentence.contains("exclusive") && sentence.contains("holdfast unlock"), "{sentence}");
    }
    assert!(scene.run(&["unlock"]).ok().out.contains("0 locks removed"));
    holder.kill().unwrap();
    holder.wait().unwrap();
    // It is dead now, as far as this machine can see: a container or another machine may have the same name, so that
    // restic's lock goes only if somebody says so.
    scene.run(&["backup", &source]).fails(11);
    assert!(scene.run(&["unlock"]).ok().out.contains("1 lock removed"));
    scene.run(&["backup", &source]).ok();
    assert_eq!(scene.files("locks").len(), 0);
    scene.is_sound();
}

#[test]
fn two_writers_and_a_prune_at_once() {
    let Some(scene) = Scene::new() else { return };
    let trees = ["one", "two"].map(|name| scene.tree(name));
    let backup = |host: usize| {
        let source = scene.sshd.source(trees[host].root());
        scene.run(&["backup", "--json", "--host", ["web1", "web2"][host], &source])
    };
    let allowed = |run: &Run| assert!(matches!(run.code, Some(0 | 11)), "{:?} {}{}", run.code, run.out, run.err);
    let mut reported = Vec::new();
    for round in 0..3 {
        for (host, tree) in trees.iter().enumerate() {
            tree.random_file("large", 5 << 20, 10 * round + host as u64).many_files(format!("many-{round}"), 60, round);
        }
        std::thread::scope(|scope| {
            let writers = [0, 1].map(|host| scope.spawn(move || backup(host)));
            // Something for the prune to do: of each host the last snapshot stays.
            allowed(&scene.run(&["forget", "--keep-last", "1"]));
            allowed(&scene.run(&["prune", "--max-unused", "0%"]));
            for writer in writers {
                let run = writer.join().unwrap();
                allowed(&run);
                if run.code == Some(0) {
                    reported.push(Summary::of(&run).1);
                }
            }
        });
    }
    let listed = scene.run(&["snapshots", "--json"]).ok().out;
    let mut restored = 0;
    // Not those that are only named as somebody's parent.
    for id in reported.iter().filter(|id| listed.contains(&format!("\"id\":\"{id}\""))) {
        let out = scene.path(&format!("out-{id}"));
        scene.run(&["restore", id, "--target", out.to_str().unwrap(), "--verify"]).ok();
        restored += 1;
    }
    assert!(restored >= 2, "{restored} of {reported:?}");
    scene.run(&["prune", "--max-unused", "0%"]).ok();
    if let Some(restic) = scene.restic() {
        restic.check_read_data();
    }
}
