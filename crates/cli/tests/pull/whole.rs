//! What was pulled comes back as it was: by us and by restic, here and onto a host.

use holdfast_testkit::{CompareOptions, compare_trees, require_root};

use crate::scene::{Scene, let_it_age};

/// A chunk at most for each run of zeros.
const HOLE_SLACK: u64 = 8 << 20;

#[test]
fn every_kind_of_file_comes_back_as_it_was() {
    if !require_root() {
        return;
    }
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.every_kind();
    let_it_age(&tree);
    let first = scene.backup(tree.root(), &["--tag", "first"]);
    assert!(first.get("bytes_received") > 9 << 20);

    let beneath = format!("latest:{}", tree.root().display());
    let ours = scene.path("ours");
    scene.run(&["restore", &beneath, "--target", ours.to_str().unwrap(), "--verify"]).ok();
    let options = CompareOptions::default().keeping_holes(HOLE_SLACK);
    assert_eq!(compare_trees(tree.root(), &ours, &options), []);

    // Onto the host, through its agent.
    let onto = scene.path("onto");
    scene.run(&["restore", &beneath, "--target", &scene.sshd.source(&onto)]).ok();
    assert_eq!(compare_trees(tree.root(), &onto, &options), []);

    // A second run finds nothing new beneath the source (the way to it has changed), and says so in few bytes.
    let second = scene.backup(tree.root(), &[]);
    assert_eq!(second.get("data_blobs"), 0);
    assert!(second.get("tree_blobs") < tree.root().components().count() as u64);
    assert_eq!(second.get("files_new") + second.get("files_changed"), 0);
    let dirs = second.get("dirs_unmodified");
    assert!(second.get("bytes_received") <= 40 * dirs + 20_000, "{} for {dirs}", second.get("bytes_received"));

    let Some(restic) = scene.restic() else { return };
    restic.check_read_data();
    let theirs = scene.path("theirs");
    restic.restore("latest", &theirs);
    let restored = theirs.join(tree.root().strip_prefix("/").unwrap());
    assert_eq!(compare_trees(tree.root(), restored, &CompareOptions::restic()), []);
}

#[test]
fn a_real_tree_of_more_than_20_000_files_comes_back_as_it_was() {
    if !require_root() {
        return;
    }
    let Some(scene) = Scene::new() else { return };
    // The machine's own files, and as many of ours as are needed to be sure of the number.
    let tree = scene.tree("many");
    tree.many_files("files", 12_000, 7);
    let run = scene.run(&[
        "backup",
        "--json",
        "--exclude-larger-than",
        "48K",
        &scene.sshd.source("/usr/share"),
        &scene.sshd.source(tree.root()),
    ]);
    let summary = crate::scene::Summary::of(&run.ok());
    assert!(summary.get("total_files_processed") > 20_000, "{}", summary.get("total_files_processed"));
    let ours = scene.path("ours");
    scene.run(&["restore", &summary.1, "--target", ours.to_str().unwrap()]).ok();
    let Some(restic) = scene.restic() else { return };
    restic.check_read_data();
    let theirs = scene.path("theirs");
    restic.restore("latest", &theirs);
    assert_eq!(compare_trees(&ours, &theirs, &CompareOptions::restic()), []);
    let many = tree.root().strip_prefix("/").unwrap();
    assert_eq!(compare_trees(tree.root(), ours.join(many), &CompareOptions::default()), []);
    // Of the machine's own files, those of the job: a sample directory that has no large file.
    let doc = std::path::Path::new("/usr/share/doc");
    let differences = compare_trees(doc, ours.join("usr/share/doc"), &CompareOptions::default());
    let unexpected: Vec<_> = differences
        .into_iter()
        .filter(|difference| {
            std::fs::symlink_metadata(doc.join(&difference.path)).is_ok_and(|file| file.len() <= 48 << 10)
        })
        .filter(|difference| !doc.join(&difference.path).is_dir())
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

#[test]
fn a_restore_over_an_existing_tree_does_what_the_overwrite_mode_says() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.file("same", b"same").file("changed", b"as it was").file("lost", b"lost").mtime("changed", 1_600_000_000, 0);
    scene.backup(tree.root(), &[]);
    let beneath = format!("latest:{}", tree.root().display());
    for (mode, changed) in [
        ("always", "as it was"),
        ("if-changed", "as it was"),
        // What is there is newer than the snapshot's.
        ("if-newer", "by hand"),
        ("never", "by hand"),
    ] {
        let target = scene.path(mode);
        let onto = scene.sshd.source(&target);
        scene.run(&["restore", &beneath, "--target", &onto]).ok();
        std::fs::write(target.join("changed"), "by hand").unwrap();
        std::fs::write(target.join("extra"), "extra").unwrap();
        std::fs::remove_file(target.join("lost")).unwrap();
        scene.run(&["restore", &beneath, "--target", &onto, "--overwrite", mode]).ok();
        assert_eq!(std::fs::read_to_string(target.join("changed")).unwrap(), changed, "{mode}");
        assert_eq!(std::fs::read_to_string(target.join("lost")).unwrap(), "lost", "{mode}");
        assert!(target.join("extra").exists(), "{mode}");
    }
}

#[test]
fn the_output_of_a_command_becomes_a_file_only_if_the_command_succeeds() {
    let Some(scene) = Scene::new() else { return };
    let host = format!("{}:", scene.sshd.destination());
    let dump = |command: &str| scene.run(&["backup", &host, "--command", command, "--as", "/dumps/all.sql"]);
    dump("seq 1 100000").ok();
    let out = scene.path("out");
    scene.run(&["restore", "latest", "--target", out.to_str().unwrap()]).ok();
    let dumped = std::fs::read_to_string(out.join("dumps/all.sql")).unwrap();
    assert_eq!(dumped.lines().count(), 100_000);
    let sentence = dump("echo half; echo 'the database is down' >&2; exit 3").fails(1);
    assert!(sentence.contains("exit status 3") && sentence.contains("the database is down"), "{sentence}");
    let listed = scene.run(&["snapshots", "--json"]).ok().out;
    assert_eq!(listed.matches("\"short_id\"").count(), 1, "{listed}");
}

#[test]
fn local_paths_need_no_ssh() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.every_kind();
    let path = tree.root().to_str().unwrap();
    scene.run(&["backup", path]).ok();
    let out = scene.path("out");
    scene.run(&["restore", &format!("latest:{path}"), "--target", out.to_str().unwrap()]).ok();
    assert_eq!(compare_trees(tree.root(), &out, &CompareOptions::default()), []);
}
