//! What is given back: to hosts, to the server itself, and to whoever asks over HTTP.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

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
    assert!(said.contains("restore of main: succeeded") && said.contains(" made or changed, "), "{said}");
    let there = restored(&scene, "data/restores/for/somebody");
    let names = fs::read_dir(&there).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names, ["many"]);
    assert_eq!(compare_trees(tree.path("many"), there.join("many"), &CompareOptions::default()), []);
    let (part, target) = (format!("web1:{}", scene.path("source")), "for/the/lawyers");
    let chosen = ["--include", "regular", "--iinclude", "TWIN", "--verify", "--ownership-by-name"];
    scene.say(&[&["job", "restore", &part, "--target", target][..], &chosen].concat());
    let there = restored(&scene, "data/restores/for/the/lawyers");
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
    scene.say(&["job", "restore", &part, "--target", "web1:/", "--in-place"]);
    assert_eq!(
        fs::read(tree.path("regular")).unwrap(),
        fs::read(restored(&scene, "elsewhere").join("regular")).unwrap()
    );
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
