//! What goes wrong is reported once, by name, and the rest is restored.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_agent::restore::RestoreError;
use holdfast_model::BlobId;
use holdfast_testkit::{Acl, AclEntry, Prng, Tree, require_root, skip, temp_dir};
use holdfast_wire::{EntryKind, Overwrite, RestoreJob, RestoreOutcome};

use crate::server::{Server, job};
use crate::snapshot::{CHUNK, Snapshot};

fn random(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Prng::new(seed).fill(&mut bytes);
    bytes
}

/// Three files, of which two share a chunk.
fn three_files() -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.dir("");
    let shared = random(CHUNK, 1);
    snapshot.file("a", [shared.clone(), random(CHUNK, 2)].concat()).entry.mode = 0o4755;
    snapshot.file("b", [random(CHUNK, 3), shared].concat());
    snapshot.file("c", random(2 * CHUNK, 4));
    snapshot
}

fn shared_blob(snapshot: &Snapshot) -> BlobId {
    snapshot.nodes[1].chunks[0].id
}

#[test]
fn a_damaged_blob_fails_the_files_that_need_it_and_no_other() {
    let snapshot = three_files();
    let bad = shared_blob(&snapshot);
    for damage in ["content", "compression", "length"] {
        let temp = temp_dir();
        let answers = Server::of(&snapshot)
            .before_blob(|_, header, stored| {
                if header.id == bad {
                    let middle = stored.len() / 2;
                    match damage {
                        "content" => {
                            stored.resize(CHUNK, 7);
                            (header.compressed, header.stored_len) = (false, CHUNK as u32);
                        }
                        "compression" => {
                            stored[middle..].fill(0);
                            header.compressed = true;
                        }
                        _ => header.len -= u32::from(header.compressed),
                    }
                    stored[0] ^= u8::from(!header.compressed);
                }
            })
            .restore(job(temp.path(), Overwrite::Always));
        assert_eq!(answers.result.as_ref().unwrap().failed, 2, "{damage}");
        let mut named: Vec<&[u8]> = answers.problems.iter().map(|problem| &problem.path[..]).collect();
        named.sort();
        let paths = ["a", "b"].map(|name| temp.path().join(name).into_os_string().into_encoded_bytes());
        assert_eq!(named, paths, "{damage}");
        assert_eq!(answers.outcome(&snapshot, "c"), RestoreOutcome::Restored);
        assert_eq!(fs::metadata(temp.path().join("a")).unwrap().mode() & 0o7777, 0o600, "no setuid: {damage}");
    }
}

#[test]
fn a_blob_that_never_comes_fails_its_files_with_their_names() {
    let snapshot = three_files();
    let temp = temp_dir();
    let server = Server { lost: vec![shared_blob(&snapshot)], ..Server::of(&snapshot) };
    let answers = server.restore(job(temp.path(), Overwrite::Always));
    assert_eq!(answers.result.as_ref().unwrap().failed, 2);
    assert_eq!(answers.problems.len(), 2, "{:?}", answers.problems);
    assert_eq!(answers.outcome(&snapshot, "c"), RestoreOutcome::Restored);
    assert_ne!(fs::metadata(temp.path().join("a")).unwrap().mtime(), snapshot.nodes[1].entry.mtime.seconds);
    let again = Server::of(&snapshot).restore(job(temp.path(), Overwrite::IfChanged));
    again.good();
    assert_eq!(again.blobs, 1, "only what was lost is still missing");
}

#[test]
fn other_content_than_announced_is_not_written() {
    let snapshot = three_files();
    let temp = temp_dir();
    let bad = shared_blob(&snapshot);
    let other = random(CHUNK, 99);
    let answers = Server::of(&snapshot)
        .before_blob(|_, header, stored| {
            if header.id == bad {
                header.id = BlobId::new(holdfast_chunker::sha256(&other));
                (header.compressed, header.stored_len) = (false, CHUNK as u32);
                stored.clone_from(&other);
            }
        })
        .restore(job(temp.path(), Overwrite::Always));
    assert_eq!(answers.result.unwrap().failed, 2);
    assert!(fs::read(temp.path().join("a")).unwrap()[..CHUNK] == vec![0; CHUNK]);
}

