//! Listings, searches, differences, dumps and sizes, compared with restic's.

use std::ffi::OsStr;

use holdfast_model::CancelToken;
use holdfast_model::pattern::PatternList;
use holdfast_repo::catalogue::{
    Diff, DiffOptions, DiffStats, Find, Place, Stats, StatsMode, Totals, Walk, diff, dump_file, dump_tar, resolve,
};
use holdfast_repo::{Repository, SavedSnapshot};
use holdfast_testkit::{CompareOptions, compare_trees};
use serde_json::{Value, json};

use crate::fixture::Fixture;

fn open(fixture: &Fixture) -> (Repository, [SavedSnapshot; 2]) {
    let repository = fixture.open_with_index();
    let snapshots = repository.snapshots().unwrap().try_into().unwrap();
    (repository, snapshots)
}

#[test]
fn a_walk_gives_what_restic_lists() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let (repository, [first, _]) = open(&fixture);
    let ours: Vec<Value> = Walk::new(repository.engine(), b"/", first.tree)
        .map(|entry| {
            let entry = entry.unwrap();
            let node = entry.node();
            let path = String::from_utf8(entry.path.clone()).unwrap();
            json!([path, node.kind.as_str(), node.uid, node.gid, node.mode.bits(), node.inode])
        })
        .collect();
    let nodes = fixture.json(["ls", "--json", &first.id.to_string()]);
    let theirs: Vec<Value> = nodes
        .iter()
        .filter(|node| node["message_type"] == "node")
        .map(|node| json!([node["path"], node["type"], node["uid"], node["gid"], node["mode"], node["inode"]]))
        .collect();
    assert_eq!(ours, theirs);
}

fn as_json(stats: &DiffStats) -> Value {
    json!({
        "files": stats.files, "dirs": stats.dirs, "others": stats.others,
        "data_blobs": stats.data_blobs, "tree_blobs": stats.tree_blobs, "bytes": stats.bytes,
    })
}

#[test]
fn differences_are_those_of_restic() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let (repository, [first, second]) = open(&fixture);
    for (a, b) in [(&first, &second), (&second, &first), (&first, &first)] {
        for metadata in [false, true] {
            let mut ours = Vec::new();
            let mut report = |diff: Diff| {
                ours.push(json!([diff.change.sign(), String::from_utf8(diff.path).unwrap()]));
            };
            let options = DiffOptions { metadata };
            let summary =
                diff(repository.engine(), (a.tree, b.tree), options, &CancelToken::new(), &mut report).unwrap();
            let mut arguments = vec!["diff".to_owned(), "--json".to_owned(), a.id.to_string(), b.id.to_string()];
            arguments.extend(metadata.then(|| "--metadata".to_owned()));
            let mut theirs = fixture.json(arguments);
            let statistics = theirs.pop().unwrap();
            let theirs: Vec<Value> = theirs.iter().map(|line| json!([line["modifier"], line["path"]])).collect();
            assert_eq!(ours, theirs);
            assert!(summary.errors.is_empty());
            assert_eq!(summary.changed_files, statistics["changed_files"].as_u64().unwrap());
            assert_eq!(as_json(&summary.added), statistics["added"]);
            assert_eq!(as_json(&summary.removed), statistics["removed"]);
        }
    }
}

#[test]
fn sizes_are_those_of_restic() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let (repository, snapshots) = open(&fixture);
    for (mode, name) in [
        (StatsMode::RestoreSize, "restore-size"),
        (StatsMode::FilesByContents, "files-by-contents"),
        (StatsMode::BlobsPerFile, "blobs-per-file"),
        (StatsMode::RawData, "raw-data"),
    ] {
        let mut stats = Stats::new(repository.engine(), mode, repository.version());
        for snapshot in &snapshots {
            stats.add(snapshot.tree, &CancelToken::new()).unwrap();
        }
        let ours: Totals = stats.finish().unwrap();
        let theirs = fixture.json(["stats", "--json", "--mode", name]).pop().unwrap();
        let number = |field: &str| theirs[field].as_u64().unwrap_or(0);
        assert_eq!(ours.size, number("total_size"), "{name}");
        assert_eq!(ours.files, number("total_file_count"), "{name}");
        assert_eq!(ours.blobs, number("total_blob_count"), "{name}");
        assert_eq!(ours.uncompressed, number("total_uncompressed_size"), "{name}");
        assert_eq!(ours.snapshots, number("snapshots_count"), "{name}");
        if mode == StatsMode::RawData {
            let near = |ours: Option<f64>, field: &str| (ours.unwrap() - theirs[field].as_f64().unwrap()).abs() < 1e-9;
            assert!(near(ours.compression_ratio(), "compression_ratio"));
            assert!(near(ours.compression_progress(), "compression_progress"));
            assert!(near(ours.space_saving(), "compression_space_saving"));
        }
    }
}

#[test]
fn a_search_finds_what_restic_finds() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let (repository, snapshots) = open(&fixture);
    for pattern in ["*.conf", "conf.d", "/**/many/*1*", "nothing", "also-?"] {
        search(&fixture, &repository, &snapshots, pattern);
    }
}

fn search(fixture: &Fixture, repository: &Repository, snapshots: &[SavedSnapshot], pattern: &str) {
    let patterns = PatternList::parse([pattern], false).unwrap();
    let mut find = Find::matching(repository.engine(), &patterns);
    let theirs = fixture.json(["find", "--json", pattern]).pop().unwrap();
    for snapshot in snapshots {
        let mut ours = Vec::new();
        let note = |entry: Result<&holdfast_repo::catalogue::WalkEntry, _>| {
            ours.push(String::from_utf8(entry.unwrap().path.clone()).unwrap());
        };
        find.search(snapshot.tree, &CancelToken::new(), note).unwrap();
        // Snapshots without a match are not listed.
        let found = theirs.as_array().unwrap().iter().find(|found| found["snapshot"] == snapshot.id.to_string());
        let found = found.and_then(|found| found["matches"].as_array()).into_iter().flatten();
        let theirs: Vec<&str> = found.map(|found| found["path"].as_str().unwrap()).collect();
        assert_eq!(ours, theirs);
    }
}

#[test]
fn a_dump_gives_back_files_and_directories() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let (repository, [_, second]) = open(&fixture);
    let cancel = CancelToken::new();
    let large = fixture.source.join("large");
    let path = large.to_str().unwrap().as_bytes();
    let Place::Node(node) = resolve(repository.engine(), second.tree, path).unwrap() else { panic!() };
    let mut out = Vec::new();
    dump_file(repository.engine(), path, &node, &mut out, &cancel).unwrap();
    assert!(out == std::fs::read(&large).unwrap());

    let path = fixture.source.to_str().unwrap().as_bytes();
    let tree = resolve(repository.engine(), second.tree, path).unwrap().tree().unwrap();
    let archive = fixture.dir.path().join("archive.tar");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&archive).unwrap());
    dump_tar(repository.engine(), path, tree, &mut file, &cancel).unwrap();
    std::io::Write::flush(&mut file).unwrap();
    let target = fixture.dir.path().join("unpacked");
    std::fs::create_dir(&target).unwrap();
    let unpacked = std::process::Command::new("tar")
        .args([OsStr::new("-xpf"), archive.as_os_str(), OsStr::new("-C"), target.as_os_str()])
        .output()
        .unwrap();
    assert!(unpacked.status.success() && unpacked.stderr.is_empty(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    let unpacked = target.join(fixture.source.strip_prefix("/").unwrap());
    assert_eq!(compare_trees(&fixture.source, &unpacked, &CompareOptions::default()), []);
}
