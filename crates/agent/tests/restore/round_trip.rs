//! What was read comes back equal.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use holdfast_testkit::{CompareOptions, Prng, Tree, compare_trees, require_root, temp_dir};
use holdfast_wire::{Overwrite, RestoreOutcome};

use crate::server::{Server, job};
use crate::snapshot::Snapshot;

#[track_caller]
pub(crate) fn assert_equal(source: &Path, target: &Path) {
    let options = CompareOptions { root: true, ..CompareOptions::default() }.keeping_holes(4096);
    let differences = compare_trees(source, target, &options);
    let shown: Vec<String> = differences.iter().take(20).map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{} differences: {shown:#?}", differences.len());
}

#[test]
fn every_kind_of_file_comes_back() {
    let temp = temp_dir();
    let source = Tree::create(temp.path().join("source"));
    source.every_kind();
    let snapshot = Snapshot::of(source.root());
    let target = temp.path().join("to/target");
    let answers = Server::of(&snapshot).restore(job(&target, Overwrite::Always));
    let summary = answers.good();
    assert_eq!(summary.restored, snapshot.nodes.len() as u64);
    assert_equal(source.root(), &target);

    let again = Server::of(&snapshot).restore(job(&target, Overwrite::Always));
    assert_eq!(again.blobs, 0, "what is there already is not sent again");
    again.good();
    assert_equal(source.root(), &target);
}

#[test]
fn small_windows_give_the_same() {
    let temp = temp_dir();
    let source = Tree::create(temp.path().join("source"));
    source.every_kind();
    let snapshot = Snapshot::of(source.root());
    let target = temp.path().join("target");
    let server = Server { window: 7, ..Server::of(&snapshot) };
    server.restore(job(&target, Overwrite::Never)).good();
    assert_equal(source.root(), &target);
}

#[test]
fn windows_that_overlap_give_the_same() {
    for window in [1, 3, 20] {
        let temp = temp_dir();
        let source = Tree::create(temp.path().join("source"));
        source.every_kind();
        for i in 0..40 {
            source.random_file(format!("more/d{}/f{i}", i % 7), i * 5_000, i);
        }
        source.hard_link("more/d6/twin", "more/d1/f8");
        let snapshot = Snapshot::of(source.root());
        let target = temp.path().join("target");
        // Into nothing, then over what is there and partly wrong.
        for round in 0..2 {
            let server = Server { window, ahead: true, ..Server::of(&snapshot) };
            let summary = server.restore(job(&target, Overwrite::Always)).good();
            assert_eq!(summary.restored + summary.unchanged, snapshot.nodes.len() as u64);
            assert_equal(source.root(), &target);
            for i in (0..40).filter(|_| round == 0).step_by(3) {
                fs::write(target.join(format!("more/d{}/f{i}", i % 7)), "other").unwrap();
            }
        }
    }
}

#[test]
fn what_is_made_in_a_directory_with_a_default_acl_has_none() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let tree = Tree::create(temp.path());
    let acl = holdfast_testkit::Acl::new(0o640, &[holdfast_testkit::AclEntry::User(1234, 6)]);
    tree.dir("target").default_acl("target", &acl);
    let mut snapshot = Snapshot::default();
    for path in ["d", "d/e"] {
        snapshot.dir(path);
        snapshot.file(format!("{path}/f"), "content");
        snapshot.file(format!("{path}/empty"), "");
    }
    Server::of(&snapshot).restore(job(&tree.path("target"), Overwrite::Always)).good();
    for path in ["d", "d/f", "d/empty", "d/e", "d/e/f", "d/e/empty"] {
        let path = tree.path("target").join(path);
        assert_eq!(rustix::fs::listxattr(&path, &mut [0u8; 4096][..]).unwrap(), 0, "{path:?}");
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode, "{path:?}");
    }
}

#[test]
fn what_is_verified_is_equal_too() {
    let temp = temp_dir();
    let source = Tree::create(temp.path().join("source"));
    source.every_kind();
    let snapshot = Snapshot::of(source.root());
    let target = temp.path().join("target");
    let job = holdfast_wire::RestoreJob { verify: true, ..job(&target, Overwrite::Always) };
    Server::of(&snapshot).restore(job).good();
    assert_equal(source.root(), &target);
}

