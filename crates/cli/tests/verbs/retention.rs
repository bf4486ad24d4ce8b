//! `forget`, compared with restic's on the same repository.

use serde_json::Value;

use crate::scene::{Scene, lines};

/// Snapshots of days around the end of a year.
fn history() -> Scene {
    let scene = Scene::new();
    for (number, time) in
        ["2023-06-01", "2024-12-29", "2024-12-30", "2024-12-31", "2025-01-01", "2025-01-05", "2025-01-06"]
            .iter()
            .enumerate()
    {
        scene.source().file("file", number.to_string());
        scene.backup_at(&format!("{time} 12:00:00"));
    }
    scene
}

fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut ids: Vec<String> = list.iter().map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_dry_run_decides_as_restic_does_and_removes_nothing() {
    let scene = history();
    let Some(restic) = scene.restic() else { return };
    for rule in [
        vec!["--keep-last", "2"],
        vec!["--keep-weekly", "2"],
        vec!["--keep-daily", "3", "--keep-yearly", "unlimited"],
        vec!["--keep-monthly", "5", "--group-by", "host"],
        vec!["--keep-within", "8d"],
    ] {
        let arguments: Vec<&str> = ["forget", "--dry-run", "--json"].into_iter().chain(rule).collect();
        let ours = &lines(&scene.ok(&arguments))[0][0];
        let theirs = lines(&restic.ok(&arguments));
        let theirs = &theirs[0][0];
        for field in ["tags", "host", "paths"] {
            assert_eq!(ours[field], theirs[field], "{arguments:?} {field}");
        }
        for field in ["keep", "remove"] {
            assert_eq!(ids(&ours[field]), ids(&theirs[field]), "{arguments:?} {field}");
        }
        let matches = |group: &Value| -> Vec<Value> {
            group["reasons"].as_array().unwrap().iter().map(|reason| reason["matches"].clone()).collect()
        };
        assert_eq!(matches(ours), matches(theirs), "{arguments:?}");
    }
    assert_eq!(scene.files("snapshots").len(), 7);
}

#[test]
fn what_the_dry_run_told_is_what_happens() {
    let scene = history();
    let told = scene.json(["forget", "--keep-yearly", "2", "--dry-run"]);
    let done = scene.json(["forget", "--keep-yearly", "2"]);
    assert_eq!(told, done);
    let left = scene.json(["snapshots"]);
    assert_eq!(ids(&left[0]), ids(&told[0][0]["keep"]));
}

#[test]
fn named_snapshots_go_and_prune_gives_back_their_space() {
    let scene = Scene::new();
    scene.source().random_file("file", 2 << 20, 1);
    let first = scene.backup_at("2025-01-01 10:00:00");
    scene.source().random_file("file", 2 << 20, 2);
    let second = scene.backup_at("2025-01-02 10:00:00");
    let size = || -> u64 { scene.files("data").iter().map(|path| path.metadata().unwrap().len()).sum() };
    let before = size();
    scene.ok(["forget", &first, "--prune", "--dry-run"]);
    assert_eq!(size(), before);
    scene.ok(["forget", &first[..8], "--prune"]);
    assert!(size() < before - (1 << 20));
    let left = scene.json(["snapshots"]);
    assert_eq!(ids(&left[0]), [second]);
    scene.ok(["check", "--read-data"]);
    if let Some(restic) = scene.restic() {
        restic.check_read_data();
    }
}

#[test]
fn a_rule_that_keeps_nothing_is_refused() {
    let scene = history();
    for (arguments, says) in [
        (vec!["forget"], "--keep-daily 7"),
        (vec!["forget", "--keep-last", "0"], "--keep-daily 7"),
        (vec!["forget", "--keep-last", "many"], "--keep-last"),
        (vec!["forget", "--keep-tag", "none"], "keeps no snapshot"),
        (vec!["forget", "ffff"], "ffff"),
    ] {
        let said = scene.fails(1, &arguments);
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    assert_eq!(scene.files("snapshots").len(), 7);
}