#[test]
fn a_blob_beyond_every_bound_ends_the_session() {
    let snapshot = three_files();
    let temp = temp_dir();
    let answers = Server::of(&snapshot)
        .before_blob(|_, header, _| header.len = u32::MAX)
        .restore(job(temp.path(), Overwrite::Always));
    assert!(matches!(answers.result, Err(RestoreError::Protocol { .. })), "{:?}", answers.result);
    assert!(answers.refused.unwrap().contains("protocol"));
}

#[test]
fn what_reads_back_differently_fails() {
    let temp = temp_dir();
    let mut snapshot = Snapshot::default();
    let path = temp.path().join("f");
    snapshot.file("f", random(3 * CHUNK, 6));
    // The first chunk is spoilt as soon as it is there: only reading everything back can tell.
    let spoil = |done: usize| {
        if done == 2 {
            let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
            let written = |offset: u64| {
                let mut byte = [0; 64];
                file.read_at(&mut byte, offset).unwrap_or(0) > 0 && byte != [0; 64]
            };
            while ![0, CHUNK as u64, 2 * CHUNK as u64].map(written).contains(&true) {
                std::thread::yield_now();
            }
            for offset in [0, CHUNK as u64, 2 * CHUNK as u64].into_iter().filter(|offset| written(*offset)) {
                file.write_all_at(b"spoilt", offset).unwrap();
            }
        }
    };
    let job = RestoreJob { verify: true, ..job(temp.path(), Overwrite::Always) };
    let answers = Server::of(&snapshot).before_blob(|done, _, _| spoil(done)).restore(job);
    assert_eq!(answers.outcome(&snapshot, "f"), RestoreOutcome::Failed);
    assert_eq!(answers.problems[0].during, "verify");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn a_hard_link_to_what_was_not_restored_fails() {
    let temp = temp_dir();
    let mut snapshot = Snapshot::default();
    snapshot.dir("d").entry.mode = 0o700;
    snapshot.file("d/full", "x");
    snapshot.hard_link("twin", "d/full");
    snapshot.file("other", "x").hard_link_to = Some(77);
    Tree::create(temp.path()).file("d/full/precious", "x");
    let answers = Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always));
    for path in ["d/full", "twin", "other"] {
        assert_eq!(answers.outcome(&snapshot, path), RestoreOutcome::Failed, "{path}");
    }
    assert_eq!(answers.problems.len(), 3, "{:?}", answers.problems);
}

#[test]
fn content_of_another_length_than_listed_is_told() {
    let temp = temp_dir();
    let mut snapshot = Snapshot::default();
    snapshot.file("f", "content").entry.kind = EntryKind::File { size: 8 };
    let answers = Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always));
    assert_eq!(answers.outcome(&snapshot, "f"), RestoreOutcome::Failed);
    assert_eq!(answers.problems.len(), 1);
    assert_eq!(fs::read(temp.path().join("f")).unwrap(), b"content");
}

#[test]
fn a_target_that_is_a_file_is_refused() {
    let temp = temp_dir();
    let path = temp.path().join("f");
    fs::write(&path, "content").unwrap();
    let mut snapshot = Snapshot::default();
    snapshot.file("x", "y");
    let answers = Server::of(&snapshot).restore(job(&path, Overwrite::Always));
    assert!(matches!(answers.result, Err(RestoreError::Target { .. })));
    let refused = answers.refused.unwrap();
    assert!(refused.contains("is not a directory") && refused.contains(path.to_str().unwrap()), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"content");
}

/// A file system for the length of a test.
struct Mounted(PathBuf);

impl Mounted {
    fn new(path: &Path, arguments: &[&str]) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount").args(arguments).arg(path).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(path.to_owned()));
        }
        skip("cannot mount");
        None
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(std::thread::panicking() || unmounted.unwrap().success());
    }
}

#[test]
fn a_full_disk_ends_the_restore_with_one_clear_report() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let target = temp.path().join("target");
    let Some(_mounted) = Mounted::new(&target, &["-t", "tmpfs", "-o", "size=1m", "none"]) else { return };
    let mut snapshot = Snapshot::default();
    for i in 0..200 {
        snapshot.file(format!("f{i}"), random(CHUNK, i));
    }
    let answers = Server::of(&snapshot).restore(job(&target, Overwrite::Always));
    let Err(RestoreError::Full { path, .. }) = answers.result else { panic!("{:?}", answers.result) };
    assert!(path.starts_with(target.to_str().unwrap()), "{path}");
    assert_eq!(answers.problems.len(), 1, "{:?}", answers.problems);
    assert!(answers.refused.unwrap().starts_with("no space is left"));
}

