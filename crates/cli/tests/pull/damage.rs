//! Files of the repository that are damaged: what is named, what still works, and that nothing gets worse.

use std::path::{Path, PathBuf};

use holdfast_testkit::Tree;

use crate::scene::Scene;

/// A repository with two snapshots of a source with one large and one small file; the older one's id.
fn scene() -> Option<(Scene, Tree, String)> {
    let scene = Scene::new()?;
    let tree = scene.tree("source");
    tree.random_file("large", 3 << 20, 1).file("small", b"small");
    let older = scene.backup(tree.root(), &[]).1;
    tree.file("small", b"changed");
    scene.backup(tree.root(), &[]);
    Some((scene, tree, older))
}

/// The ways in which a disk spoils a file.
fn spoil(path: &Path, way: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    match way {
        0 => bytes[middle] ^= 1,
        1 => bytes.truncate(middle),
        _ => bytes.clear(),
    }
    std::fs::write(path, bytes).unwrap();
}

fn largest(files: Vec<PathBuf>) -> PathBuf {
    files.into_iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_pack() {
    let Some((scene, tree, _)) = scene() else { return };
    let pack = largest(scene.files("data"));
    spoil(&pack, 0);
    // A backup needs it not, and a check that reads no data does not see it.
    scene.backup(tree.root(), &[]);
    scene.run(&["check"]).ok();
    let check = scene.run(&["check", "--read-data"]);
    assert_eq!(check.code, Some(1), "{}{}", check.out, check.err);
    assert!(check.out.lines().any(|line| line.starts_with("error: ") && line.contains(&name(&pack))), "{}", check.out);
    // The file that needs it is named, the others are restored: here and onto the host.
    let beneath = format!("latest:{}", tree.root().display());
    for (out, onto) in [("here", false), ("there", true)] {
        let path = scene.path(out);
        let target = if onto { scene.sshd.source(&path) } else { path.display().to_string() };
        let run = scene.run(&["restore", &beneath, "--target", &target]);
        assert_eq!(run.code, Some(3), "{}{}", run.out, run.err);
        let names = |part: &str| run.err.lines().any(|line| line.starts_with("error: ") && line.contains(part));
        assert!(names(&path.join("large").display().to_string()) && names(&name(&pack)), "{}", run.err);
        assert_eq!(std::fs::read_to_string(path.join("small")).unwrap(), "changed");
        assert!(run.out.contains("1 item could not be restored"), "{}", run.out);
    }
}

#[test]
fn an_index_file() {
    let Some((scene, tree, _)) = scene() else { return };
    let index = largest(scene.files("index"));
    let sound = std::fs::read(&index).unwrap();
    let source = scene.sshd.source(tree.root());
    for way in 0..3 {
        spoil(&index, way);
        let before = (scene.files("data").len(), scene.files("snapshots").len());
        let restore = ["restore", "latest", "--target", "/nonexistent/x"];
        for verb in [["backup", &source].as_slice(), &["prune"], &restore].into_iter().skip(way) {
            let sentence = scene.run(verb).fails(1);
            assert!(sentence.contains(&name(&index)) && sentence.contains("restic repair index"), "{sentence}");
        }
        let check = scene.run(&["check"]);
        assert_eq!(check.code, Some(1), "{}{}", check.out, check.err);
        assert!(check.out.contains(&name(&index)), "{}", check.out);
        // Where data is not known to be there, none is stored and none is deleted.
        assert_eq!((scene.files("data").len(), scene.files("snapshots").len()), before);
        std::fs::write(&index, &sound).unwrap();
    }
    spoil(&index, 1);
    let Some(restic) = scene.restic() else { return };
    restic.ok(["repair", "index"]);
    scene.backup(tree.root(), &[]);
    restic.check_read_data();
}

#[test]
fn a_key_file_and_the_config() {
    let Some((scene, ..)) = scene() else { return };
    let key = scene.files("keys").remove(0);
    for (path, named) in [(key.clone(), name(&key)), (scene.path("repository/config"), "the config".to_owned())] {
        let sound = std::fs::read(&path).unwrap();
        for way in 0..3 {
            spoil(&path, way);
            for verb in [["backup", "/etc/hostname"].as_slice(), &["check"]].into_iter().skip(way.min(1)) {
                let sentence = scene.run(verb).fails(1);
                assert!(sentence.contains(&named) && sentence.contains("from a copy"), "{sentence}");
            }
            std::fs::write(&path, &sound).unwrap();
        }
    }
    scene.is_sound();
}

#[test]
fn a_snapshot_file() {
    let Some((scene, tree, older)) = scene() else { return };
    let damaged = scene.files("snapshots").into_iter().find(|path| name(path) != older).unwrap();
    let sound = std::fs::read(&damaged).unwrap();
    for way in 0..3 {
        spoil(&damaged, way);
        let check = scene.run(&["check"]);
        assert_eq!(check.code, Some(1), "{}{}", check.out, check.err);
        assert!(check.out.contains(&name(&damaged)), "{}", check.out);
        if way > 0 {
            continue;
        }
        // Which one is the latest is not known, so it is not guessed; the older one is there by its name.
        let out = scene.path(&format!("out-{way}"));
        let out = out.to_str().unwrap();
        let sentence = scene.run(&["restore", "latest", "--target", out]).fails(1);
        assert!(sentence.contains(&name(&damaged)) && sentence.contains("by their ids"), "{sentence}");
        scene.run(&["restore", &format!("{older}:{}", tree.root().display()), "--target", out]).ok();
        assert_eq!(std::fs::read_to_string(Path::new(out).join("small")).unwrap(), "small");
        // Nothing is deleted while it is not known what is needed.
        let sentence = scene.run(&["prune"]).fails(1);
        assert!(sentence.contains(&name(&damaged)), "{sentence}");
        scene.backup(tree.root(), &[]);
    }
    std::fs::write(&damaged, &sound).unwrap();
    scene.is_sound();
}