#[test]
fn paths_longer_than_any_system_call_takes_come_back() {
    let temp = temp_dir();
    let source = Tree::create(temp.path().join("source"));
    source.deep("deep", "n".repeat(255), 200);
    let snapshot = Snapshot::of(source.root());
    let target = temp.path().join("target");
    Server::of(&snapshot).restore(job(&target, Overwrite::Always)).good();
    assert_equal(source.root(), &target);
}

#[test]
fn more_files_than_handles_come_back_whatever_the_order_of_their_blobs() {
    let temp = temp_dir();
    let mut snapshot = Snapshot::default();
    snapshot.dir("");
    let content = |i: usize| {
        let mut content = vec![0; 110_000 + i * 300];
        Prng::new(i as u64).fill(&mut content);
        content
    };
    for i in 0..600 {
        snapshot.file(format!("f{i}"), content(i));
    }
    let server = Server { window: 10_000, ..Server::of(&snapshot) };
    server.restore(job(temp.path(), Overwrite::Always)).good();
    for i in 0..600 {
        assert!(fs::read(temp.path().join(format!("f{i}"))).unwrap() == content(i), "f{i}");
    }
}

#[test]
fn a_file_whose_content_takes_several_messages_is_one_file() {
    use holdfast_agent::{Down, Downlink, LinkClosed};
    use holdfast_wire::{FromAgent, ToAgent};

    struct Lines(std::vec::IntoIter<ToAgent>);
    impl Downlink for Lines {
        fn next(&mut self) -> Result<Down, LinkClosed> {
            self.0.next().map(Down::Message).ok_or(LinkClosed)
        }
    }
    struct Kept(std::sync::Mutex<Vec<FromAgent>>);
    impl holdfast_agent::Uplink for Kept {
        fn message(&self, message: FromAgent) -> Result<(), LinkClosed> {
            self.0.lock().unwrap().push(message);
            Ok(())
        }
        fn chunk(&self, _bytes: Vec<u8>) -> Result<(), LinkClosed> {
            Err(LinkClosed)
        }
    }

    let temp = temp_dir();
    fs::write(temp.path().join("f"), vec![1; 250_000]).unwrap();
    let mut snapshot = Snapshot::default();
    let mut node = snapshot.file("f", vec![1; 250_000]).clone();
    let more = node.chunks.split_off(1);
    let messages = [
        ToAgent::Nodes(vec![node]),
        ToAgent::MoreChunks(more[..1].to_vec()),
        ToAgent::MoreChunks(more[1..].to_vec()),
        ToAgent::WindowEnd,
        ToAgent::Finish,
    ];
    let kept = std::sync::Arc::new(Kept(std::sync::Mutex::default()));
    let lines = Lines(Vec::from(messages).into_iter());
    let summary = holdfast_agent::restore::run(job(temp.path(), Overwrite::Always), kept.clone(), lines).unwrap();
    assert_eq!((summary.unchanged, summary.failed), (1, 0));
    let needs: Vec<usize> = kept
        .0
        .lock()
        .unwrap()
        .iter()
        .filter_map(|message| if let FromAgent::Needs(needs) = message { Some(needs[0].chunks.len()) } else { None })
        .collect();
    assert_eq!(needs, [3]);
}

#[test]
fn zeros_become_holes_also_where_data_was() {
    let temp = temp_dir();
    let mut content = vec![0u8; 3 << 20];
    content[1 << 20] = 1;
    let mut snapshot = Snapshot::default();
    snapshot.file("f", &content);
    for old in [None, Some(vec![9u8; 4 << 20])] {
        let path = temp.path().join("f");
        let _ = fs::remove_file(&path);
        if let Some(old) = old {
            fs::write(&path, old).unwrap();
        }
        Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always)).good();
        assert!(fs::read(&path).unwrap() == content);
        // A block that a chunk begins or ends in can stay; so many chunks there are.
        let chunks = content.len().div_ceil(crate::snapshot::CHUNK) as u64;
        assert!(fs::metadata(&path).unwrap().blocks() * 512 <= (chunks + 1) * 4096);
    }
}

