//! What becomes of files that exist.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use holdfast_model::Timestamp;
use holdfast_testkit::{Prng, Tree, require_root, temp_dir};
use holdfast_wire::{Overwrite, RestoreJob, RestoreOutcome};

use crate::round_trip::assert_equal;
use crate::server::{Server, job};
use crate::snapshot::{CHUNK, Snapshot};

fn random(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Prng::new(seed).fill(&mut bytes);
    bytes
}

#[test]
fn only_chunks_that_differ_are_asked_for() {
    let content = random(10 * CHUNK + 77, 1);
    let mut snapshot = Snapshot::default();
    snapshot.file("f", &content);
    let mut changed = content.clone();
    changed[3 * CHUNK + 5] ^= 1;
    let longer = [&content[..], b"more"].concat();
    let cases: [(&str, &[u8], usize); 6] = [
        ("changed", &changed, 1),
        ("longer", &longer, 0),
        ("shorter", &content[..5 * CHUNK], 6),
        ("cut in a chunk", &content[..5 * CHUNK + 1], 6),
        ("empty", b"", 11),
        ("equal", &content, 0),
    ];
    for mode in [Overwrite::Always, Overwrite::IfChanged] {
        for (name, old, asked) in cases {
            let temp = temp_dir();
            let path = temp.path().join("f");
            fs::write(&path, old).unwrap();
            let inode = fs::metadata(&path).unwrap().ino();
            let answers = Server::of(&snapshot).restore(job(temp.path(), mode));
            answers.good();
            assert_eq!(answers.blobs, asked, "{name}");
            assert!(fs::read(&path).unwrap() == content, "{name}");
            assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "{name}: updated in place");
            let outcome = if name == "equal" { RestoreOutcome::Unchanged } else { RestoreOutcome::Restored };
            assert_eq!(answers.outcome(&snapshot, "f"), outcome, "{name}");
        }
    }
}

#[test]
fn equal_size_and_time_are_trusted_only_if_asked() {
    for (mode, expected) in [(Overwrite::IfChanged, "WRONG"), (Overwrite::Always, "right")] {
        let temp = temp_dir();
        let mut snapshot = Snapshot::default();
        let time = snapshot.file("f", "right").entry.mtime;
        snapshot.file("g", "right");
        let tree = Tree::create(temp.path());
        tree.file("f", "WRONG").mtime("f", time.seconds, time.nanoseconds).mode("f", 0o600);
        tree.file("g", "WRONG").mtime("g", time.seconds, time.nanoseconds + 1);
        Server::of(&snapshot).restore(job(temp.path(), mode)).good();
        assert_eq!(fs::read_to_string(tree.path("f")).unwrap(), expected);
        assert_eq!(fs::metadata(tree.path("f")).unwrap().permissions().mode() & 0o7777, 0o644, "metadata is set");
        assert_eq!(fs::read_to_string(tree.path("g")).unwrap(), "right");
    }
}

#[test]
fn if_newer_replaces_only_what_is_older() {
    let temp = temp_dir();
    let tree = Tree::create(temp.path());
    let mut snapshot = Snapshot::default();
    for (name, nanoseconds) in [("older", 4), ("same", 5), ("newer", 6)] {
        snapshot.file(name, "new").entry.mtime = Timestamp { seconds: 1_600_000_000, nanoseconds: 5 };
        tree.file(name, "old").mtime(name, 1_600_000_000, nanoseconds);
        let link = format!("{name}-link");
        snapshot.symlink(&link, "new").entry.mtime = Timestamp { seconds: 1_600_000_000, nanoseconds: 5 };
        tree.symlink(&link, "old").mtime(&link, 1_600_000_000, nanoseconds);
    }
    let answers = Server::of(&snapshot).restore(job(temp.path(), Overwrite::IfNewer));
    answers.good();
    for (name, expected) in [("older", "new"), ("same", "old"), ("newer", "old")] {
        assert_eq!(fs::read_to_string(tree.path(name)).unwrap(), expected, "{name}");
        assert_eq!(fs::read_link(tree.path(format!("{name}-link"))).unwrap(), Path::new(expected), "{name}");
        let outcome = if expected == "new" { RestoreOutcome::Restored } else { RestoreOutcome::Skipped };
        assert_eq!(answers.outcome(&snapshot, name), outcome);
    }
}

