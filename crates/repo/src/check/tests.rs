//! Checks of indexes that disagree; tests/restic.rs has damaged files and compares the verdicts with restic.

use holdfast_model::{BlobId, Silent};
use sha2::{Digest, Sha256};

use super::*;
use crate::testing::{TestPause, repository};
use crate::tree::{Node, NodeKind, Tree};
use crate::{IngestSession, Proof, Snapshot};

/// A repository with one snapshot of one file of three blobs.
fn with_a_snapshot() -> Repository {
    let (repository, _, clock) = repository();
    let session = IngestSession::begin(&repository, Box::new(|_| {}), &TestPause::new()).unwrap();
    let content = ["one", "two", "three"].map(|text| {
        let id = BlobId::new(Sha256::digest(text).into());
        session.put_data(id, text.as_bytes().to_vec(), Proof::Verified).unwrap();
        id
    });
    let node = Node::new(&b"file"[..], NodeKind::File { content: content.to_vec() }, 0o600);
    let tree = session.put_tree(&Tree::new(vec![node]).unwrap()).unwrap();
    let now = holdfast_model::Clock::now(&*clock);
    session.commit(Snapshot::new(now.into(), tree), |_, _| {}).unwrap();
    repository
}

/// Writes the index files once more, each changed by `edit`.
fn index_again(repository: &Repository, edit: impl Fn(&mut serde_json::Value)) {
    for file in repository.store().list(FileKind::Index).unwrap() {
        let document = repository.load_unpacked(FileKind::Index, &file.id).unwrap();
        let mut document: serde_json::Value = serde_json::from_slice(&document).unwrap();
        edit(&mut document);
        repository.save_unpacked(FileKind::Index, document.to_string().as_bytes()).unwrap();
    }
}

fn run(repository: &Repository) -> CheckReport {
    check(repository, ReadData::Everything, &Silent, &CancelToken::new()).unwrap()
}

#[test]
fn a_pack_that_two_index_files_name_alike_is_only_untidy() {
    let repository = with_a_snapshot();
    assert!(run(&repository).findings.is_empty());
    index_again(&repository, |_| {});
    let report = run(&repository);
    assert_eq!(report.errors().count(), 0, "{:?}", report.findings);
    assert_eq!(report.findings.len(), 2);
    assert!(report.findings.iter().all(|finding| matches!(finding, Finding::PackRepeated { files: 2, .. })));
}

#[test]
fn a_pack_that_two_index_files_name_differently_is_an_error() {
    let repository = with_a_snapshot();
    index_again(&repository, |document| {
        for pack in document["packs"].as_array_mut().unwrap() {
            pack["blobs"].as_array_mut().unwrap().truncate(1);
        }
    });
    let report = run(&repository);
    let disputed = |finding: &&Finding| matches!(finding, Finding::PackDisputed { .. });
    assert_eq!(report.errors().filter(disputed).count(), 1, "{:?}", report.findings);
    assert_eq!(report.errors().count(), 1, "{:?}", report.findings);
}

#[test]
fn an_index_that_lies_about_a_pack_is_found_when_the_pack_is_read() {
    let repository = with_a_snapshot();
    let old: Vec<_> = repository.store().list(FileKind::Index).unwrap();
    index_again(&repository, |document| {
        for pack in document["packs"].as_array_mut().unwrap() {
            for blob in pack["blobs"].as_array_mut().unwrap() {
                if blob["type"] == "data" && blob["offset"] == 0 {
                    blob["id"] = "ab".repeat(32).into();
                }
            }
        }
    });
    for file in old {
        repository.store().remove(FileKind::Index, &file.id).unwrap();
    }
    let report = run(&repository);
    assert!(report.errors().any(|finding| matches!(finding, Finding::MissingBlob { .. })), "{:?}", report.findings);
    let lie = |finding: &Finding| matches!(finding, Finding::PackData { source: PackFault::NotIndexed { .. }, .. });
    assert!(report.findings.iter().any(lie), "{:?}", report.findings);
}
