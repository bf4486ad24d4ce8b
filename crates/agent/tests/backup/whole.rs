//! What is backed up is what is there: nothing less, nothing else.

use std::fs;
use std::path::Path;

use holdfast_wire::{ChunkerSpec, limits};

use crate::compare::{assert_metadata, assert_same};
use crate::server::{Server, job};
use crate::tree::{deep, everything, noise, write};

#[test]
fn a_tree_of_everything_comes_over_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    everything(dir.path());
    for chunker in [ChunkerSpec::Gear { seed: [1; 32] }, ChunkerSpec::Rabin { polynomial: 0x003D_A335_8B4D_C173 }] {
        let mut server = Server::default();
        let seen = server.backup(holdfast_wire::BackupJob { chunker, ..job(&[dir.path()]) });
        assert!(matches!(seen.result, Some(Ok(()))), "{:?}", seen.result);
        assert_eq!(seen.problems, []);
        assert_same(&server, seen.node(dir.path()).unwrap(), dir.path());
        assert!(seen.walked.0 > 20 && seen.walked.1 > 70_000_000, "{:?}", seen.walked);
    }
}

#[test]
fn the_way_to_a_root_is_stored_with_its_metadata_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    write(&dir.path().join("a/beside"), b"x");
    write(&dir.path().join("a/b/file"), b"x");
    let mut server = Server::default();
    let seen = server.backup(job(&[&dir.path().join("a/b")]));
    for way in [dir.path(), &dir.path().join("a")] {
        let node = seen.node(way).unwrap();
        assert_metadata(node, way);
        assert_eq!(node.tree.as_ref().unwrap().0.len(), 1);
    }
    assert_same(&server, seen.node(&dir.path().join("a/b")).unwrap(), &dir.path().join("a/b"));
}

#[test]
fn owners_have_names_where_the_client_knows_them() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("file"), b"x");
    let seen = Server::default().backup(job(&[dir.path()]));
    let uid = rustix::process::geteuid().as_raw();
    if uid == 0 {
        assert_eq!(seen.users.get(&0).map(String::as_str), Some("root"));
        assert_eq!(seen.groups.get(&0).map(String::as_str), Some("root"));
    } else {
        println!("skipped: who we are is only known of root");
    }
}

#[test]
fn the_deepest_tree_that_the_wire_can_carry_is_walked() {
    let dir = tempfile::tempdir().unwrap();
    let above = dir.path().components().count() - 1;
    // Made in steps: a path has a limit of 4096 bytes for the system.
    let levels = limits::MAX_DEPTH + 3 - above;
    let mut fd = rustix::fs::open(dir.path(), rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap();
    for _ in 0..levels {
        rustix::fs::mkdirat(&fd, "d", rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        fd = rustix::fs::openat(&fd, "d", rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap();
    }
    let seen = Server::default().backup(job(&[dir.path()]));
    // The session's root, the ways, and the directories whose paths the wire can carry.
    assert_eq!(seen.dirs.len(), limits::MAX_DEPTH + 1);
    let [(_, during, _)] = &seen.problems[..] else { panic!("{:?}", seen.problems.len()) };
    assert_eq!(during, "open directory");
    remove_deep(dir.path(), levels);
}

/// As deep a tree is too much for the standard library's way of removing it.
fn remove_deep(path: &Path, levels: usize) {
    let status = std::process::Command::new("rm").arg("-rf").arg(path.join("d")).status().unwrap();
    assert!(status.success(), "{levels} levels");
}

#[test]
fn a_large_file_that_changes_in_the_middle_is_sent_in_part() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let mut content = noise(32 << 20, 4);
    write(&path, &content);
    let mut server = Server::default();
    assert_eq!(server.backup(job(&[dir.path()])).chunk_bytes, 32 << 20);
    content.splice(16 << 20..(16 << 20) + 1000, noise(1500, 5));
    write(&path, &content);
    let seen = server.backup(job(&[dir.path()]));
    assert!(seen.chunk_bytes < 8 << 20, "{}", seen.chunk_bytes);
    assert_same(&server, seen.node(&path).unwrap(), &path);
}

#[test]
fn credit_is_never_overdrawn() {
    let dir = tempfile::tempdir().unwrap();
    everything(dir.path());
    for at in 0..300 {
        write(&dir.path().join(format!("small {at}")), &noise(1000 + at, at as u64));
    }
    let window = limits::MAX_CHUNK as u64;
    let mut server = Server { window: Some(window), ..Server::default() };
    let seen = server.backup(job(&[dir.path()]));
    assert!(matches!(seen.result, Some(Ok(()))), "{:?}", seen.result);
    assert!(seen.most_on_the_way > 0 && seen.most_on_the_way <= window);
    assert_same(&server, seen.node(dir.path()).unwrap(), dir.path());
}

#[test]
fn a_deep_tree_needs_few_open_files() {
    let dir = tempfile::tempdir().unwrap();
    for branch in 0..10 {
        let bottom = deep(&dir.path().join(format!("branch {branch}")), 60);
        write(&bottom.join("more"), &noise(2000, branch));
    }
    let mut server = Server::default();
    let seen = server.backup(job(&[dir.path()]));
    assert_eq!(seen.problems, []);
    assert_same(&server, seen.node(dir.path()).unwrap(), dir.path());
}
