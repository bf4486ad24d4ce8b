//! A repository in two parts, as people use it: `--repository-hot`, `repair hot`, and what restic makes of the main part.

use std::fs;
use std::path::Path;
use std::process::Output;

use holdfast_testkit::{CompareOptions, compare_trees};

use crate::scene::Scene;

/// A scene whose repository has a hot part.
fn split() -> Scene {
    let scene = Scene::empty();
    scene.ok(["init", "--repository-hot", "hot"]);
    scene
}

fn both(scene: &Scene, arguments: &[&str]) -> Output {
    let mut command = scene.command();
    for (name, value) in [("REPOSITORY", "repository"), ("REPOSITORY_HOT", "hot"), ("PASSWORD_FILE", "password")] {
        command.env(format!("HOLDFAST_{name}"), scene.path(value));
    }
    command.args(arguments).output().unwrap()
}

/// Runs it on both parts, demands success and gives what it printed.
fn ok(scene: &Scene, arguments: &[&str]) -> String {
    let output = both(scene, arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?} ended with {}:\n{out}\n{err}", output.status);
    format!("{out}{err}")
}

/// The names of the files in a folder, however deep.
fn names(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort_unstable();
    found
}

fn assert_alike(scene: &Scene) {
    for folder in ["keys", "snapshots", "index", "locks"] {
        let of = |part: &str| names(&scene.path(part).join(folder));
        assert_eq!(of("repository"), of("hot"), "{folder}");
    }
}

fn restored(scene: &Scene, target: &str) {
    ok(scene, &["restore", "latest", "--target", target]);
    let target = scene.path(target);
    let source = scene.path("source");
    let found = target.join(source.strip_prefix("/").unwrap());
    assert_eq!(compare_trees(&source, &found, &CompareOptions::default()), []);
}

#[test]
fn a_repository_in_two_parts_serves_every_verb_and_restic_reads_its_main_part() {
    let scene = split();
    for seed in 1..4 {
        scene.source().random_file("file", 3 << 20, seed).many_files("many", 50, seed);
        ok(&scene, &["backup", "--host", "web1", "source"]);
    }
    assert_alike(&scene);
    let packs = |part: &str| names(&scene.path(part).join("data"));
    assert!(packs("hot").iter().all(|pack| packs("repository").contains(pack)));
    let bytes = |part: &str| -> u64 {
        let files = names(&scene.path(part).join("data"));
        files
            .iter()
            .map(|name| scene.path(part).join("data").join(&name[..2]).join(name).metadata().unwrap().len())
            .sum()
    };
    assert!(bytes("hot") > 0 && bytes("hot") < bytes("repository") / 20, "there are no data in the hot part");
    assert_eq!(ok(&scene, &["snapshots", "--json"]).matches("web1").count(), 3);
    restored(&scene, "first");
    ok(&scene, &["check", "--read-data"]);
    fs::write(scene.path("second"), "another").unwrap();
    ok(&scene, &["key", "add", "--new-password-file", "second"]);
    ok(&scene, &["forget", "--keep-last", "1", "--prune"]);
    assert_alike(&scene);
    assert!(packs("hot").iter().all(|pack| packs("repository").contains(pack)), "copies of deleted packs are gone");
    assert!(ok(&scene, &["check", "--read-data"]).contains("no errors were found"));
    restored(&scene, "after-prune");
    let Some(restic) = scene.restic() else { return };
    restic.check_read_data();
    let target = scene.path("by-restic");
    restic.restore("latest", &target);
    assert!(target.read_dir().unwrap().next().is_some());

    // restic backs up to the main part and knows of no other: what it made is seen, and copied.
    scene.source().file("many/new", "n");
    restic.ok(["backup", scene.text("source").as_str()]);
    let said = ok(&scene, &["check"]);
    assert!(said.contains("has no copy in the hot part; `holdfast repair hot` makes it"), "{said}");
    let said = ok(&scene, &["repair", "hot"]);
    assert!(said.contains("copied into the hot part"), "{said}");
    assert_alike(&scene);
    assert!(ok(&scene, &["check", "--read-data"]).contains("no errors were found"));
    restored(&scene, "of-restic");
}

