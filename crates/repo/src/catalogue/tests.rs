//! Walks, searches, differences, dumps and sizes over blobs in memory; tests/restic.rs compares them with restic.

use std::sync::atomic::Ordering;

use holdfast_model::pattern::Verdict;
use holdfast_model::{CancelToken, Timestamp};

use super::*;
use crate::testing::MapBlobs;
use crate::tree::{Node, NodeKind, Xattr};

fn paths(walk: impl Iterator<Item = Result<WalkEntry, CatalogueError>>) -> Vec<String> {
    let shown = |entry: Result<WalkEntry, CatalogueError>| match entry {
        Ok(entry) => String::from_utf8(entry.path).unwrap(),
        Err(error) => format!("! {error}"),
    };
    walk.map(shown).collect()
}

/// `/a/one`, `/a/sub/two`, `/b`, `/link`
fn small(blobs: &mut MapBlobs) -> TreeId {
    let two = blobs.file("two", &["2"]);
    let sub = blobs.dir("sub", vec![two]);
    let one = blobs.file("one", &["1", "11"]);
    let a = blobs.dir("a", vec![one, sub]);
    let b = blobs.file("b", &[]);
    let link = Node::new(&b"link"[..], NodeKind::Symlink { target: b"a".as_slice().into() }, 0o777);
    blobs.add_tree(vec![a, b, link])
}

#[test]
fn paths_lead_to_what_is_there() {
    let mut blobs = MapBlobs::default();
    let root = small(&mut blobs);
    let Place::Node(two) = resolve(&blobs, root, b"/a/sub/two").unwrap() else { panic!() };
    assert_eq!(&*two.name, b"two");
    for path in ["/", "", "//.", "/a/..", "/../.."] {
        assert!(matches!(resolve(&blobs, root, path.as_bytes()).unwrap(), Place::Root(id) if id == root), "{path}");
    }
    assert!(resolve(&blobs, root, b"a/./sub//").unwrap().tree().is_some());
    let error = |path: &[u8]| resolve(&blobs, root, path).unwrap_err().to_string();
    assert_eq!(error(b"/a/three/x"), "there is nothing at /a/three in the snapshot");
    assert_eq!(error(b"/b/x"), "/b is no directory in the snapshot");
    assert_eq!(error(b"/link/one"), "/link is no directory in the snapshot");
}

#[test]
fn a_walk_goes_through_everything_in_order() {
    let mut blobs = MapBlobs::default();
    let root = small(&mut blobs);
    assert_eq!(paths(Walk::new(&blobs, b"/", root)), ["/a", "/a/one", "/a/sub", "/a/sub/two", "/b", "/link"]);
    let a = resolve(&blobs, root, b"/a").unwrap().tree().unwrap();
    assert_eq!(paths(Walk::new(&blobs, b"/a", a)), ["/a/one", "/a/sub", "/a/sub/two"]);
    let mut walk = Walk::new(&blobs, b"/", root);
    walk.next();
    walk.pass_over();
    assert_eq!(paths(walk), ["/b", "/link"]);
}

#[test]
fn a_directory_that_cannot_be_read_is_reported_and_passed_over() {
    let mut blobs = MapBlobs::default();
    let root = small(&mut blobs);
    let sub = resolve(&blobs, root, b"/a/sub").unwrap().tree().unwrap();
    blobs.lose_tree(sub);
    let read = "! cannot read /a/sub from the repository";
    assert_eq!(paths(Walk::new(&blobs, b"/", root)), ["/a", "/a/one", "/a/sub", read, "/b", "/link"]);
}

#[test]
fn an_entry_that_cannot_be_understood_is_reported_and_hides_nothing_else() {
    let mut blobs = MapBlobs::default();
    let root = small(&mut blobs);
    let sub = resolve(&blobs, root, b"/a/sub").unwrap().tree().unwrap();
    let document =
        br#"{"nodes":[{"name":"..","type":"fifo"},{"name":"two","type":"fifo"},{"name":"x","type":"whiteout"}]}"#;
    blobs.put_tree(sub, document);
    let fault = "! an entry of /a/sub is left out";
    let all = ["/a", "/a/one", "/a/sub", fault, fault, "/a/sub/two", "/b", "/link"];
    assert_eq!(paths(Walk::new(&blobs, b"/", root)), all);
    let (_, summary) = differences(&blobs, root, root, false);
    assert_eq!(summary.errors.len(), 2);
}

