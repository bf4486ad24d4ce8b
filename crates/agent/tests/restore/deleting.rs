//! Deleting what the snapshot does not hold.

use std::fs;
use std::path::Path;
use std::process::Command;

use holdfast_model::BlobId;
use holdfast_testkit::{Tree, require_root, skip, temp_dir};
use holdfast_wire::{Overwrite, RestoreJob, RestoreOutcome};

use crate::round_trip::assert_equal;
use crate::server::{Server, job};
use crate::snapshot::Snapshot;

fn deleting(target: &Path) -> RestoreJob {
    RestoreJob { delete: true, ..job(target, Overwrite::Always) }
}

#[test]
fn what_the_snapshot_does_not_hold_goes() {
    let temp = temp_dir();
    let source = Tree::create(temp.path().join("source"));
    source.every_kind();
    let snapshot = Snapshot::of(source.root());
    let target = Tree::create(temp.path().join("target"));
    target.file("extra", "1").file("names/extra/deep/er", "2").symlink("links/extra", "../names").fifo("special/extra");
    target.file("new dir/a", "3").dir("new dir/empty");
    let summary = Server::of(&snapshot).restore(deleting(target.root())).good();
    assert_eq!(summary.deleted, 9);
    assert_equal(source.root(), target.root());
}

#[test]
fn links_are_deleted_not_followed() {
    let temp = temp_dir();
    let outside = Tree::create(temp.path().join("outside"));
    outside.file("precious", "data");
    let target = Tree::create(temp.path().join("target"));
    target.symlink("dir/link", outside.root()).symlink("dir/extra/link", outside.root());
    let mut snapshot = Snapshot::default();
    snapshot.dir("dir");
    assert_eq!(Server::of(&snapshot).restore(deleting(target.root())).good().deleted, 3);
    assert_eq!(fs::read_dir(target.path("dir")).unwrap().count(), 0);
    assert_eq!(fs::read(outside.path("precious")).unwrap(), b"data");
}

#[test]
fn a_directory_that_is_not_whole_in_the_snapshot_loses_nothing() {
    let temp = temp_dir();
    let target = Tree::create(temp.path());
    target.file("var/lib/db", "precious").file("var/www/extra", "x").file("other", "x");
    let mut snapshot = Snapshot::default();
    snapshot.dir("var").whole = false;
    snapshot.dir("var/www");
    snapshot.file("var/www/index", "y");
    assert_eq!(Server::of(&snapshot).restore(deleting(temp.path())).good().deleted, 1);
    assert!(target.path("var/lib/db").exists() && target.path("other").exists());
    assert!(!target.path("var/www/extra").exists());
}

#[test]
fn what_could_not_be_restored_is_not_deleted_either() {
    let temp = temp_dir();
    let target = Tree::create(temp.path());
    target.file("d/damaged", "old").file("d/extra", "x");
    let mut snapshot = Snapshot::default();
    snapshot.dir("d");
    snapshot.file("d/damaged", "new content");
    let answers =
        Server::of(&snapshot).before_blob(|_, header, _| header.id = BlobId::default()).restore(deleting(temp.path()));
    assert_eq!(answers.outcome(&snapshot, "d/damaged"), RestoreOutcome::Failed);
    assert!(target.path("d/damaged").exists());
    assert!(!target.path("d/extra").exists());
}

#[test]
fn a_tree_deeper_than_there_are_handles_goes() {
    let temp = temp_dir();
    let target = Tree::create(temp.path());
    target.deep("d/extra", "n".repeat(100), 1500);
    target.deep("d/extra/x", "y", 100);
    let mut snapshot = Snapshot::default();
    snapshot.dir("d");
    assert_eq!(Server::of(&snapshot).restore(deleting(temp.path())).good().deleted, 1 + 1501 + 1 + 101);
    assert_eq!(fs::read_dir(target.path("d")).unwrap().count(), 0);
}

#[test]
fn what_is_mounted_in_the_way_is_left_alone() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let tree = Tree::create(temp.path());
    tree.file("outside/precious", "data").dir("target/d/extra/mount").file("target/d/extra/z", "x");
    let mount = tree.path("target/d/extra/mount");
    let bound = Command::new("mount").arg("--bind").arg(tree.path("outside")).arg(&mount).status();
    if !bound.is_ok_and(|status| status.success()) {
        return skip("cannot mount");
    }
    let mut snapshot = Snapshot::default();
    snapshot.dir("d");
    let answers = Server::of(&snapshot).restore(deleting(&tree.path("target")));
    assert!(Command::new("umount").arg(&mount).status().unwrap().success());
    assert_eq!(fs::read(tree.path("outside/precious")).unwrap(), b"data");
    assert_eq!(answers.outcome(&snapshot, "d"), RestoreOutcome::Failed);
    assert_eq!(answers.problems.len(), 1, "{:?}", answers.problems);
    assert!(answers.problems[0].message.contains("mounted"));
    assert!(!tree.path("target/d/extra/z").exists(), "the rest is deleted");
}
