//! Somebody works in the target while it is restored into: nothing outside of it changes, whoever is faster.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use holdfast_testkit::{Tree, require_root, temp_dir};
use holdfast_wire::{EntryKind, Overwrite, RestoreJob};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use serde_bytes::ByteBuf;

use crate::canary::Canary;
use crate::server::{Server, job};
use crate::snapshot::{CHUNK, Snapshot};

/// Whom the target of the race belongs to.
const ATTACKER: u32 = 4242;

/// Somebody who swaps things in directories of their own for links to the outside, as fast as possible. Hard links to
/// what belongs to others are among them: not every system forbids these.
fn attack(target: &Path, canary: &Canary, round: u64) {
    let at = |name: &str| target.join(name);
    if fs::rename(at("dir"), at("dir-hidden")).is_ok() {
        let _ = symlink(canary.tree.root(), at("dir"));
        thread::yield_now();
        let _ = fs::remove_file(at("dir"));
        let _ = fs::rename(at("dir-hidden"), at("dir"));
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    for dir in [target.to_owned(), at("dir")] {
        let Ok(dir) = rustix::fs::open(&dir, flags, Mode::empty()) else { continue };
        if rustix::fs::fstat(&dir).unwrap().st_uid == ATTACKER {
            swap_names(&dir, canary, round);
        }
    }
}

fn swap_names(dir: &OwnedFd, canary: &Canary, round: u64) {
    for (name, outside) in [("file", "file"), ("f17", "file"), ("fifo", "fifo"), ("link", "link"), ("f3", "file")] {
        let _ = rustix::fs::unlinkat(dir, name, AtFlags::empty());
        let outside = canary.tree.path(outside);
        let _ = match round % 3 {
            0 => rustix::fs::symlinkat(&outside, dir, name),
            1 => rustix::fs::linkat(CWD, &outside, dir, name, AtFlags::empty()),
            // Gone again at once, before its names are counted.
            _ => rustix::fs::linkat(CWD, &outside, dir, name, AtFlags::empty())
                .and_then(|()| rustix::fs::unlinkat(dir, name, AtFlags::empty())),
        };
    }
}

#[test]
fn no_race_leads_out_of_the_target() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let canary = Canary::new(&temp.path().join("canary"));
    let mut snapshot = Snapshot::default();
    for dir in ["", "dir/"] {
        if !dir.is_empty() {
            let node = snapshot.dir("dir");
            (node.entry.mode, node.entry.uid) = (0o777, ATTACKER);
        }
        for i in 0..20 {
            let node = snapshot.file(format!("{dir}f{i}"), vec![i; 2 * CHUNK]);
            (node.entry.mode, node.entry.uid) = (0o4777, ATTACKER);
        }
        for (name, kind) in [
            ("file", EntryKind::File { size: 0 }),
            ("fifo", EntryKind::Fifo),
            ("link", EntryKind::Symlink { target: ByteBuf::from(b"file".to_vec()) }),
        ] {
            snapshot.add(format!("{dir}{name}"), kind, 0o4777).entry.uid = ATTACKER;
        }
    }
    for round in 0..100 {
        let target = Tree::create(temp.path().join(format!("target{round}")));
        target.dir("dir").owner("dir", ATTACKER, ATTACKER).owner("", ATTACKER, ATTACKER);
        let turn = AtomicU64::new(0);
        under_attack(
            || attack(target.root(), &canary, turn.fetch_add(1, Ordering::Relaxed)),
            || {
                for pass in 0..3 {
                    let mode = if pass % 2 == 0 { Overwrite::Always } else { Overwrite::IfNewer };
                    let job = RestoreJob { delete: true, verify: round % 3 == 0, ..job(target.root(), mode) };
                    let server = Server { window: 1 + round, ..Server::of(&snapshot) };
                    let answers = server.restore(job);
                    assert!(answers.result.is_ok(), "{answers:?}");
                }
            },
        );
        canary.assert_alive();
        fs::remove_dir_all(target.root()).unwrap();
    }
}

/// Runs `attack` until `work` is done.
fn under_attack(attack: impl Fn() + Sync, work: impl FnOnce()) {
    let (stop, begun) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                attack();
                begun.store(true, Ordering::Relaxed);
            }
        });
        while !begun.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        work();
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_cannot_be_opened_is_not_mistaken_for_something_outside() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let canary = Canary::new(&temp.path().join("canary"));
    let mut snapshot = Snapshot::default();
    for i in 0..300 {
        snapshot.add(format!("fifo{i}"), EntryKind::Fifo, 0o777).entry.uid = ATTACKER;
    }
    let attack = |dir: &OwnedFd| {
        for i in 0..300 {
            // As long as it is there it is another name of the pipe outside, and nobody can tell when it is gone.
            let name = format!("fifo{i}");
            let _ = rustix::fs::unlinkat(dir, &name, AtFlags::empty());
            let _ = rustix::fs::linkat(CWD, canary.tree.path("fifo"), dir, &name, AtFlags::empty());
        }
    };
    for round in 0..15 {
        let target = Tree::create(temp.path().join(format!("target{round}")));
        target.owner("", ATTACKER, ATTACKER);
        let dir = rustix::fs::open(target.root(), OFlags::DIRECTORY, Mode::empty()).unwrap();
        under_attack(
            || attack(&dir),
            || assert!(Server::of(&snapshot).restore(job(target.root(), Overwrite::Always)).result.is_ok()),
        );
        canary.assert_alive();
        let left = fs::read_dir(target.root()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name.as_bytes().starts_with(b"fifo")), "{left:?}");
    }
}

#[test]
fn deleting_does_not_follow_what_is_swapped_in() {
    let temp = temp_dir();
    let canary = Canary::new(&temp.path().join("canary"));
    let mut snapshot = Snapshot::default();
    snapshot.dir("d");
    for round in 0..60 {
        let tree = Tree::create(temp.path().join(format!("round{round}")));
        for i in 0..20 {
            tree.file(format!("target/d/extra{i}/sub/file"), "x");
            tree.symlink(format!("links/{i}"), canary.tree.root());
        }
        let swap = || {
            for i in 0..20 {
                let (dir, link) = (tree.path(format!("target/d/extra{i}")), tree.path(format!("links/{i}")));
                let _ = rustix::fs::renameat_with(CWD, dir, CWD, link, RenameFlags::EXCHANGE);
            }
        };
        let job = RestoreJob { delete: true, ..job(&tree.path("target"), Overwrite::Always) };
        under_attack(swap, || assert!(Server::of(&snapshot).restore(job).result.is_ok()));
        canary.assert_alive();
    }
}