#[test]
fn zeros_that_a_chunker_cuts_out_are_not_even_asked_for() {
    let temp = temp_dir();
    let mut snapshot = Snapshot::default();
    let id = holdfast_model::BlobId::new(holdfast_chunker::sha256(&vec![0; 8 << 20]));
    let node = snapshot.file("f", b"");
    node.chunks = vec![holdfast_wire::ChunkRef { id, len: 8 << 20 }; 100];
    node.entry.kind = holdfast_wire::EntryKind::File { size: 800 << 20 };
    let answers = Server::of(&snapshot).restore(job(temp.path(), Overwrite::Always));
    answers.good();
    assert_eq!(answers.blobs, 0);
    let made = fs::metadata(temp.path().join("f")).unwrap();
    assert_eq!((made.len(), made.blocks()), (800 << 20, 0));
}

#[test]
fn owners_go_by_number_unless_names_are_asked_for() {
    if !require_root() {
        return;
    }
    let temp = temp_dir();
    let mut snapshot = Snapshot::default();
    for (name, user) in [("known", "daemon"), ("unknown", "nobody-has-this-name"), ("unnamed", "")] {
        let node = snapshot.file(name, name);
        (node.user, node.group) = (user.to_owned(), user.to_owned());
        (node.entry.uid, node.entry.gid) = (4242, 2424);
    }
    let owner = |name: &str| {
        let stat = fs::metadata(temp.path().join(name)).unwrap();
        (stat.uid(), stat.gid())
    };
    let by_number = job(temp.path(), Overwrite::Always);
    Server::of(&snapshot).restore(by_number.clone()).good();
    assert_eq!(owner("known"), (4242, 2424), "a rescue system has other numbers for the same names");
    Server::of(&snapshot).restore(holdfast_wire::RestoreJob { owners_by_name: true, ..by_number }).good();
    assert_eq!(owner("known"), (1, 1), "daemon is user and group 1 on every Debian");
    assert_eq!(owner("unknown"), (4242, 2424));
    assert_eq!(owner("unnamed"), (4242, 2424));
}

#[test]
fn a_selection_brings_the_directories_on_the_way() {
    let temp = temp_dir();
    let mut snapshot = Snapshot::default();
    snapshot.file("a/b/c/one", "1");
    snapshot.file("a/b/two", "2");
    let target = temp.path().join("target");
    Server::of(&snapshot).restore(job(&target, Overwrite::Always)).good();
    assert_eq!(fs::read(target.join("a/b/c/one")).unwrap(), b"1");
    assert_eq!(fs::read(target.join("a/b/two")).unwrap(), b"2");
    let usual = Tree::create(temp.path().join("usual"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    for dir in ["", "a", "a/b", "a/b/c"] {
        assert_eq!(mode(&target.join(dir)), mode(usual.root()), "{dir}");
    }
}

#[test]
fn a_dry_run_tells_but_touches_nothing() {
    let temp = temp_dir();
    let source = Tree::create(temp.path().join("source"));
    source.every_kind();
    let snapshot = Snapshot::of(source.root());
    let target = temp.path().join("target");
    let dry = || holdfast_wire::RestoreJob { dry_run: true, delete: true, ..job(&target, Overwrite::Always) };
    let answers = Server::of(&snapshot).restore(dry());
    assert_eq!(answers.good().restored, snapshot.nodes.len() as u64);
    assert!(!target.exists());

    Server::of(&snapshot).restore(job(&target, Overwrite::Always)).good();
    fs::write(target.join("regular"), "plain CONTENT\n").unwrap();
    fs::remove_file(target.join("large")).unwrap();
    fs::create_dir(target.join("extra")).unwrap();
    fs::write(target.join("extra/file"), "").unwrap();
    let state = || {
        let mut nodes = Snapshot::of(&target).nodes;
        // Reading the tree to look at it changes these.
        nodes.iter_mut().for_each(|node| node.entry.atime = node.entry.mtime);
        nodes
    };
    let before = state();
    let answers = Server::of(&snapshot).restore(dry());
    assert_eq!(answers.good().deleted, 2);
    assert_eq!(answers.blobs, 0);
    assert_eq!(answers.outcome(&snapshot, "large"), RestoreOutcome::Restored);
    assert_eq!(answers.outcome(&snapshot, "one-byte"), RestoreOutcome::Unchanged);
    assert_eq!(answers.outcome(&snapshot, "many"), RestoreOutcome::Unchanged);
    assert!(state() == before, "not even a time has changed");
}