#[test]
fn depth_is_no_matter() {
    let mut blobs = MapBlobs::default();
    let chain = |blobs: &mut MapBlobs, content: &str| {
        let leaf = blobs.file("f", &[content]);
        let mut node = blobs.dir("d", vec![leaf]);
        for _ in 0..3_000 {
            node = blobs.dir("d", vec![node]);
        }
        blobs.add_tree(vec![node])
    };
    let (a, b) = (chain(&mut blobs, "a"), chain(&mut blobs, "b"));
    let cancel = CancelToken::new();
    assert_eq!(Walk::new(&blobs, b"/", a).count(), 3_002);
    // In little stack.
    let compare = || diff(&blobs, (a, b), DiffOptions::default(), &cancel, &mut |_| {}).unwrap().changed_files;
    let changed = std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, compare).unwrap().join().unwrap()
    });
    assert_eq!(changed, 1);
}

fn differences(blobs: &MapBlobs, a: TreeId, b: TreeId, metadata: bool) -> (Vec<String>, DiffSummary) {
    let mut seen = Vec::new();
    let mut report = |diff: Diff| seen.push(format!("{} {}", diff.change.sign(), display_path(&diff.path)));
    let summary = diff(blobs, (a, b), DiffOptions { metadata }, &CancelToken::new(), &mut report).unwrap();
    (seen, summary)
}

#[test]
fn differences_are_those_that_restic_tells() {
    let mut blobs = MapBlobs::default();
    let first = {
        let files = vec![blobs.file("gone", &["g"]), blobs.file("same", &["s"]), blobs.file("changed", &["c", "d"])];
        let dir = blobs.dir("dir", files);
        let inner = blobs.file("inner", &["i"]);
        let lost = blobs.dir("lost", vec![inner]);
        let kind = blobs.file("kind", &["k"]);
        let rot = blobs.file("rot", &["r"]);
        let common = blobs.file("common", &["x"]);
        let equal = blobs.dir("equal", vec![common]);
        blobs.add_tree(vec![dir, lost, kind, rot, equal])
    };
    let second = {
        let mut touched = blobs.file("same", &["s"]);
        touched.mtime.at.seconds = 9;
        let mut changed = blobs.file("changed", &["c", "e", "x"]);
        changed.mtime.at.seconds = 9;
        let dir = blobs.dir("dir", vec![touched, changed]);
        let kind = Node::new(&b"kind"[..], NodeKind::Fifo, 0o644);
        let rot = blobs.file("rot", &["R"]);
        let common = blobs.file("common", &["x"]);
        let equal = blobs.dir("equal", vec![common]);
        let new = blobs.file("n", &["n"]);
        let new = blobs.dir("new", vec![new]);
        blobs.add_tree(vec![dir, kind, rot, equal, new])
    };
    let (seen, summary) = differences(&blobs, first, second, false);
    assert_eq!(
        seen,
        ["M /dir/changed", "- /dir/gone", "T /kind", "- /lost/", "- /lost/inner", "+ /new/", "+ /new/n", "M? /rot"]
    );
    assert!(summary.errors.is_empty());
    assert_eq!(summary.changed_files, 2);
    assert_eq!((summary.removed.files, summary.removed.dirs, summary.removed.others), (2, 1, 0));
    assert_eq!((summary.added.files, summary.added.dirs), (1, 1));
    // "x" is also in a directory that both have.
    assert_eq!((summary.added.data_blobs, summary.added.tree_blobs), (3, 3), "e, n, R; root, dir, new");
    assert_eq!((summary.removed.data_blobs, summary.removed.tree_blobs), (5, 3), "d, g, i, k, r; root, dir, lost");
    let (seen, _) = differences(&blobs, first, second, true);
    assert!(seen.contains(&"U /dir/same".to_owned()) && seen.contains(&"TU /kind".to_owned()), "{seen:?}");
    assert_eq!(differences(&blobs, first, first, true).0, [""; 0]);
}

