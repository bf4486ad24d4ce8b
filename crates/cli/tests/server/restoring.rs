//! What is given back: to hosts, to the server itself, and to whoever asks over HTTP.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use holdfast_testkit::process::{Signal, must_happen, signal};
use holdfast_testkit::{CompareOptions, Sshd, Tree, compare_trees};
use serde_json::{Value, json};

use crate::scene::{Databases, Scene};

/// Backs the source up by a policy of one client, and gives back the newest snapshot.
fn back_up(scene: &Scene, hostname: &str) -> Value {
    let policy = scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [scene.path("source")]}, "repository": "main",
            "clients": [hostname]}),
    );
    scene.send("POST", &format!("{policy}/run"), json!({}));
    scene.comes_to_rest();
    assert_eq!(scene.statuses("backup"), ["succeeded"]);
    scene.get("/api/v1/snapshots")["items"][0].clone()
}

/// Where the source is, beneath a directory to which it was restored.
fn restored(scene: &Scene, target: &str) -> std::path::PathBuf {
    let source = scene.path("source");
    Path::new(&scene.path(target)).join(source.trim_start_matches('/'))
}

pub(crate) fn a_snapshot_is_restored_to_another_client_and_to_the_server(databases: &Databases) {
    let (Some(one), Some(two)) = (Sshd::start(), Sshd::start()) else { return };
    let scene = Scene::new(databases);
    let tree = Tree::create(scene.dir.path().join("source"));
    tree.file("regular", "content").many_files("many", 20, 1).dir("nothing in it").fifo("pipe");
    tree.random_file("large", 2 << 20, 2).sparse_file("holes", 8 << 20, &[(4 << 20, b"between")]);
    tree.symlink("link", "regular").hard_link("twin", "large").file(OsStr::from_bytes(b"no-\xff-text"), "x");
    tree.mode("regular", 0o4711).mtime("regular", 1_000_000_000, 123_456_789).mode("many", 0o1770);
    let (web1, web2) = (scene.enrol(&one, "web1"), scene.enrol(&two, "web2"));
    let uid = |place: &str| place.rsplit('/').next().unwrap().to_owned();
    let snapshot = back_up(&scene, "web1");
    let order = json!({"source": {"client": uid(&web1)},
        "target": {"to": "client", "client": uid(&web2), "path": scene.path("elsewhere")}});
    let mut plan = order.clone();
    plan["dry_run"] = json!(true);
    let planned = scene.job_of(scene.send("POST", "/api/v1/restores", plan), "succeeded");
    assert!(!restored(&scene, "elsewhere").exists(), "a plan writes nothing");
    let mut order = order;
    order["plan"] = planned["id"].clone();
    let done = scene.job_of(scene.send("POST", "/api/v1/restores", order), "succeeded");
    let (planned, tally) = (&planned["outcome"]["restore"], &done["outcome"]["restore"]);
    assert_eq!((&planned["planned"], &tally["planned"]), (&json!(true), &json!(false)));
    assert_eq!(tally["restored"], planned["restored"], "{done:#}");
    assert_eq!(compare_trees(tree.root(), restored(&scene, "elsewhere"), &CompareOptions::default()), []);
    assert!(two.log().contains("Accepted") && done["client"] == json!(uid(&web2)), "it went to the other host");
    // A part of it, beneath the directory that the server has set apart.
    let part = format!("web1:{}", scene.path("source/many"));
    let said = scene.say(&["job", "restore", &part, "--target", "for/somebody"]);
    assert!(said.contains(&format!("restore of {part} to for/somebody: succeeded")), "{said}");
    let there = scene.dir.path().join("data/restores/for/somebody");
    let goes = format!("{}/NAME goes to {}/NAME", tree.path("many").display(), there.display());
    assert!(said.contains(&goes) && said.contains(" made or changed, "), "{said}");
    assert_eq!(compare_trees(tree.path("many"), there, &CompareOptions::default()), []);
    let job = scene.jobs("restore").pop().unwrap()["id"].as_str().unwrap().to_owned();
    let shown = scene.say(&["job", "show", &job]);
    let from = format!("snapshot {} of {part}", &snapshot["id"].as_str().unwrap()[..8]).replacen(':', ": ", 1);
    assert!(shown.contains(&format!("From        {from}")), "{shown}");
    assert!(shown.contains("To          restores/for/somebody in the data folder of the server"), "{shown}");
    assert!(scene.say(&["job", "list"]).contains(&format!("restore of {part} to for/somebody")), "{shown}");
    let (part, target) = (format!("web1:{}", scene.path("source")), "for/the/lawyers");
    let chosen = ["--include", "regular", "--iinclude", "TWIN", "--verify", "--ownership-by-name"];
    scene.say(&[&["job", "restore", &part, "--target", target][..], &chosen].concat());
    let there = scene.dir.path().join("data/restores/for/the/lawyers");
    let mut names: Vec<_> = fs::read_dir(&there).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["regular", "twin"]);
    // By the beginning of the snapshot's id; what is there already is found out.
    let (id, target) = (snapshot["id"].as_str().unwrap(), format!("web2:{}", scene.path("elsewhere")));
    let said = scene.say(&["job", "restore", &id[..8], "--target", &target, "--dry-run"]);
    assert!(said.contains("0 would be made or changed (0 of them exist)"), "{said}");
    // Back where it was, over what it has become.
    tree.file("regular", "overwritten by somebody");
    let part = format!("web1:{}", scene.path("source/regular"));
    let said = scene.say(&["job", "restore", &part, "--target", "web1:/", "--dry-run"]);
    assert!(said.contains("1 would be made or changed (1 of them exist)"), "{said}");
    let said = scene.say(&["job", "restore", &part, "--target", "web1:/", "--in-place"]);
    let regular = tree.path("regular").display().to_string();
    assert!(said.contains(&format!("{regular} goes to {regular}")), "{said}");
    let sound = fs::read(restored(&scene, "elsewhere").join("regular")).unwrap();
    assert_eq!(fs::read(tree.path("regular")).unwrap(), sound);
    // The directory that it was in does as well, and its name is enough elsewhere.
    tree.file("regular", "overwritten once more");
    let target = format!("web1:{}", scene.path("source"));
    scene.say(&["job", "restore", &part, "--target", &target, "--in-place"]);
    assert_eq!(fs::read(tree.path("regular")).unwrap(), sound);
    scene.say(&["job", "restore", &part, "--target", &format!("web2:{}", scene.path("alone"))]);
    assert_eq!(fs::read(scene.dir.path().join("alone/regular")).unwrap(), sound);
    assert_eq!(fs::read_dir(scene.dir.path().join("alone")).unwrap().count(), 1);
}

