//! Copies between two repositories in memory. What restic makes of them is tested in `tests/restic/engine.rs`.

use holdfast_model::{CancelToken, Silent};
use holdfast_store::{FileKind, Store};

use super::*;
use crate::testing::{PASSWORD, Source, TestPause, backup, contents, repository};
use crate::{OpenOptions, RepoErrorKind};

fn source(seed: u8) -> Source {
    let files = (0..20).map(|n| (format!("file {n}"), vec![format!("{} {n} ", seed.min(n)).repeat(300).into_bytes()]));
    Source::from([("dir".to_owned(), files.collect()), (format!("own {seed}"), Default::default())])
}

fn copy(from: &Repository, to: &Repository) -> Result<CopyReport, CopyError> {
    let snapshots = from.snapshots()?;
    copy_snapshots(from, &snapshots, to, &TestPause::new(), &Silent, &CancelToken::new())
}

#[test]
fn snapshots_are_copied_once_and_keep_what_they_say() {
    let ((from, _, clock), (to, store, _)) = (repository(), repository());
    let mut sources = Vec::new();
    for seed in 5..8 {
        sources.push(source(seed));
        backup(&from, &source(seed)).unwrap();
        clock.advance(std::time::Duration::from_secs(60));
    }
    let report = copy(&from, &to).unwrap();
    assert_eq!((report.copied.len(), report.skipped.len()), (3, 0));
    for ((id, copied), original) in report.copied.iter().zip(from.snapshots().unwrap()) {
        assert_eq!((*id, copied.original), (original.id, Some(original.id)));
        assert!(is_similar(copied, &original));
    }
    let again = Repository::open(store.clone(), PASSWORD, OpenOptions::default()).unwrap();
    again.engine().refresh().unwrap();
    for (snapshot, source) in again.snapshots().unwrap().iter().zip(&sources) {
        assert_eq!(&contents(&again, snapshot.tree).unwrap(), source);
    }
    let stored: u64 = sources.iter().flat_map(|source| source.values()).map(|files| files.len() as u64).sum();
    assert!(report.added.data.blobs < stored, "what snapshots share is copied once");

    assert_eq!(store.list(FileKind::Index).unwrap().len(), 1, "they share one flush");

    let packs = store.list(FileKind::Pack).unwrap().len();
    let report = copy(&from, &again).unwrap();
    assert_eq!((report.copied.len(), report.skipped.len()), (0, 3));
    assert_eq!(store.list(FileKind::Pack).unwrap().len(), packs);

    // A copy that was changed since is another snapshot.
    let first = &again.snapshots().unwrap()[0];
    let mut tagged = (*first.snapshot).clone();
    tagged.tags.push("kept".into());
    again.replace_snapshot(first, tagged).unwrap();
    let report = copy(&from, &again).unwrap();
    assert_eq!((report.copied.len(), report.added.data.blobs), (1, 0));

    // And back: the copies are known by their original.
    let report = copy(&again, &from).unwrap();
    assert_eq!((report.copied.len(), report.skipped.len()), (1, 3), "only the tagged one is new there");
}

#[test]
fn a_damaged_blob_stops_the_copy_and_leaves_no_snapshot() {
    let ((from, store, _), (to, target, _)) = (repository(), repository());
    backup(&from, &source(1)).unwrap();
    let at = from.engine().index().blobs(BlobKind::Data).next().unwrap().1;
    let mut bytes = store.read(FileKind::Pack, &at.pack.into()).unwrap().to_vec();
    bytes[at.offset as usize + 20] ^= 1;
    store.remove(FileKind::Pack, &at.pack.into()).unwrap();
    store.put(FileKind::Pack, &at.pack.into(), &[&bytes]).unwrap();
    let error = copy(&from, &to).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::Corrupt, "{error}");
    assert!(target.list(FileKind::Snapshot).unwrap().is_empty());
    assert!(target.list(FileKind::Lock).unwrap().is_empty() && store.list(FileKind::Lock).unwrap().is_empty());
}

#[test]
fn a_cancelled_copy_ends() {
    let ((from, ..), (to, ..)) = (repository(), repository());
    backup(&from, &source(1)).unwrap();
    let cancel = CancelToken::new();
    cancel.cancel();
    let snapshots = from.snapshots().unwrap();
    let error = copy_snapshots(&from, &snapshots, &to, &TestPause::new(), &Silent, &cancel).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::Cancelled);
}
