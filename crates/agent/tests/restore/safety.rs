//! Whatever the snapshot says and whoever works in the target meanwhile: nothing outside of it changes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};

use crate::canary::Canary;
use holdfast_testkit::{Prng, Tree, require_root, temp_dir};
use holdfast_wire::{EntryKind, Overwrite, RestoreJob, RestoreOutcome};
use serde_bytes::ByteBuf;

use crate::server::{Server, job};
use crate::snapshot::{CHUNK, Snapshot};

#[test]
fn names_that_lead_out_are_refused_one_by_one() {
    let temp = temp_dir();
    let canary = Canary::new(&temp.path().join("canary"));
    let target = temp.path().join("target");
    let absolute = canary.tree.path("file").as_os_str().as_bytes().to_vec();
    let long = vec![b'x'; 256];
    let paths: [&[u8]; 13] = [
        b"../canary/file",
        b"../canary",
        b"..",
        b".",
        b"./file",
        b"dir/../../canary/file",
        b"dir/./file",
        b"dir//file",
        b"dir/",
        b"/",
        b"nul\0byte",
        &absolute,
        &long,
    ];
    let kinds = [
        EntryKind::File { size: 3 },
        EntryKind::Dir { number: 0 },
        EntryKind::Symlink { target: ByteBuf::from(b"x".to_vec()) },
        EntryKind::Fifo,
        EntryKind::Char { rdev: 259 },
    ];
    let mut snapshot = Snapshot::default();
    snapshot.dir("dir");
    for path in paths {
        for kind in &kinds {
            snapshot.file(path, "bad").entry.kind = kind.clone();
        }
        snapshot.file(path, "bad").hard_link_to = Some(0);
    }
    snapshot.file("dir/good", "good");
    let answers = Server::of(&snapshot).restore(job(&target, Overwrite::Always));
    canary.assert_alive();
    assert_eq!(answers.result.unwrap().failed as usize, paths.len() * (kinds.len() + 1));
    assert_eq!(answers.problems.len(), paths.len() * (kinds.len() + 1));
    assert_eq!(fs::read(target.join("dir/good")).unwrap(), b"good", "the others are restored");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
}

#[test]
fn a_name_other_than_the_path_says_is_refused() {
    let temp = temp_dir();
    let mut snapshot = Snapshot::default();
    snapshot.file("one", "content").entry.name = ByteBuf::from(b"two".to_vec());
    let answers = Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always));
    assert_eq!(answers.outcomes[&0], RestoreOutcome::Failed);
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn links_that_the_snapshot_itself_plants_are_not_followed() {
    for mode in [Overwrite::Always, Overwrite::IfChanged, Overwrite::IfNewer, Overwrite::Never] {
        let temp = temp_dir();
        let canary = Canary::new(&temp.path().join("canary"));
        let out = canary.tree.root().as_os_str().as_bytes();
        let mut snapshot = Snapshot::default();
        // The same name as a link and as a directory, in both orders, and a file after a link to a file.
        snapshot.symlink("a", out);
        snapshot.dir("a").entry.mode = 0o777;
        snapshot.file("a/file", "dead");
        snapshot.file("a/new", "dead");
        snapshot.dir("b");
        snapshot.symlink("b", out);
        snapshot.file("b/file", "dead");
        snapshot.symlink("c", canary.tree.path("file").as_os_str().as_bytes());
        snapshot.file("c", "dead").entry.mode = 0o4777;
        snapshot.symlink("d", out);
        snapshot.file("d/dir/file", "dead");
        for window in [1, 2, 100] {
            let server = Server { window, ..Server::of(&snapshot) };
            let answers = server.restore(RestoreJob { delete: true, ..job(&temp.path().join("target"), mode) });
            assert!(answers.result.is_ok());
            canary.assert_alive();
        }
    }
}

