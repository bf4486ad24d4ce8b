//! Documents, keys and whole repositories.

use std::sync::Arc;

use holdfast_model::CancelToken;
use holdfast_repo::catalogue::Walk;
use holdfast_repo::tree::Tree as TreeDocument;
use holdfast_repo::{
    BlobKind, ChunkerKind, Chunking, IngestSession, InitOptions, OpenOptions, Proof, RepoErrorKind, Repository,
    Snapshot, SnapshotFilter,
};
use holdfast_store::{LocalStore, Sleep};
use holdfast_testkit::{Restic, Tree, require_root, temp_dir};

use crate::fixture::{CHEAP, Fixture, PASSWORD};

#[test]
fn every_tree_of_restic_is_written_again_to_the_last_byte() {
    if !require_root() {
        return;
    }
    let Some(fixture) = Fixture::empty() else { return };
    Tree::create(&fixture.source).every_kind();
    fixture.backup();
    let repository = fixture.open_with_index();
    let engine = repository.engine();
    let view = engine.index();
    let mut trees = 0;
    for (id, _) in view.blobs(BlobKind::Tree) {
        let document = engine.load_blob(BlobKind::Tree, &id).unwrap();
        let tree = TreeDocument::parse(&document).unwrap();
        assert_eq!(String::from_utf8(tree.to_bytes()).unwrap(), String::from_utf8(document).unwrap());
        trees += 1;
    }
    assert!(trees > 3);
}

#[test]
fn a_repository_of_restic_opens_and_keeps_rabin() {
    let Some(fixture) = Fixture::by_restic_alone() else { return };
    let repository = fixture.open_with_index();
    assert!(matches!(repository.chunking(), Chunking::Rabin { .. }));
    let snapshots = repository.snapshots().unwrap();
    assert_eq!(snapshots.len(), 2);
    assert_eq!(snapshots[1].parent, Some(snapshots[0].id));
    let latest = repository.find_snapshot("latest", &SnapshotFilter::default()).unwrap();
    let listed = Walk::new(repository.engine(), b"/", latest.tree).count();
    let by_restic =
        fixture.json(["ls", "--json", "latest"]).iter().filter(|line| line["message_type"] == "node").count();
    assert_eq!(listed, by_restic);
    assert_eq!(wrong_password(&fixture), RepoErrorKind::WrongPassword);
}

fn wrong_password(fixture: &Fixture) -> RepoErrorKind {
    let store = Arc::new(LocalStore::new(&fixture.repository));
    Repository::open(store, b"another", OpenOptions::default()).unwrap_err().kind()
}

#[test]
fn restic_opens_what_we_make_whichever_the_chunker() {
    for chunker in [ChunkerKind::Gear, ChunkerKind::Rabin] {
        let dir = temp_dir();
        let place = dir.path().join("repository");
        let Some(restic) = Restic::new(&place, PASSWORD) else { return };
        let store = Arc::new(LocalStore::new(&place));
        let init = InitOptions { chunker, kdf_cost: CHEAP };
        let repository = Repository::init(store, PASSWORD.as_bytes(), init, OpenOptions::default()).unwrap();
        restic.check_read_data();
        let config: serde_json::Value = serde_json::from_str(&restic.ok(["cat", "config"])).unwrap();
        assert_eq!(config["id"], repository.id().to_string());
        let source = Tree::create(dir.path().join("source"));
        source.random_file("file", 3 << 20, 7);
        restic.ok(["backup", source.root().to_str().unwrap()]);
        restic.check_read_data();
        assert_eq!(repository.snapshots().unwrap().len(), 1);
        assert_eq!(repository.chunking(), reopened(&place).chunking(), "still ours after restic wrote to it");
    }
}

fn reopened(place: &std::path::Path) -> Repository {
    Repository::open(Arc::new(LocalStore::new(place)), PASSWORD.as_bytes(), OpenOptions::default()).unwrap()
}