#[test]
fn never_leaves_everything_alone_that_exists() {
    let temp = temp_dir();
    let source = Tree::create(temp.path().join("source"));
    source.file("file", "new").file("dir/inside", "new").symlink("link", "new").fifo("fifo").file("missing", "new");
    source.hard_link("twin", "file").mode("dir", 0o701);
    let snapshot = Snapshot::of(source.root());
    let target = Tree::create(temp.path().join("target"));
    target.file("file", "old").dir("dir").symlink("link", "old").file("fifo", "old").file("twin", "old twin");
    target.mode("dir", 0o755).mtime("dir", 1, 1);
    let before = fs::metadata(target.path("file")).unwrap();
    let answers = Server::of(&snapshot).restore(job(target.root(), Overwrite::Never));
    answers.good();
    let after = fs::metadata(target.path("file")).unwrap();
    assert_eq!((after.ctime(), after.ctime_nsec()), (before.ctime(), before.ctime_nsec()), "not even its metadata");
    for (path, content) in
        [("file", "old"), ("fifo", "old"), ("twin", "old twin"), ("missing", "new"), ("dir/inside", "new")]
    {
        assert_eq!(fs::read_to_string(target.path(path)).unwrap(), content, "{path}");
    }
    assert_eq!(fs::read_link(target.path("link")).unwrap(), Path::new("old"));
    assert_eq!(fs::metadata(target.path("dir")).unwrap().permissions().mode() & 0o7777, 0o755);
    assert_eq!(answers.outcome(&snapshot, "dir"), RestoreOutcome::Skipped);
    assert_eq!(answers.blobs, 1);
}

/// Something of each kind, at `path`.
fn make(tree: &Tree, kind: &str, path: &str) {
    match kind {
        "file" => tree.file(path, b"a file's content"),
        "other file" => tree.file(path, b"another"),
        "linked file" => tree.file(path, b"a file's content").hard_link(format!("{path}-twin"), path),
        "dir" => tree.dir(path),
        "symlink" => tree.symlink(path, "somewhere"),
        "other symlink" => tree.symlink(path, "elsewhere"),
        "fifo" => tree.fifo(path),
        "socket" => tree.socket(path),
        other => panic!("{other}"),
    };
}

#[test]
fn every_kind_replaces_every_other() {
    const KINDS: [&str; 8] = ["file", "other file", "linked file", "dir", "symlink", "other symlink", "fifo", "socket"];
    let temp = temp_dir();
    for mode in [Overwrite::Always, Overwrite::IfChanged] {
        for new in KINDS {
            for old in KINDS {
                let source = Tree::create(temp.path().join(format!("{mode:?} {new} {old}/source")));
                make(&source, new, "it");
                let target = Tree::create(temp.path().join(format!("{mode:?} {new} {old}/target")));
                make(&target, old, "it");
                let snapshot = Snapshot::of(source.root());
                let job = RestoreJob { delete: true, ..job(target.root(), mode) };
                Server::of(&snapshot).restore(job).good();
                assert_equal(source.root(), target.root());
            }
        }
    }
}

#[test]
fn a_full_directory_gives_way_to_a_file_only_where_deleting_is_wanted() {
    let temp = temp_dir();
    let target = Tree::create(temp.path().join("target"));
    let mut snapshot = Snapshot::default();
    snapshot.file("it", "content");
    target.file("it/precious", "data");
    let answers = Server::of(&snapshot).restore(job(target.root(), Overwrite::Always));
    assert_eq!(answers.outcome(&snapshot, "it"), RestoreOutcome::Failed);
    assert_eq!(answers.problems.len(), 1);
    assert!(answers.problems[0].message.contains("--delete"), "{:?}", answers.problems);
    assert_eq!(fs::read(target.path("it/precious")).unwrap(), b"data");
    let job = RestoreJob { delete: true, ..job(target.root(), Overwrite::Always) };
    assert_eq!(Server::of(&snapshot).restore(job).good().deleted, 2);
    assert_eq!(fs::read(target.path("it")).unwrap(), b"content");
}

#[test]
fn a_link_in_the_place_of_a_directory_is_replaced_or_fails_but_is_not_followed() {
    for mode in [Overwrite::Always, Overwrite::IfChanged, Overwrite::IfNewer, Overwrite::Never] {
        let temp = temp_dir();
        let outside = Tree::create(temp.path().join("outside"));
        let target = Tree::create(temp.path().join("target"));
        symlink("../outside", target.path("dir")).unwrap();
        let mut snapshot = Snapshot::default();
        snapshot.dir("dir");
        snapshot.dir("dir/sub");
        snapshot.file("dir/sub/file", "content");
        snapshot.symlink("dir/link", "x");
        let answers = Server::of(&snapshot).restore(job(target.root(), mode));
        assert_eq!(fs::read_dir(outside.root()).unwrap().count(), 0, "{mode:?}");
        if matches!(mode, Overwrite::Always | Overwrite::IfChanged) {
            answers.good();
            assert_eq!(fs::read(target.path("dir/sub/file")).unwrap(), b"content");
        } else {
            assert!(answers.outcomes.values().all(|outcome| *outcome == RestoreOutcome::Failed), "{answers:?}");
            assert_eq!(answers.problems.len(), 1, "one report for all: {:?}", answers.problems);
            assert!(target.path("dir").is_symlink());
        }
    }
}

