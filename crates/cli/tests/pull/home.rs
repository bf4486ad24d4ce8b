//! Paths that are relative to the home of the remote login, as rsync and scp take them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use holdfast_testkit::{Sshd, Tree, compare_trees};
use serde_json::Value;

use crate::scene::Scene;

/// The paths of the newest snapshot.
fn paths(scene: &Scene) -> Vec<String> {
    let listed: Value = serde_json::from_str(&scene.run(&["snapshots", "--json"]).ok().out).unwrap();
    let newest = listed.as_array().unwrap().last().unwrap();
    newest["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_path_without_a_slash_first_lies_in_the_home_of_the_login() {
    let Some(scene) = Scene::new() else { return };
    let home = scene.sshd.home();
    let docs = Tree::create(home.join("docs"));
    docs.file("letter", "Dear reader").many_files("many", 20, 61);
    let shown = |path: &str| home.join(path).to_str().unwrap().to_owned();
    let host = scene.sshd.destination();
    for (given, expected) in [("docs", "docs"), ("~/docs/", "docs"), ("./docs/many/../letter", "docs/letter")] {
        scene.run(&["backup", &format!("{host}:{given}")]).ok();
        assert_eq!(paths(&scene), [shown(expected)], "{given}");
    }
    // Both are the same job: nothing is new.
    scene.run(&["backup", &format!("{host}:docs"), &format!("{host}:{}", shown("docs"))]).ok();
    assert_eq!(paths(&scene), [shown("docs")]);
    scene.run(&["backup", &format!("{host}:"), "--exclude", ".cache"]).ok();
    assert_eq!(paths(&scene), [home.to_str().unwrap()]);

    let snapshot = format!("latest:{}", shown("docs"));
    scene.run(&["restore", &snapshot, "--target", &format!("{host}:back/again")]).ok();
    assert_eq!(compare_trees(docs.root(), home.join("back/again"), &Default::default()), []);
    // A command has no path, and its host keeps none.
    let dump = ["--command", "echo all", "--as", "/dumps/all.sql"];
    scene.run(&[&["backup", &format!("{host}:")], dump.as_slice()].concat()).ok();
    assert_eq!(paths(&scene), ["/dumps/all.sql"]);
}

#[test]
fn a_run_forgets_by_the_absolute_paths_that_relative_ones_stand_for() {
    let Some(scene) = Scene::new() else { return };
    Tree::create(scene.sshd.home().join("docs")).file("letter", "Dear reader");
    let sources = format!("{0}:docs {0}:~/docs/letter", scene.sshd.destination());
    for _ in 0..3 {
        let mut run = scene.command(&["run"]);
        run.env("HOLDFAST_SOURCES", &sources).env("HOLDFAST_KEEP_LAST", "1");
        let said = crate::scene::Run::of(run.output().unwrap()).ok().out;
        assert!(said.contains("127.0.0.1: docs ~/docs/letter"), "{said}");
    }
    let listed: Value = serde_json::from_str(&scene.run(&["snapshots", "--json"]).ok().out).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
}

#[test]
fn through_sudo_too_the_home_is_that_of_the_login() {
    let programs = holdfast_testkit::temp_dir();
    let sudo = programs.path().join("sudo");
    // What the real one does to the environment, and no more.
    fs::write(&sudo, "#!/bin/sh\nshift\nHOME=/nonexistent exec \"$@\"\n").unwrap();
    fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let Some(sshd) = Sshd::builder().environment("PATH", path).start() else { return };
    let Some(scene) = Scene::with(sshd, &[]) else { return };
    let home = scene.sshd.home();
    Tree::create(home.join("docs")).file("letter", "Dear reader");
    for options in [&["--sudo"][..], &["--sudo", "--ephemeral"]] {
        let source = format!("{}:docs", scene.sshd.destination());
        scene.run(&[&["backup", source.as_str()], options].concat()).ok();
        assert_eq!(paths(&scene), [home.join("docs").to_str().unwrap()], "{options:?}");
    }
}