#[test]
fn what_is_planted_in_the_target_is_not_written_through() {
    let temp = temp_dir();
    let canary = Canary::new(&temp.path().join("canary"));
    let target = Tree::create(temp.path().join("target"));
    target
        .symlink("dir", canary.tree.root())
        .symlink("file", canary.tree.path("file"))
        .symlink("relative", "../canary/file")
        .symlink("fifo", canary.tree.path("fifo"))
        .symlink("link", canary.tree.path("dir"))
        .fifo("blocks");
    let mut snapshot = Snapshot::default();
    snapshot.dir("dir").entry.mode = 0o700;
    for name in ["dir/file", "dir/new", "dir/dir/file", "file", "relative", "blocks"] {
        snapshot.file(name, "dead").entry.mode = 0o4777;
    }
    snapshot.add("fifo", EntryKind::Fifo, 0o777);
    snapshot.symlink("link", "elsewhere");
    let job = RestoreJob { delete: true, ..job(target.root(), Overwrite::Always) };
    Server::of(&snapshot).restore(job).good();
    canary.assert_alive();
    assert_eq!(fs::read(target.path("blocks")).unwrap(), b"dead");
}

#[test]
fn setuid_is_never_seen_on_a_file_that_is_not_complete() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let tree = Tree::create(temp.path());
    let mut content = vec![0; 8 * CHUNK];
    Prng::new(1).fill(&mut content);
    let mut snapshot = Snapshot::default();
    for name in ["new", "same-owner", "other-owner"] {
        let node = snapshot.file(name, &content);
        node.entry.mode = 0o6755;
        node.entry.uid = 12_345;
    }
    snapshot.hard_link("new-too", "new");
    // Set before, on files of which only a part is right.
    tree.file("same-owner", &content[..3 * CHUNK]).owner("same-owner", 12_345, 0).mode("same-owner", 0o6755);
    tree.file("other-owner", &content[..3 * CHUNK]).owner("other-owner", 54_321, 0).mode("other-owner", 0o6755);
    let mut seen = 0;
    let answers = Server::of(&snapshot)
        .before_blob(|_, _, _| {
            for name in ["new", "new-too", "same-owner", "other-owner"] {
                let path = tree.path(name);
                // Another thread may just complete the file: what counts is mode and content at one moment.
                let Ok(stat) = fs::metadata(&path) else {
                    // What is new is made when its first content is there.
                    assert!(name.starts_with("new"), "{name} is gone");
                    continue;
                };
                let complete = fs::read(&path).unwrap() == content;
                if stat.mode() & 0o7777 != 0o600 {
                    assert_eq!(stat.mode() & 0o7777, 0o6755, "{name}");
                    assert!(complete, "{name} has its mode but not its content");
                } else if !complete {
                    seen += 1;
                }
            }
        })
        .restore(job(temp.path(), Overwrite::Always));
    answers.good();
    assert!(seen > 8, "the test looked at files that were not complete");
    for name in ["new", "new-too", "same-owner", "other-owner"] {
        let stat = fs::metadata(tree.path(name)).unwrap();
        assert_eq!((stat.mode() & 0o7777, stat.uid()), (0o6755, 12_345), "{name}");
    }
}

#[test]
fn a_file_whose_owner_cannot_be_set_gets_no_setuid() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let mut snapshot = Snapshot::default();
    let node = snapshot.file("f", "#!/bin/sh");
    node.entry.mode = 0o6755;
    node.entry.uid = u32::MAX;
    node.entry.xattrs = vec![holdfast_wire::Xattr {
        name: ByteBuf::from(b"security.capability".to_vec()),
        value: ByteBuf::from([1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec()),
    }];
    let answers = Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always));
    assert_eq!(answers.outcome(&snapshot, "f"), RestoreOutcome::Failed);
    assert_eq!(answers.problems.len(), 1, "{:?}", answers.problems);
    let path = temp.path().join("f");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o6000, 0o2000, "the group is right, the owner is not");
    assert_eq!(rustix::fs::listxattr(&path, &mut [0u8; 100][..]).unwrap(), 0);
}