#[test]
fn a_file_is_never_written_through_its_other_names() {
    let temp = temp_dir();
    let tree = Tree::create(temp.path());
    let content = random(5 * CHUNK, 2);
    let mut wrong = content.clone();
    wrong[0] ^= 1;
    tree.file("outside", &wrong).mode("outside", 0o640).hard_link("target/f", "outside");
    tree.file("outside2", &content).mode("outside2", 0o640).hard_link("target/g", "outside2");
    let before = ["outside", "outside2"].map(|name| fs::metadata(tree.path(name)).unwrap());
    let mut snapshot = Snapshot::default();
    snapshot.file("f", &content);
    snapshot.file("g", &content);
    let answers = Server::of(&snapshot).restore(job(&tree.path("target"), Overwrite::Always));
    answers.good();
    assert_eq!(answers.blobs, 1, "what is right is copied from the old file");
    assert!(fs::read(tree.path("target/f")).unwrap() == content);
    assert!(fs::read(tree.path("target/g")).unwrap() == content);
    assert!(fs::read(tree.path("outside")).unwrap() == wrong);
    for (name, before) in ["outside", "outside2"].into_iter().zip(before) {
        let after = fs::metadata(tree.path(name)).unwrap();
        assert_eq!((after.mode(), after.mtime(), after.nlink()), (before.mode(), before.mtime(), 1), "{name}");
    }
}

#[test]
fn hard_links_that_are_right_already_stay() {
    let temp = temp_dir();
    let source = Tree::create(temp.path().join("source"));
    source.file("a", random(1000, 3)).hard_link("b", "a").hard_link("sub/c", "a").symlink("l", "x").hard_link("m", "l");
    let snapshot = Snapshot::of(source.root());
    let target = temp.path().join("target");
    Server::of(&snapshot).restore(job(&target, Overwrite::Always)).good();
    let inode = fs::metadata(target.join("a")).unwrap().ino();
    let answers = Server::of(&snapshot).restore(job(&target, Overwrite::Always));
    assert_eq!(fs::metadata(target.join("a")).unwrap().ino(), inode);
    for name in ["a", "b", "sub/c"] {
        assert_eq!(answers.outcome(&snapshot, name), RestoreOutcome::Unchanged, "{name}");
    }
    assert_equal(source.root(), &target);
}

#[test]
fn a_program_that_runs_is_replaced() {
    let temp = temp_dir();
    let path = temp.path().join("program");
    fs::copy("/bin/sleep", &path).unwrap();
    let original = fs::read(&path).unwrap();
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"changed").unwrap();
    let mut running = Command::new(&path).arg("60").spawn().unwrap();
    let mut snapshot = Snapshot::default();
    snapshot.file("program", &original).entry.mode = 0o755;
    let answers = Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always));
    answers.good();
    assert!(running.try_wait().unwrap().is_none(), "it still runs");
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(answers.blobs, 0);
    assert!(fs::read(&path).unwrap() == original);
}

#[test]
fn attributes_that_the_snapshot_lacks_go() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let tree = Tree::create(temp.path());
    let acl = holdfast_testkit::Acl::new(0o640, &[holdfast_testkit::AclEntry::User(1234, 6)]);
    tree.file("f", "content").xattr("f", "user.other", "x").acl("f", &acl).capabilities("f", 1 << 13);
    tree.dir("d").default_acl("d", &acl).mode("d", 0o2777);
    let mut snapshot = Snapshot::default();
    snapshot.file("f", "content");
    snapshot.dir("d");
    Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always)).good();
    for path in ["f", "d"] {
        assert_eq!(rustix::fs::listxattr(tree.path(path), &mut [0u8; 4096][..]).unwrap(), 0, "{path}");
    }
    let mode = |path| fs::metadata(tree.path(path)).unwrap().mode() & 0o7777;
    assert_eq!((mode("f"), mode("d")), (0o644, 0o755));
}

#[test]
fn a_file_that_another_user_may_hold_open_is_made_anew() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let tree = Tree::create(temp.path());
    let content = random(3 * CHUNK, 4);
    let mut snapshot = Snapshot::default();
    for name in ["foreign", "group", "world", "own"] {
        snapshot.file(name, &content).entry.mode = 0o4755;
        tree.file(name, &content);
    }
    tree.owner("foreign", 12_345, 0).owner("group", 0, 12_345).mode("group", 0o664).mode("world", 0o646);
    let held = ["foreign", "group", "world", "own"]
        .map(|name| fs::OpenOptions::new().write(true).open(tree.path(name)).unwrap());
    let answers = Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always));
    answers.good();
    assert_eq!(answers.blobs, 0, "nothing had to be sent");
    for (name, held) in ["foreign", "group", "world", "own"].into_iter().zip(held) {
        held.write_all_at(b"injected", 0).unwrap();
        let stat = fs::metadata(tree.path(name)).unwrap();
        assert_eq!((stat.uid(), stat.gid()), (0, 0));
        if name != "own" {
            assert!(fs::read(tree.path(name)).unwrap() == content, "{name}");
            assert_eq!(stat.mode() & 0o7777, 0o4755, "{name}");
        }
    }
}