/// Files that are restored over others, and their bytes: so many that a restore is never done before it is stopped.
const FILES: u64 = 8;
const BYTES: u64 = 12 << 20;
/// When the files that are replaced were changed last.
const OLD: i64 = 1_000_000_000;

/// Puts other files in the place of those that were backed up; gives back what is in them.
fn overwrite(tree: &Tree) -> Vec<Vec<u8>> {
    let each = (0..FILES).map(|number| {
        let name = format!("f{number}");
        tree.remove(&name).random_file(&name, BYTES, 100 + number).mtime(&name, OLD, 0);
        fs::read(tree.path(&name)).unwrap()
    });
    each.collect()
}

/// Waits until one of the files is being written, and lets nothing on the host go on from then.
fn stop_while_writing(tree: &Tree, sshd: &Sshd) -> Vec<u32> {
    must_happen("a file is being written", || {
        let found = |number| fs::metadata(tree.path(format!("f{number}"))).unwrap();
        (0..FILES).map(found).any(|found| found.mode() & 0o777 == 0o600 && found.mtime() != OLD)
    });
    let stopped = sshd.session_processes();
    stopped.iter().for_each(|pid| signal(*pid, Signal::STOP));
    stopped
}

/// What the log of a job says of each file that is neither as it was nor as it is to become.
fn broken_are_named(scene: &Scene, job: &Value, tree: &Tree, sound: &[Vec<u8>], old: &[Vec<u8>]) {
    let log = scene.say(&["job", "log", job["id"].as_str().unwrap()]);
    let lines: Vec<&str> = log.lines().collect();
    let mut broken = 0;
    for number in 0..FILES as usize {
        let path = tree.path(format!("f{number}"));
        let now = fs::read(&path).unwrap();
        if now != sound[number] && now != old[number] {
            broken += 1;
            let said = |line: &&str| {
                line.contains(path.to_str().unwrap()) && line.contains("it was being written when the restore ended")
            };
            assert!(lines.iter().any(said), "{number}: {lines:#?}");
        }
    }
    assert!(broken > 0, "{lines:#?}");
}

