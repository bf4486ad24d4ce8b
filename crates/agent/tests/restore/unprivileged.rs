//! Restores by a user who is not root: everything but what only root may do.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use holdfast_testkit::{CompareOptions, Tree, compare_trees, require_root, temp_dir};
use holdfast_wire::{EntryKind, Overwrite, RestoreJob, RestoreOutcome, Xattr};
use serde_bytes::ByteBuf;

use crate::server::{Server, job};
use crate::snapshot::Snapshot;

/// Nobody in particular.
const USER: u32 = 54_321;

/// A directory that belongs to that user, in one that all may enter.
fn own_dir(temp: &Path) -> Tree {
    let tree = Tree::create(temp);
    tree.mode("", 0o755);
    let own = Tree::create(temp.join("own"));
    own.owner("", USER, USER);
    own
}

/// A tree with what any user can have.
fn ordinary(tree: &Tree) {
    tree.file("read-only/file", "x").mode("read-only/file", 0o444).mode("read-only", 0o555);
    tree.file("closed/file", "hidden").mode("closed/file", 0).mode("closed", 0);
    tree.file("plain", "content").xattr("plain", "user.comment", "x").symlink("link", "plain").fifo("fifo");
    tree.hard_link("twin", "plain").socket("socket").mode("fifo", 0o622).mtime("link", 5, 5);
    tree.sparse_file("sparse", 5 << 20, &[(1 << 20, b"x")]).deep("deep", "d", 50);
}

#[test]
fn all_but_the_owner_comes_back() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let own = own_dir(temp.path());
    let source = Tree::create(temp.path().join("source"));
    ordinary(&source);
    let snapshot = Snapshot::of(source.root());
    for mode in [Overwrite::Always, Overwrite::IfChanged] {
        let target = own.path(format!("{mode:?}"));
        for _ in 0..2 {
            let answers = Server::of(&snapshot).restore_as(USER, job(&target, mode));
            let summary = answers.good();
            assert_eq!(summary.owners_kept, answers.owners_kept, "the server hears of it");
            assert_eq!(summary.owners_kept, snapshot.nodes.len() as u64 - 1, "all but the further name of one");
            let differences = compare_trees(source.root(), &target, &CompareOptions::unprivileged());
            assert!(differences.is_empty(), "{differences:?}");
            assert_eq!(fs::metadata(target.join("plain")).unwrap().uid(), USER);
        }
        // A changed file in a directory that its own owner may not write to.
        fs::write(target.join("read-only/file"), "y").unwrap();
        fs::remove_file(target.join("closed/file")).unwrap();
        Server::of(&snapshot).restore_as(USER, job(&target, mode)).good();
        assert!(compare_trees(source.root(), &target, &CompareOptions::unprivileged()).is_empty());
    }
}

#[test]
fn nobody_gets_setuid_for_another_owner() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let own = own_dir(temp.path());
    let mut snapshot = Snapshot::default();
    let capability = Xattr {
        name: ByteBuf::from(b"security.capability".to_vec()),
        value: ByteBuf::from([1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec()),
    };
    for (name, uid, gid) in [("root", 0, 0), ("mine", USER, USER), ("half", USER, 0)] {
        let node = snapshot.file(name, "#!");
        (node.entry.mode, node.entry.uid, node.entry.gid) = (0o6755, uid, gid);
        node.entry.xattrs = vec![capability.clone()];
    }
    let answers = Server::of(&snapshot).restore_as(USER, job(own.root(), Overwrite::Always));
    assert_eq!(answers.good().owners_kept, 3);
    let mode = |name: &str| fs::metadata(own.path(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("root"), mode("mine"), mode("half")), (0o755, 0o6755, 0o4755));
}

#[test]
fn what_only_root_may_make_is_told() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let own = own_dir(temp.path());
    own.file("foreign", "x").owner("foreign", 0, 0);
    Tree::create(own.path("roots-dir")).file("f", "x");
    let mut snapshot = Snapshot::default();
    snapshot.add("null", EntryKind::Char { rdev: 259 }, 0o666);
    snapshot.file("foreign", "y");
    snapshot.file("roots-dir/g", "y");
    snapshot.file("plain", "y");
    let job = RestoreJob { delete: true, ..job(own.root(), Overwrite::Always) };
    let answers = Server::of(&snapshot).restore_as(USER, job);
    assert_eq!(answers.outcome(&snapshot, "null"), RestoreOutcome::Failed);
    assert_eq!(answers.outcome(&snapshot, "roots-dir/g"), RestoreOutcome::Failed);
    assert_eq!(answers.outcome(&snapshot, "plain"), RestoreOutcome::Restored);
    assert_eq!(answers.outcome(&snapshot, "foreign"), RestoreOutcome::Restored, "one's own directory, so replaced");
    assert_eq!(answers.problems.len(), 2, "{:?}", answers.problems);
}

#[test]
fn a_target_that_may_not_be_made_is_refused() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    own_dir(temp.path());
    let mut snapshot = Snapshot::default();
    snapshot.file("f", "x");
    let answers = Server::of(&snapshot).restore_as(USER, job(&temp.path().join("roots/target"), Overwrite::Always));
    assert!(answers.refused.unwrap().contains("'roots' cannot be opened or made: Permission denied"));
    assert!(!temp.path().join("roots").exists());
}