#[test]
fn a_search_does_not_read_again_what_it_found_nothing_in() {
    let mut blobs = MapBlobs::default();
    let root = small(&mut blobs);
    let mut find = Find::new(&blobs, |path| Verdict { matched: path.ends_with(b"/b"), child_may_match: true });
    let cancel = CancelToken::new();
    for (round, reads) in [3, 1].into_iter().enumerate() {
        blobs.reads.store(0, Ordering::Relaxed);
        let mut found = Vec::new();
        find.search(root, &cancel, |entry| found.push(entry.unwrap().path.clone())).unwrap();
        assert_eq!(found, [b"/b"]);
        assert_eq!(blobs.reads.load(Ordering::Relaxed), reads, "round {round}");
    }
}

#[test]
fn a_search_finds_the_same_in_each_snapshot() {
    let mut blobs = MapBlobs::default();
    let root = small(&mut blobs);
    let old = blobs.file("old", &["1"]);
    let other = blobs.add_tree(vec![old]);
    let mut find =
        Find::new(&blobs, |path| Verdict { matched: path.contains(&b'o'), child_may_match: path != b"/a/sub" });
    for (tree, expected) in [(root, vec!["/a/one"]), (other, vec!["/old"]), (root, vec!["/a/one"])] {
        let mut found = Vec::new();
        let note = |entry: Result<&WalkEntry, _>| found.push(display_path(&entry.unwrap().path));
        find.search(tree, &CancelToken::new(), note).unwrap();
        assert_eq!(found, expected);
    }
    let time = |seconds| Some(Timestamp { seconds, nanoseconds: 0 });
    for (oldest, newest, count) in [(time(0), time(0), 6), (time(1), None, 0), (None, time(-1), 0)] {
        let mut find = Find::new(&blobs, |_| Verdict { matched: true, child_may_match: true }).changed(oldest, newest);
        let mut found = 0;
        find.search(root, &CancelToken::new(), |_| found += 1).unwrap();
        assert_eq!(found, count);
    }
}

#[test]
fn blobs_and_trees_are_found_where_they_are_used() {
    let mut blobs = MapBlobs::default();
    let root = small(&mut blobs);
    let sub = resolve(&blobs, root, b"/a/sub").unwrap().tree().unwrap();
    let objects = Objects { data: [blobs.add_data(b"11")].into(), trees: [sub, root].into() };
    let mut found = Vec::new();
    objects.search(&blobs, root, &CancelToken::new(), |path, _, _| found.push(display_path(path))).unwrap();
    assert_eq!(found, ["/", "/a/one", "/a/sub"]);
}

#[test]
fn sizes_are_counted_in_four_ways() {
    let mut blobs = MapBlobs::default();
    let mut hard = blobs.file("h1", &["hard"]);
    (hard.links, hard.inode) = (2, 5);
    let again = Node { name: b"h2".as_slice().into(), ..hard.clone() };
    let copy = blobs.file("copy", &["hard"]);
    let two = blobs.file("two", &["x", "x", "hard"]);
    let root = blobs.add_tree(vec![hard, again, copy, two]);
    let count = |mode, trees: &[TreeId]| {
        let mut stats = Stats::new(&blobs, mode, 2);
        for tree in trees {
            stats.add(*tree, &CancelToken::new()).unwrap();
        }
        stats.finish().unwrap()
    };
    let restore = count(StatsMode::RestoreSize, &[root, root]);
    assert_eq!((restore.size, restore.files, restore.snapshots), (2 * (4 + 4 + 6), 8, 2));
    let contents = count(StatsMode::FilesByContents, &[root, root]);
    assert_eq!((contents.size, contents.files), (4 + 6, 2));
    let per_file = count(StatsMode::BlobsPerFile, &[root, root]);
    assert_eq!((per_file.size, per_file.files, per_file.blobs), (4 + 1 + 4, 2, 3));
    let tree = blobs.size(BlobKind::Tree, root.into()).unwrap().stored;
    let raw = count(StatsMode::RawData, &[root, root]);
    assert_eq!((raw.size, raw.blobs), (tree + 33 + 36, 3));
}

#[test]
fn a_file_is_written_out_in_order_whatever_its_length() {
    let mut blobs = MapBlobs::default();
    for parts in [0, 1, 2, 100] {
        let parts: Vec<String> = (0..parts).map(|i| format!("part {i},")).collect();
        let node = blobs.file("f", &parts.iter().map(String::as_str).collect::<Vec<_>>());
        let mut out = Vec::new();
        dump_file(&blobs, b"/f", &node, &mut out, &CancelToken::new()).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), parts.concat());
    }
    let fifo = Node::new(&b"f"[..], NodeKind::Fifo, 0);
    let error = dump_file(&blobs, b"/f", &fifo, &mut Vec::new(), &CancelToken::new()).unwrap_err();
    assert!(matches!(error, CatalogueError::NotAFile { .. }));
}