pub(crate) fn a_restore_that_ends_early_names_the_files_that_it_leaves_broken(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::new(databases);
    let tree = Tree::create(scene.dir.path().join("source"));
    (0..FILES).for_each(|number| _ = tree.random_file(format!("f{number}"), BYTES, number));
    let sound: Vec<Vec<u8>> = (0..FILES).map(|number| fs::read(tree.path(format!("f{number}"))).unwrap()).collect();
    let web1 = scene.enrol(&sshd, "web1");
    back_up(&scene, "web1");
    let order = json!({"source": {"client": web1.rsplit('/').next()}, "in_place": true, "select": {"paths": [scene.path("source")]},
        "target": {"to": "client", "client": web1.rsplit('/').next(), "path": "/"}});
    // Somebody does not want it any more.
    let old = overwrite(&tree);
    let job = scene.send("POST", "/api/v1/restores", order.clone());
    let stopped = stop_while_writing(&tree, &sshd);
    scene.send("POST", &format!("/api/v1/jobs/{}/cancel", job["id"].as_str().unwrap()), json!({}));
    let job = scene.job_of(job, "cancelled");
    broken_are_named(&scene, &job, &tree, &sound, &old);
    stopped.iter().for_each(|pid| signal(*pid, Signal::CONT));
    must_happen("the agent ends", || sshd.session_processes().is_empty());
    // The server is told to end.
    let old = overwrite(&tree);
    let job = scene.send("POST", "/api/v1/restores", order);
    let stopped = stop_while_writing(&tree, &sshd);
    scene.stop();
    stopped.iter().for_each(|pid| signal(*pid, Signal::CONT));
    must_happen("the agent ends", || sshd.session_processes().is_empty());
    scene.start();
    let job = scene.job_of(job, "failed");
    assert_eq!(job["outcome"]["error"]["cause"], "interrupted", "{job:#}");
    assert!(job["fix"].as_str().unwrap().contains("ask for it again"), "{job:#}");
    broken_are_named(&scene, &job, &tree, &sound, &old);
    // The server is killed: then nobody knows which.
    overwrite(&tree);
    let again = scene.send("POST", &format!("/api/v1/jobs/{}/retry", job["id"].as_str().unwrap()), json!({}));
    let stopped = stop_while_writing(&tree, &sshd);
    scene.kill(true);
    stopped.iter().for_each(|pid| signal(*pid, Signal::CONT));
    must_happen("the agent ends", || sshd.session_processes().is_empty());
    scene.start();
    scene.put_forward(600);
    let job = scene.job_of(again, "lost");
    assert_eq!(job["outcome"]["error"]["cause"], "interrupted", "{job:#}");
    assert_eq!(scene.statuses("restore"), ["cancelled", "failed", "lost"], "it is not tried again by itself");
}

pub(crate) fn a_directory_and_a_file_are_downloaded(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::new(databases);
    let tree = Tree::create(scene.dir.path().join("source"));
    tree.random_file("www/large", 3_000_000, 7).file("www/empty", "").dir("www/nothing in it");
    tree.symlink("www/link", "large").hard_link("www/twin", "www/large").mode("www/empty", 0o640).mtime(
        "www/empty",
        1,
        5,
    );
    tree.file("beside", "not asked for");
    scene.enrol(&sshd, "web1");
    let snapshot = back_up(&scene, "web1");
    let (repository, id) = (snapshot["repository"].as_str().unwrap(), snapshot["id"].as_str().unwrap());
    let download =
        |path: &str| scene.bytes(&format!("/api/v1/snapshots/{repository}/{id}/download?path={}", scene.path(path)));
    assert_eq!(download("source/www/large"), fs::read(tree.path("www/large")).unwrap());
    let out = scene.dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let mut tar =
        Command::new("tar").args(["--zstd", "-xpf", "-", "-C"]).arg(&out).stdin(Stdio::piped()).spawn().unwrap();
    tar.stdin.take().unwrap().write_all(&download("source/www")).unwrap();
    assert!(tar.wait().unwrap().success());
    let there = restored(&scene, "out");
    assert!(!there.join("beside").exists());
    assert_eq!(compare_trees(tree.path("www"), there.join("www"), &CompareOptions::default()), []);
}
