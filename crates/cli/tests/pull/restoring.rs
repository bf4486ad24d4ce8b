//! Restores without a server: where files go, what is said of those that an early end leaves broken, and what is lost.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use holdfast_testkit::process::{self, Signal};
use holdfast_testkit::{Tree, compare_trees};

use crate::scene::{Run, Scene};

/// Files that are restored in place, and their bytes: so many that a restore is never done before it is stopped.
const FILES: u64 = 8;
const BYTES: u64 = 12 << 20;
/// When the files that are replaced were changed last.
const OLD: i64 = 1_000_000_000;

fn name(number: u64) -> String {
    format!("new{number}")
}

/// Whether something was written to one of the files.
fn is_begun(tree: &Tree) -> bool {
    (0..FILES).any(|number| {
        let found = fs::metadata(tree.path(name(number))).unwrap();
        found.mode() & 0o777 == 0o600 && found.mtime() != OLD
    })
}

#[test]
fn a_restore_that_is_interrupted_names_the_files_that_it_leaves_broken() {
    let Some(scene) = Scene::new() else { return };
    let (tree, sound) = (scene.tree("source"), scene.tree("sound"));
    for number in 0..FILES {
        for tree in [&tree, &sound] {
            tree.random_file(name(number), BYTES, number).mtime(name(number), 1_700_000_000, 0);
        }
    }
    scene.backup(tree.root(), &[]);
    let mut old = Vec::new();
    for number in 0..FILES {
        tree.remove(name(number)).random_file(name(number), BYTES, 100 + number).mtime(name(number), OLD, 0);
        old.push(fs::read(tree.path(name(number))).unwrap());
    }
    let (beneath, onto) = (format!("latest:{}", tree.root().display()), scene.sshd.source(tree.root()));
    let mut command = scene.command(&["restore", &beneath, "--target", &onto]);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process::must_happen("a file is being written", || is_begun(&tree));
    // Whatever comes now, it does not come to its end by itself.
    let stopped = scene.sshd.session_processes();
    stopped.iter().for_each(|pid| process::signal(*pid, Signal::STOP));
    process::signal(run.id(), Signal::INT);
    let run = Run::of(run.wait_with_output().unwrap());
    assert_eq!(run.code, Some(130), "{}{}", run.out, run.err);
    assert!(run.err.lines().any(|line| line == "holdfast: interrupted"), "{}", run.err);
    let says = |path: &Path, what: &str| {
        run.err.lines().any(|line| line.contains(&*path.to_string_lossy()) && line.contains(what))
    };
    let mut broken = 0;
    for (number, old) in (0..FILES).zip(&old) {
        let path = tree.path(name(number));
        let now = fs::read(&path).unwrap();
        let is_mixed = now != *old && now != fs::read(sound.path(name(number))).unwrap();
        let is_closed = fs::metadata(&path).unwrap().mode() & 0o777 != 0o644;
        assert!(!is_mixed || says(&path, "it was being written when the restore ended"), "{number}: {}", run.err);
        assert!(!is_closed || says(&path, "when the restore ended"), "{number}: {}", run.err);
        broken += u64::from(is_mixed);
    }
    assert!(broken > 0 && broken < FILES, "{broken}: {}", run.err);
    stopped.iter().for_each(|pid| process::signal(*pid, Signal::CONT));
    process::must_happen("the agent ends", || scene.sshd.session_processes().is_empty());
    scene.run(&["restore", &beneath, "--target", &onto]).ok();
    assert_eq!(compare_trees(sound.root(), tree.root(), &Default::default()), []);
}

#[test]
fn where_files_go_is_said_first_and_a_single_file_goes_by_its_name() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.file("nginx/nginx.conf", b"conf").file("nginx/sites/a", b"a");
    scene.backup(tree.root(), &[]);
    let (root, out) = (tree.root().display(), scene.path("out"));
    let restore = |what: &str, more: &[&str]| {
        let source = format!("latest:{root}/{what}");
        scene.run(&[&["restore", &source, "--target", out.to_str().unwrap()], more].concat()).ok()
    };
    let planned = restore("nginx", &["--dry-run"]);
    let goes = format!(": {root}/nginx/NAME goes to {}/NAME", out.display());
    assert!(
        planned.err.lines().any(|line| line.contains("would restore snapshot") && line.ends_with(&goes)),
        "{}",
        planned.err
    );
    assert!(!out.exists());
    let done = restore("nginx", &[]);
    let at = |what: &str| done.err.lines().position(|line| line.ends_with(what)).unwrap();
    assert!(at(&goes) < at("restoring"), "{}", done.err);
    assert_eq!(compare_trees(tree.path("nginx"), &out, &Default::default()), []);
    let done = restore("nginx/sites/a", &[]);
    assert!(done.err.contains(&format!("{root}/nginx/sites/a goes to {}/a", out.display())), "{}", done.err);
    assert_eq!(fs::read(out.join("a")).unwrap(), b"a");
    // Nothing beside it comes along, also where patterns choose.
    fs::remove_dir_all(&out).unwrap();
    restore("nginx/nginx.conf", &["--include", "*"]);
    let names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["nginx.conf"]);
}

#[test]
fn where_the_repository_has_lost_all_content_the_restore_fails_and_says_each_thing_once() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    for number in 0..34 {
        tree.random_file(format!("f{number}"), 3000, number);
    }
    scene.backup(tree.root(), &[]);
    let largest = scene.files("data").into_iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let pack = fs::read(&largest).unwrap();
    fs::remove_file(&largest).unwrap();
    let beneath = format!("latest:{}", tree.root().display());
    let out = scene.path("out");
    let run = scene.run(&["restore", &beneath, "--target", out.to_str().unwrap()]);
    let of_pack = run.err.lines().filter(|line| line.starts_with("error: pack ")).count();
    let of_files = run.err.lines().filter(|line| line.starts_with("error: ") && line.contains("/out/f")).count();
    assert_eq!((of_pack, of_files), (1, 34), "{}", run.err);
    let sentence = run.fails(1);
    assert!(sentence.contains("nothing could be restored") && sentence.contains("any of 34 entries"), "{sentence}");
    // Where one file is whole, the restore is not wholly for nothing.
    fs::write(&largest, pack).unwrap();
    tree.random_file("later", 3000, 99);
    scene.backup(tree.root(), &[]);
    fs::remove_file(&largest).unwrap();
    let run = scene.run(&["restore", &beneath, "--target", out.to_str().unwrap()]);
    assert_eq!(run.code, Some(3), "{}{}", run.out, run.err);
    assert!(run.out.contains("34 items could not be restored"), "{}", run.out);
}
