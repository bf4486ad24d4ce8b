//! `prune`, `check`, `copy` and `unlock`.

use std::fs;

use crate::scene::{PASSWORD, Scene};
use holdfast_testkit::Restic;

#[test]
fn a_check_finds_what_restic_finds() {
    let scene = Scene::new();
    scene.source().random_file("file", 2 << 20, 1);
    scene.backup_at("2025-01-01 10:00:00");
    let sound = scene.json(["check", "--read-data"]);
    let summary = sound.last().unwrap();
    assert_eq!((&summary["message_type"], &summary["num_errors"]), (&"summary".into(), &0.into()));

    let pack = scene.files("data").into_iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[1000] ^= 1;
    fs::write(&pack, bytes).unwrap();
    scene.ok(["check"]);
    let output = scene.run(["check", "--read-data"]);
    assert_eq!(output.status.code(), Some(1));
    let name = pack.file_name().unwrap().to_str().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.lines().any(|line| line.starts_with("error: ") && line.contains(name)), "{said}");

    fs::remove_file(&pack).unwrap();
    let output = scene.run(["check", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    if let Some(restic) = scene.restic() {
        assert!(!restic.run(["check"]).status.success());
        // Neither program deletes anything of a repository that is not whole.
        assert!(scene.fails(1, ["prune"]).contains(name));
    }
}

#[test]
fn a_prune_does_what_restic_would_do() {
    let scene = Scene::new();
    for seed in 1..4 {
        scene.source().random_file("file", 2 << 20, seed);
        scene.backup_at(&format!("2025-01-0{seed} 10:00:00"));
    }
    scene.ok(["forget", "--keep-last", "1"]);
    let Some(restic) = scene.restic() else { return };
    let said = restic.ok(["prune", "--dry-run", "--verbose"]);
    let before = scene.files("data");
    let ours = &scene.json(["prune", "--dry-run"])[0];
    for (line, field) in [
        ("used:", "used"),
        ("unused:", "unused"),
        ("total:", "total"),
        ("total prune:", "remove_total"),
        ("remaining:", "remaining"),
    ] {
        let theirs = said.lines().find_map(|said| said.strip_prefix(line)).unwrap_or_else(|| panic!("{line} {said}"));
        let theirs: u64 = theirs.split_whitespace().next().unwrap().parse().unwrap();
        assert_eq!(ours["blobs"][field], theirs, "{field}");
    }
    assert_eq!(scene.files("data"), before);
    scene.ok(["prune"]);
    assert!(scene.files("data").len() < before.len());
    restic.check_read_data();
    assert!(restic.ok(["prune", "--dry-run"]).contains("remaining"));
}

#[test]
fn a_prune_clears_away_what_a_dead_writer_left_half_written() {
    let scene = Scene::new();
    scene.source().file("small", "x");
    scene.backup_at("2025-01-01 10:00:00");
    let old = scene.path("repository/data/00/0000-tmp-holdfast-1-2-3");
    let young = scene.path("repository/data/00/0000-tmp-holdfast-4-5-6");
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 3600);
    fs::File::create(&old).unwrap().set_modified(hours_ago).unwrap();
    fs::write(&young, "somebody may still be writing this").unwrap();
    scene.ok(["prune", "--dry-run"]);
    assert!(old.exists());
    scene.ok(["prune"]);
    assert!(!old.exists() && young.exists());
}

#[test]
fn copies_are_made_once_and_restic_reads_them() {
    let scene = Scene::new();
    scene.source().random_file("file", 2 << 20, 1).file("small", "x");
    scene.backup_at("2025-01-01 10:00:00");
    fs::write(scene.path("other-password"), "another one").unwrap();
    let (other, password) = (scene.text("other"), scene.text("other-password"));
    scene.ok(["init", "-r", &other, "--password-file", &password]);
    let copy = ["copy", "--to", &other, "--to-password-file", &password];
    assert_eq!(scene.json(copy).last().unwrap()["snapshots_copied"].as_array().unwrap().len(), 1);
    let again = scene.json(copy);
    assert_eq!(again.last().unwrap()["snapshots_copied"].as_array().unwrap().len(), 0);
    assert!(scene.fails(12, ["copy", "--to", &other]).contains("other"));
    assert!(scene.fails(10, ["copy", "--to", &scene.text("nowhere")]).contains("nowhere"));
    assert!(scene.fails(1, ["copy", "--to", &scene.text("repository")]).contains("same repository"));
    if let Some(restic) = Restic::new(&other, "another one") {
        restic.check_read_data();
        restic.restore("latest", &scene.path("restored"));
        let restored = scene.path("restored").join(scene.text("source/small").trim_start_matches('/'));
        assert_eq!(fs::read(restored).unwrap(), b"x");
    }
}

#[test]
fn a_prune_of_everything_must_be_meant() {
    let scene = Scene::new();
    scene.source().random_file("file", 1 << 20, 1);
    scene.backup_at("2025-01-01 10:00:00");
    for snapshot in scene.files("snapshots") {
        fs::remove_file(snapshot).unwrap();
    }
    let packs = scene.files("data").len();
    assert!(scene.fails(1, ["prune"]).contains("--unsafe-allow-remove-all"));
    assert_eq!(scene.files("data").len(), packs);
    scene.ok(["prune", "--unsafe-allow-remove-all"]);
    assert!(scene.files("data").is_empty());
}

#[test]
fn locks_of_the_dead_go_and_those_of_the_living_stay() {
    let scene = Scene::new();
    let Some(restic) = scene.restic() else { return };
    // A restic that waits for input holds a lock.
    let mut holder = restic.command();
    holder.args(["backup", "--stdin"]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
    let mut holder = holder.stderr(std::process::Stdio::null()).spawn().unwrap();
    holdfast_testkit::process::must_happen("restic takes its lock", || !scene.files("locks").is_empty());
    for verb in
        [vec!["prune"], vec!["forget", "--keep-last", "1"], vec!["key", "passwd", "--new-password-file", "password"]]
    {
        assert!(scene.fails(11, &verb).contains("lock"), "{verb:?}");
    }
    assert!(scene.ok(["unlock"]).contains("0 locks removed"));
    let begun = std::time::Instant::now();
    assert!(scene.fails(11, ["prune", "--retry-lock", "1s"]).contains("lock"));
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1), "it was waited for");
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(scene.ok(["unlock"]).contains("1 lock removed"));
    scene.ok(["prune"]);
}

#[test]
fn wrong_inputs_are_told_in_one_sentence() {
    let scene = Scene::new();
    for (arguments, says) in [
        (vec!["prune", "--max-unused", "100%"], "--max-unused"),
        (vec!["prune", "--max-repack-size", "much"], "--max-repack-size"),
        (vec!["check", "--read-data-subset", "7/5"], "7/5"),
    ] {
        let said = scene.fails(1, &arguments);
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    fs::write(scene.path("wrong"), "not it").unwrap();
    for verb in ["prune", "check", "unlock", "stats"] {
        scene.fails(12, [verb, "--password-file", "wrong"]);
        scene.fails(10, [verb, "-r", "nowhere"]);
    }
    assert_eq!(PASSWORD, fs::read_to_string(scene.path("password")).unwrap());
}