#[test]
fn a_snapshot_of_ours_in_a_repository_of_restic_is_read_by_both() {
    let Some(fixture) = Fixture::by_restic_alone() else { return };
    let repository = fixture.open_with_index();
    let first = repository.snapshots().unwrap().remove(0);
    let session = IngestSession::begin(&repository, Box::new(|_| {}), &Sleep::new(CancelToken::new())).unwrap();
    let content = b"ours".to_vec();
    let id = holdfast_model::BlobId::new(holdfast_chunker::sha256(&content));
    session.put_data(id, content, Proof::Verified).unwrap();
    let mut node = holdfast_repo::tree::Node::new(
        "of ours \"\u{202e}".as_bytes(),
        holdfast_repo::tree::NodeKind::File { content: vec![id] },
        0o640,
    );
    node.size = 4;
    let tree = session.put_tree(&TreeDocument::new(vec![node]).unwrap()).unwrap();
    let mut snapshot = Snapshot::new(first.time, tree);
    snapshot.paths = vec!["/ours <&>".to_owned()];
    snapshot.hostname = "elsewhere".to_owned();
    session.commit(snapshot, |_, _| {}).unwrap();
    fixture.restic.check_read_data();
    let listed = fixture.json(["snapshots", "--json", "--host", "elsewhere"]);
    assert_eq!(listed[0][0]["paths"][0], "/ours <&>");
    let listed = fixture.json(["ls", "--json", "latest", "--host", "elsewhere"]);
    assert_eq!(listed[1]["name"], "of ours \"\u{202e}");
    assert_eq!(fixture.restic.ok(["dump", "--host", "elsewhere", "latest", "/of ours \"\u{202e}"]), "ours");
    assert_eq!(repository.snapshots().unwrap().len(), 3);
}

#[test]
fn keys_of_either_open_for_the_other() {
    let Some(fixture) = Fixture::empty() else { return };
    let repository = fixture.open();
    repository.add_key(b"second", None, CHEAP).unwrap();
    let second = Restic::new(&fixture.repository, "second").unwrap();
    second.ok(["cat", "masterkey"]);
    let file = fixture.dir.path().join("new-password");
    std::fs::write(&file, "third").unwrap();
    second.ok(["key", "add", "--new-password-file", file.to_str().unwrap()]);
    let store = Arc::new(LocalStore::new(&fixture.repository));
    let third = Repository::open(store, b"third", OpenOptions::default()).unwrap();
    assert_eq!(third.keys().unwrap().len(), 3);
    third.change_password(b"fourth", None, CHEAP).unwrap();
    Restic::new(&fixture.repository, "fourth").unwrap().ok(["cat", "config"]);
    let third = Restic::new(&fixture.repository, "third").unwrap();
    assert_eq!(third.run(["cat", "config"]).status.code(), Some(12));
}

#[test]
fn a_repository_of_version_1_is_read_and_not_written() {
    let dir = temp_dir();
    let place = dir.path().join("repository");
    let Some(restic) = Restic::new(&place, PASSWORD) else { return };
    restic.ok(["init", "--repository-version", "1"]);
    let source = Tree::create(dir.path().join("source"));
    source.random_file("file", 1 << 20, 3);
    restic.ok(["backup", source.root().to_str().unwrap()]);
    let repository = reopened(&place);
    repository.engine().refresh().unwrap();
    let snapshot = repository.find_snapshot("latest", &SnapshotFilter::default()).unwrap();
    assert!(Walk::new(repository.engine(), b"/", snapshot.tree).all(|entry| entry.is_ok()));
    let error = repository.check_writable().unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::Refused);
    assert!(error.to_string().contains("upgrade_repo_v2"), "{error}");
    let pause = Sleep::new(CancelToken::new());
    drop(repository.lock(holdfast_repo::LockMode::Shared, &pause).unwrap());
    restic.check_read_data();
}