#[test]
fn another_file_in_the_place_of_one_that_is_written_stays_as_it_is() {
    let temp = temp_dir();
    let canary = Canary::new(&temp.path().join("canary"));
    let target = Tree::create(temp.path().join("target"));
    let mut snapshot = Snapshot::default();
    // More than there are handles, so that the files are opened again.
    for i in 0..600 {
        let mut content = vec![0; CHUNK + 10];
        Prng::new(i).fill(&mut content);
        snapshot.file(format!("f{i}"), content).entry.mode = 0o4777;
    }
    let mut swapped = false;
    let server = Server { window: 10_000, ..Server::of(&snapshot) };
    let answers = server
        .before_blob(|_, _, _| {
            if std::mem::replace(&mut swapped, true) {
                return;
            }
            for i in 0..600 {
                let path = target.path(format!("f{i}"));
                fs::remove_file(&path).unwrap();
                match i % 3 {
                    0 => symlink(canary.tree.path("file"), &path).unwrap(),
                    1 => fs::hard_link(canary.tree.path("file"), &path).unwrap(),
                    // Just as the file that is expected there, but another.
                    _ => _ = target.file(&path, "impostor").mode(&path, 0o600),
                }
            }
        })
        .restore(job(target.root(), Overwrite::Always));
    canary.assert_alive();
    let summary = answers.result.unwrap();
    assert!(summary.failed >= 300, "{summary:?}");
    for i in (0..600).filter(|i| i % 3 == 2) {
        assert_eq!(fs::read(target.path(format!("f{i}"))).unwrap(), b"impostor");
    }
}

#[test]
fn a_further_name_is_not_given_to_another_file() {
    let temp = temp_dir();
    let canary = Canary::new(&temp.path().join("canary"));
    let target = Tree::create(temp.path().join("target"));
    let mut snapshot = Snapshot::default();
    snapshot.file("first", "content");
    snapshot.hard_link("further", "first");
    let server = Server { window: 1, ..Server::of(&snapshot) };
    let answers = server
        .before_blob(|_, _, _| {
            target.remove("first");
            fs::hard_link(canary.tree.path("file"), target.path("first")).unwrap();
        })
        .restore(job(target.root(), Overwrite::Always));
    canary.assert_alive();
    assert_eq!(answers.outcome(&snapshot, "further"), RestoreOutcome::Failed);
    assert!(!target.path("further").exists());
}

#[test]
fn a_target_behind_somebody_elses_link_is_refused() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let canary = Canary::new(&temp.path().join("canary"));
    let tree = Tree::create(temp.path());
    tree.symlink("home/target", canary.tree.root()).owner("home/target", 4242, 4242);
    let mut snapshot = Snapshot::default();
    snapshot.file("file", "dead");
    let answers = Server::of(&snapshot).restore(job(&tree.path("home/target"), Overwrite::Always));
    canary.assert_alive();
    assert!(answers.refused.unwrap().contains("symbolic link of another user"));
    assert!(answers.result.is_err());
}

#[test]
fn the_same_name_twice_never_mixes_two_files() {
    let temp = temp_dir();
    for round in 0..20 {
        let target = temp.path().join(round.to_string());
        let mut snapshot = Snapshot::default();
        for seed in 0..2 {
            let mut content = vec![0; 6 * CHUNK];
            Prng::new(seed).fill(&mut content);
            snapshot.file("f", &content).entry.mode = 0o4755;
        }
        let answers = Server::of(&snapshot).restore(job(&target, Overwrite::Always));
        assert!(answers.result.is_ok());
        let found = fs::read(target.join(OsStr::new("f"))).unwrap();
        let whole = |seed| {
            let mut content = vec![0; 6 * CHUNK];
            Prng::new(seed).fill(&mut content);
            content
        };
        assert!(found == whole(0) || found == whole(1), "round {round}");
    }
}

#[test]
fn a_file_that_grows_while_it_is_written_ends_with_its_length() {
    let temp = temp_dir();
    let path = temp.path().join("f");
    let mut snapshot = Snapshot::default();
    snapshot.file("f", vec![5; 3 * CHUNK]);
    fs::write(&path, vec![6; 3 * CHUNK]).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let answers = Server::of(&snapshot)
        .before_blob(|_, _, _| file.write_all_at(b"more", 9 * CHUNK as u64).unwrap())
        .restore(job(temp.path(), Overwrite::Always));
    answers.good();
    assert!(fs::read(&path).unwrap() == vec![5; 3 * CHUNK]);
}