#[test]
fn a_dump_ends_at_a_missing_blob_a_full_disk_or_a_cancellation() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut blobs = MapBlobs::default();
    let parts: Vec<String> = (0..50).map(|i| i.to_string()).collect();
    let mut node = blobs.file("f", &parts.iter().map(String::as_str).collect::<Vec<_>>());
    let cancel = CancelToken::new();
    let error = dump_file(&blobs, b"/f", &node, &mut Full, &cancel).unwrap_err();
    assert!(matches!(error, CatalogueError::Write { .. }));
    let NodeKind::File { content } = &mut node.kind else { panic!() };
    content[30] = BlobId::new([9; 32]);
    let error = dump_file(&blobs, b"/f", &node, &mut Vec::new(), &cancel).unwrap_err();
    assert!(matches!(error, CatalogueError::Read { .. }));
    cancel.cancel();
    let error = dump_file(&blobs, b"/f", &node, &mut Vec::new(), &cancel).unwrap_err();
    assert!(matches!(error, CatalogueError::Cancelled));
}

/// What GNU tar lists of an archive: type and mode, owner, size, time, name.
fn listed(archive: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.tar");
    std::fs::write(&file, archive).unwrap();
    let output = std::process::Command::new("tar")
        .args(["--numeric-owner", "--full-time", "--utc", "--quoting-style=escape", "-tvf"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let list = String::from_utf8(output.stdout).unwrap();
    list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[test]
fn an_archive_holds_what_tar_can_hold() {
    let mut blobs = MapBlobs::default();
    let mut file = blobs.file("file", &["hello ", "world"]);
    (file.mtime.at.seconds, file.mtime.at.nanoseconds) = (1_000_000_000, 123_456_789);
    (file.uid, file.gid, file.links, file.inode) = (4_000_000_000, 12, 2, 77);
    file.mode = crate::tree::FileMode::new(0o4750, &file.kind);
    file.xattrs = vec![Xattr { name: b"user.x".as_slice().into(), value: b"\0=\n".as_slice().into() }];
    let hard = Node { name: b"hard".as_slice().into(), ..file.clone() };
    let long = blobs.file(&"n".repeat(255), &["l"]);
    let link = Node::new(&b"link"[..], NodeKind::Symlink { target: vec![b't'; 300].into() }, 0o777);
    let device = Node::new(&b"null"[..], NodeKind::Char { device: rustix::fs::makedev(1, 3) }, 0o666);
    let fifo = Node::new(&b"pipe"[..], NodeKind::Fifo, 0o600);
    let socket = Node::new(&b"socket"[..], NodeKind::Socket, 0o600);
    let mut old = blobs.file("\u{e4}\u{ff}", &[]);
    old.mtime.at = Timestamp { seconds: -2, nanoseconds: 500_000_000 };
    let sub = blobs.dir("sub", vec![file, hard, long, link, device, fifo, socket, old]);
    let tree = sub.subtree().unwrap();
    let mut archive = Vec::new();
    dump_tar(&blobs, b"/etc/sub", tree, &mut archive, &CancelToken::new()).unwrap();
    assert_eq!(archive.len() % 512, 0);
    let list = listed(&archive);
    assert_eq!(list.lines().count(), 7, "all but the socket:\n{list}");
    assert!(list.contains("-rwsr-x--- 4000000000/12 11 2001-09-09 01:46:40.123456789 etc/sub/file\n"), "{list}");
    assert!(list.contains("etc/sub/hard link to etc/sub/file\n"), "{list}");
    assert!(list.contains(&format!("etc/sub/{}\n", "n".repeat(255))));
    assert!(list.contains(&format!("etc/sub/link -> {}\n", "t".repeat(300))));
    assert!(list.contains("crw-rw-rw- 0/0 1,3 "), "{list}");
    assert!(list.contains("prw------- 0/0 0 "), "{list}");
    let pax = String::from_utf8_lossy(&archive);
    assert!(pax.contains("14 mtime=-1.5\n"), "as GNU tar writes it");
    assert!(pax.contains("27 SCHILY.xattr.user.x=\0=\n\n"), "attributes may hold anything");
}