#[test]
fn a_read_only_file_system_ends_the_restore_too() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let target = temp.path().join("target");
    let Some(_mounted) = Mounted::new(&target, &["-t", "tmpfs", "-o", "ro", "none"]) else { return };
    let mut snapshot = Snapshot::default();
    for i in 0..200 {
        snapshot.dir(format!("d{i}"));
    }
    let answers = Server::of(&snapshot).restore(job(&target, Overwrite::Always));
    assert!(matches!(answers.result, Err(RestoreError::ReadOnly { .. })), "{:?}", answers.result);
    assert_eq!(answers.problems.len(), 1);
}

#[test]
fn attributes_that_the_file_system_cannot_hold_are_told_and_nobody_gains_by_it() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let target = temp.path().join("target");
    let Some(_mounted) = Mounted::new(&target, &["-t", "ramfs", "none"]) else { return };
    let source = Tree::create(temp.path().join("source"));
    source.file("f", "content").acl("f", &Acl::new(0o600, &[AclEntry::User(1234, 6)]));
    source.xattr("f", "user.comment", "x").mtime("f", 1_234_567, 8);
    let mut snapshot = Snapshot::of(source.root());
    // The group's bits show what user 1234 may, though the group itself may nothing.
    assert_eq!(snapshot.node("f").entry.mode, 0o670);
    let answers = Server::of(&snapshot).restore(job(&target, Overwrite::Always));
    assert_eq!(answers.outcome(&snapshot, "f"), RestoreOutcome::Failed);
    assert_eq!(answers.problems.len(), 1, "one report for all of a file's attributes");
    assert!(answers.problems[0].message.contains("does not support"), "{:?}", answers.problems);
    let stat = fs::metadata(target.join("f")).unwrap();
    assert_eq!(stat.mode() & 0o7777, 0o600);
    assert_eq!(stat.mtime(), 1_234_567, "the rest is set");
}

#[test]
fn a_new_file_of_which_nothing_came_is_not_made_and_neither_are_its_links() {
    let temp = temp_dir();
    let target = temp.path().join("target");
    let mut snapshot = Snapshot::default();
    snapshot.dir("d");
    snapshot.file("d/lost", random(CHUNK, 1)).entry.mode = 0o4755;
    snapshot.file("d/good", random(3 * CHUNK, 2));
    snapshot.hard_link("d/twin", "d/lost");
    let lost = vec![snapshot.nodes[1].chunks[0].id];
    for window in [1, 2, 100] {
        let server = Server { lost: lost.clone(), window, ahead: window < 100, ..Server::of(&snapshot) };
        let answers = server.restore(job(&target.join(window.to_string()), Overwrite::Always));
        assert_eq!(answers.result.as_ref().unwrap().failed, 2);
        assert_eq!(answers.problems.len(), 2, "{:?}", answers.problems);
        for (name, outcome) in
            [("lost", RestoreOutcome::Failed), ("twin", RestoreOutcome::Failed), ("good", RestoreOutcome::Restored)]
        {
            assert_eq!(answers.outcome(&snapshot, format!("d/{name}")), outcome, "{name}");
            let exists = target.join(window.to_string()).join("d").join(name).exists();
            assert_eq!(exists, outcome == RestoreOutcome::Restored, "{name}");
        }
    }
    Server::of(&snapshot).restore(job(&target.join("2"), Overwrite::IfChanged)).good();
}

#[test]
fn of_two_new_files_of_one_name_one_is_made() {
    let temp = temp_dir();
    for (round, chunks) in [1, 1, 1, 4, 4, 4].into_iter().enumerate() {
        let target = temp.path().join(round.to_string());
        let mut snapshot = Snapshot::default();
        snapshot.dir("d");
        let contents = [1, 2].map(|seed| random(chunks * CHUNK, seed));
        contents.iter().for_each(|content| _ = snapshot.file("d/f", content));
        let answers = Server::of(&snapshot).restore(job(&target, Overwrite::Always));
        assert_eq!(answers.result.as_ref().unwrap().failed, 1);
        assert_eq!(answers.problems.len(), 1, "{:?}", answers.problems);
        let found = fs::read(target.join("d/f")).unwrap();
        assert!(contents.contains(&found), "round {round}");
    }
}
