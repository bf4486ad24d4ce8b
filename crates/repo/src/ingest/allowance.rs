//! What a session may take up: it ends at the same place whoever else has stored the same, and nothing of it is published.

use holdfast_model::BlobId;
use sha2::{Digest, Sha256};

use super::{IngestError, IngestSession, Proof};
use crate::snapshot::Snapshot;
use crate::testing::{Source, begin, put, repository};
use crate::{RepoErrorKind, Repository};

/// Blobs that compress, each of its own content.
fn blobs() -> Vec<Vec<u8>> {
    (0..20).map(|n| format!("{n} of some text ").into_bytes().repeat(300 + 10 * n)).collect()
}

fn source(blobs: &[Vec<u8>]) -> Source {
    Source::from([("dir".to_owned(), [("file".to_owned(), blobs.to_vec())].into())])
}

fn new_session(repository: &Repository) -> IngestSession {
    begin(repository, Box::new(|_| ())).unwrap()
}

fn put_all(session: &IngestSession, blobs: &[Vec<u8>]) -> Result<(), IngestError> {
    for blob in blobs {
        let id = BlobId::new(Sha256::digest(blob).into());
        session.put_data(id, blob.clone(), Proof::Unverified)?;
        // One by one: what is queued is not counted yet.
        session.flush()?;
    }
    Ok(())
}

/// How many of the blobs a session can put that may take up so much.
fn count(repository: &Repository, allowed: u64) -> usize {
    let session = new_session(repository);
    session.allow(allowed);
    let blobs = blobs();
    let fits = |number: &usize| match put_all(&session, &blobs[*number..=*number]) {
        Ok(()) => true,
        Err(IngestError::Allowance { allowed: told }) => {
            assert_eq!(told, allowed);
            false
        }
        Err(other) => panic!("{other}"),
    };
    (0..blobs.len()).take_while(fits).count()
}

#[test]
fn a_session_ends_at_the_same_place_whoever_has_stored_the_same_before() {
    let (alone, _, _) = repository();
    let (shared, _, _) = repository();
    let other = new_session(&shared);
    put_all(&other, &blobs()).unwrap();
    let tree = put(&other, &source(&blobs())).unwrap();
    let whole = other.commit(Snapshot::new(Default::default(), tree), |_, _| ()).unwrap().added.data.packed;
    for allowed in [0, 1, whole / 3, whole / 2, whole - 1, whole] {
        assert_eq!(count(&alone, allowed), count(&shared, allowed), "{allowed} of {whole}");
    }
    assert_eq!((count(&shared, 0), count(&shared, whole - 1), count(&shared, whole)), (0, 19, 20));
}

#[test]
fn what_another_session_is_sending_just_now_counts_the_same() {
    let (repository, _, _) = repository();
    let (one, two) = (new_session(&repository), new_session(&repository));
    let blob = blobs().remove(0);
    let id = BlobId::new(Sha256::digest(&blob).into());
    one.put_data(id, blob.clone(), Proof::Unverified).unwrap();
    two.allow(10);
    let put = two.put_data(id, blob, Proof::Unverified).and_then(|()| two.flush());
    assert!(matches!(put, Err(IngestError::Allowance { allowed: 10 })), "{put:?}");
    assert!(one.flush().is_ok(), "the other goes on");
}

#[test]
fn a_session_that_went_over_writes_no_snapshot() {
    let (repository, _, _) = repository();
    let session = new_session(&repository);
    session.allow(1000);
    // The last of it is too much, and nothing is put after that; or the trees are.
    let ended = put(&session, &source(&blobs()))
        .and_then(|tree| session.save(Snapshot::new(Default::default(), tree), |_, _| ()).map(drop));
    let error = ended.unwrap_err();
    assert!(matches!(error, IngestError::Allowance { .. }) && error.kind() == RepoErrorKind::Refused, "{error}");
    drop(session);
    assert_eq!(repository.snapshots().unwrap(), []);
}
