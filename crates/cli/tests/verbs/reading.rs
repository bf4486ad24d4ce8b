//! `ls`, `find`, `diff`, `dump` and `stats`, compared with restic's.

use serde_json::Value;

use crate::scene::{Scene, lines};

/// Two snapshots that differ.
fn two() -> (Scene, [String; 2]) {
    let scene = Scene::new();
    scene
        .source()
        .dir("a")
        .file("a/one", "1")
        .file("a/two", "22")
        .random_file("big", 3 << 20, 1)
        .symlink("a/link", "one");
    let first = scene.backup_at("2025-01-01 10:00:00");
    scene.source().file("a/two", "changed").file("a/three", "3").remove("a/one").dir("b").file("b/new", "x");
    let second = scene.backup_at("2025-01-02 10:00:00");
    (scene, [first, second])
}

fn without(mut documents: Vec<Value>, fields: &[&str]) -> Vec<Value> {
    for document in &mut documents {
        for field in fields {
            document.as_object_mut().unwrap().remove(*field);
        }
    }
    documents
}

#[test]
fn snapshots_are_shown_as_restic_shows_them() {
    let (scene, [first, second]) = two();
    let Some(restic) = scene.restic() else { return };
    for arguments in [
        vec!["ls", &first],
        vec!["find", "two", "--snapshot", &second],
        vec!["find", "T*O", "-i", "--snapshot", &first, "--snapshot", &second],
        vec!["stats"],
        vec!["stats", &first],
        vec!["stats", "--mode", "raw-data"],
        vec!["stats", "--mode", "files-by-contents"],
        vec!["stats", "--mode", "blobs-per-file"],
        vec!["diff", &first, &second],
        vec!["diff", "--metadata", &first, &second],
    ] {
        let theirs = restic.ok(arguments.iter().copied().chain(["--json"]));
        let (mut ours, mut theirs) = (scene.json(&arguments), lines(&theirs));
        if arguments[0] == "find" {
            for list in [&mut ours, &mut theirs] {
                list[0].as_array_mut().unwrap().sort_by_key(|found| found["snapshot"].to_string());
            }
            assert_eq!(ours, theirs, "{arguments:?}");
            continue;
        }
        // Ours has what restic leaves out of its copy of a snapshot.
        let volatile: &[&str] = if arguments[0] == "ls" { &["summary", "program_version"] } else { &[] };
        for (ours, theirs) in without(ours, volatile).iter().zip(&without(theirs, volatile)) {
            for (field, value) in theirs.as_object().unwrap() {
                let same = match (value.as_f64(), ours[field].as_f64()) {
                    (Some(a), Some(b)) => (a - b).abs() <= a.abs() * 1e-9,
                    _ => *value == ours[field],
                };
                assert!(same, "{arguments:?}: {field} is {} and should be {value}", ours[field]);
            }
        }
    }
}

#[test]
fn a_file_and_a_directory_are_dumped() {
    let (scene, [first, _]) = two();
    let big = std::fs::read(scene.path("source/big")).unwrap();
    assert_eq!(scene.run(["dump", &first, &scene.text("source/big")]).stdout, big);
    let archive = scene.run(["dump", "latest", &scene.text("source/a")]).stdout;
    std::fs::write(scene.path("a.tar"), archive).unwrap();
    let listed = std::process::Command::new("tar").arg("tf").arg(scene.path("a.tar")).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let mut names: Vec<&str> =
        listed.lines().filter_map(|line| line.rsplit('/').next()).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    assert_eq!(names, ["link", "three", "two"]);
}

#[test]
fn a_part_of_a_snapshot_is_listed() {
    let (scene, [first, _]) = two();
    let part = format!("{first}:{}", scene.text("source/a"));
    assert_eq!(scene.ok(["ls", &part]), "/link\n/one\n/two\n");
    assert_eq!(scene.ok(["ls", &part, "two"]), "/two\n");
    assert!(scene.ok(["ls", "-l", &part]).contains("/link -> one\n"));
}

#[test]
fn what_is_not_there_is_said_in_one_sentence() {
    let (scene, [first, _]) = two();
    for (arguments, says) in [
        (vec!["ls", "ffffffff"], "ffffffff"),
        (vec!["ls", &first, "/no/such"], "there is nothing at /no"),
        (vec!["dump", &first, "/no/such"], "there is nothing at /no"),
        (vec!["find", "a[b"], "a[b"),
        (vec!["diff", &first, "latest:/nothing"], "there is nothing at /nothing"),
        (vec!["stats", "0000"], "0000"),
        (vec!["ls", "latest", "--host", "nobody"], "nobody"),
    ] {
        let said = scene.fails(1, &arguments);
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}