#[test]
fn a_hot_part_that_is_lost_keeps_nobody_from_anything_and_is_filled_again() {
    let scene = split();
    scene.source().random_file("file", 2 << 20, 1);
    ok(&scene, &["backup", "source"]);
    fs::remove_dir_all(scene.path("hot")).unwrap();
    let said = ok(&scene, &["backup", "source"]);
    assert!(said.contains("warning: ") && said.contains("`holdfast repair hot` fills it"), "{said}");
    restored(&scene, "restored");
    assert!(!scene.path("hot").exists(), "a disk that is not mounted is not written to");
    assert!(ok(&scene, &["check"]).lines().any(|line| line.starts_with("warning: ") && line.contains("repair hot")));

    let summary = ok(&scene, &["repair", "hot", "--json"]);
    assert!(summary.contains(r#""files_deleted":0"#), "{summary}");
    assert_alike(&scene);
    let said = ok(&scene, &["check", "--read-data"]);
    assert!(said.contains("no errors were found") && !said.contains("warning"), "{said}");
}

#[test]
fn an_old_repository_gets_a_hot_part_by_one_command() {
    let scene = Scene::new();
    scene.source().many_files("many", 30, 1);
    scene.backup_at("2025-01-01 10:00:00");
    ok(&scene, &["repair", "hot"]);
    assert_alike(&scene);
    assert!(ok(&scene, &["check", "--read-data"]).contains("no errors were found"));
    restored(&scene, "restored");
}

#[test]
fn the_wrong_parts_are_refused_in_one_sentence() {
    let scene = split();
    scene.ok(["init", "-r", "other", "--repository-hot", "other-hot"]);
    for (main, hot, says) in [
        ("repository", "other-hot", "is not the hot part of the repository"),
        ("repository", "other", "is not the hot part of the repository"),
        ("repository", "repository", "in each other's place"),
        ("hot", "repository", "in each other's place"),
        ("hot", "hot", "is the hot part of a repository; give the address of its main part"),
    ] {
        let said = scene.fails(1, ["snapshots", "-r", main, "--repo-hot", hot]);
        assert!(said.contains(says), "{main} with {hot}: {said}");
    }
    assert!(scene.fails(1, ["snapshots", "-r", "hot"]).contains("is the hot part"));
    assert!(scene.fails(1, ["repair", "hot"]).contains("--repository-hot"));
    assert!(scene.fails(1, ["repair", "hot", "--repo-hot", "s3:"]).contains("s3"));
    let before = names(&scene.path("other-hot"));
    scene.fails(1, ["init", "-r", "third", "--repository-hot", "other-hot"]);
    assert_eq!(names(&scene.path("other-hot")), before);
    assert!(!scene.path("third/config").exists());
}

#[test]
fn a_dry_run_leaves_both_parts_alone() {
    let scene = split();
    scene.source().file("a", "a");
    ok(&scene, &["backup", "source"]);
    let before = (names(&scene.path("repository")), names(&scene.path("hot")));
    scene.source().file("b", "b");
    ok(&scene, &["backup", "--dry-run", "source"]);
    assert_eq!((names(&scene.path("repository")), names(&scene.path("hot"))), before);
}

#[test]
fn snapshots_are_copied_into_both_parts_of_another_repository() {
    let scene = split();
    scene.source().file("a", "a");
    ok(&scene, &["backup", "source"]);
    scene.ok(["init", "-r", "other", "--repository-hot", "other-hot", "--chunker", "rabin"]);
    ok(&scene, &["copy", "--to", "other", "--to-hot", "other-hot"]);
    assert_eq!(names(&scene.path("other/snapshots")), names(&scene.path("other-hot/snapshots")));
    assert_eq!(names(&scene.path("other-hot/data")).len(), 1);
    assert!(scene.ok(["check", "-r", "other", "--repo-hot", "other-hot"]).contains("no errors were found"));
}

#[test]
fn a_configuration_names_both_parts() {
    let scene = Scene::empty();
    scene.source().file("a", "a");
    let text = "repository = \"repository\"\nrepository-hot = \"hot\"\npassword-file = \"password\"\ninit = true\n\
                sources = [\"source\"]\n";
    fs::write(scene.path("holdfast.toml"), text).unwrap();
    let output = scene.command().arg("run").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_alike(&scene);
    assert_eq!(names(&scene.path("hot/snapshots")).len(), 1);
}
