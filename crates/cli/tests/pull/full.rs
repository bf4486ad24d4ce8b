//! Disks that are full: under the repository, on the client, under what is restored. Nothing half-done stays behind.

use holdfast_testkit::{Restic, Sshd, Tree};

use crate::scene::{PASSWORD, Run, Scene};
use crate::small_disk::SmallDisk;

/// A source that fits on none of the disks here.
fn large(scene: &Scene) -> Tree {
    let tree = scene.tree("source");
    tree.file("first", b"first").random_file("large", 6 << 20, 1);
    tree
}

#[test]
fn under_the_repository() {
    let (Some(scene), Some(disk)) = (Scene::new(), SmallDisk::new(4 << 10)) else { return };
    let tree = large(&scene);
    let repository = disk.path("repository").display().to_string();
    let source = scene.sshd.source(tree.root());
    let on_disk = |arguments: &[&str]| scene.run(&[arguments, &["-r", &repository]].concat());
    on_disk(&["init"]).ok();
    // No room for the data; then not even for a lock.
    for round in 0..2 {
        let sentence = on_disk(&["backup", &source]).fails(1);
        assert!(sentence.contains("No space left") && sentence.contains("make room there"), "{sentence}");
        assert!(on_disk(&["snapshots", "--json"]).ok().out.starts_with("[]"));
        if round == 0 {
            disk.fill();
        }
    }
    disk.free();
    let locks = std::fs::read_dir(disk.path("repository/locks")).unwrap().count();
    assert_eq!(locks, 0, "a lock is left");
    if let Some(restic) = Restic::new(&repository, PASSWORD) {
        restic.check_read_data();
    }
    // What fits is stored.
    tree.remove("large");
    on_disk(&["backup", &source]).ok();
}

#[test]
fn under_a_new_repository() {
    let (Some(scene), Some(disk)) = (Scene::new(), SmallDisk::new(64)) else { return };
    disk.fill();
    let sentence = scene.run(&["init", "-r", &disk.path("repository").display().to_string()]).fails(1);
    assert!(sentence.contains("No space left") && sentence.contains("make room there"), "{sentence}");
}

#[test]
fn under_what_is_restored_here() {
    let (Some(scene), Some(disk)) = (Scene::new(), SmallDisk::new(4 << 10)) else { return };
    let tree = large(&scene);
    scene.backup(tree.root(), &[]);
    let (beneath, out) = (format!("latest:{}", tree.root().display()), disk.place().join("out"));
    // More than once: the agent may be gone before or after it is asked for more.
    for _ in 0..3 {
        let restore = scene.command(&["restore", &beneath, "--target", out.to_str().unwrap()]);
        let sentence = Run::of(disk.inside(&restore).output().unwrap()).fails(1);
        // Whichever file meets the end of the disk first: they are written side by side.
        assert!(sentence.contains("no space is left for") && sentence.contains("/out/"), "{sentence}");
    }
    scene.is_sound();
}

#[test]
fn under_what_is_restored_onto_a_client() {
    let mount = holdfast_testkit::temp_dir();
    let line = format!("mount -t tmpfs -o size=4m none '{}'", mount.path().display());
    let Some(sshd) = Sshd::builder().before(line).start() else { return };
    let Some(scene) = Scene::with(sshd, &[]) else { return };
    let tree = large(&scene);
    scene.backup(tree.root(), &[]);
    let onto = scene.sshd.source(mount.path().join("out"));
    let sentence = scene.run(&["restore", &format!("latest:{}", tree.root().display()), "--target", &onto]).fails(1);
    assert!(sentence.contains("no space is left for") && sentence.contains("free some"), "{sentence}");
    scene.is_sound();
}

#[test]
fn where_the_agent_is_kept_on_the_client() {
    let Some(sshd) = Sshd::builder().before("mount -t tmpfs -o size=1m none \"$HOME\"").start() else { return };
    let Some(scene) = Scene::with(sshd, &[]) else { return };
    let tree = scene.tree("source");
    tree.file("a", b"a");
    let source = scene.sshd.source(tree.root());
    let sentence = scene.run(&["backup", &source]).fails(1);
    assert!(sentence.contains("is the disk full?") && sentence.contains("--ephemeral"), "{sentence}");
    let left = scene.sshd.run("find \"$HOME\" -type f");
    assert_eq!(String::from_utf8(left.stdout).unwrap(), "", "a part of the agent is left");
    assert_eq!(scene.files("snapshots").len(), 0);
    scene.is_sound();
    // What the sentence says helps.
    scene.run(&["backup", "--ephemeral", &source]).ok();
}

#[test]
fn under_the_state_directory() {
    let (Some(scene), Some(disk)) = (Scene::new(), SmallDisk::new(64)) else { return };
    let tree = scene.tree("source");
    tree.file("a", b"a");
    disk.fill();
    let mut command = scene.command(&["backup", &scene.sshd.source(tree.root())]);
    let run = Run::of(command.env("HOLDFAST_STATE", disk.path("state")).output().unwrap());
    let sentence = run.fails(1);
    assert!(sentence.contains("No space left"), "{sentence}");
    scene.is_sound();
}
