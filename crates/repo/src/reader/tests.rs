//! Reading blobs that are whole, damaged, or there twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_model::{BlobId, Id, PackId};
use holdfast_store::record::RecordStore;
use holdfast_store::{FileKind, MemoryStore, Store, Verb};
use sha2::{Digest, Sha256};

use super::*;
use crate::error::RepoErrorKind;
use crate::testing::{PASSWORD, Source, backup, repository};
use crate::{OpenOptions, Repository};

fn source(files: usize) -> Source {
    let file = |n: usize| (format!("file {n}"), vec![format!("{n} ").repeat(10 + 97 * n % 3000).into_bytes()]);
    Source::from([("dir".to_owned(), (0..files).map(file).collect())])
}

fn blobs_by_pack(repository: &Repository) -> BTreeMap<PackId, Vec<(BlobId, BlobLocation)>> {
    let mut packs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (id, at) in repository.engine().index().blobs(BlobKind::Data) {
        packs.entry(at.pack).or_default().push((id, at));
    }
    packs
}

fn damage(store: &MemoryStore, pack: PackId, at: usize) {
    let id = Id::from(pack);
    let mut bytes = store.read(FileKind::Pack, &id).unwrap().to_vec();
    bytes[at] ^= 1;
    store.remove(FileKind::Pack, &id).unwrap();
    store.put(FileKind::Pack, &id, &[&bytes]).unwrap();
}

#[test]
fn a_stored_blob_comes_from_another_pack_if_its_own_is_damaged_or_gone() {
    let (_, store, _) = repository();
    let opened = || Repository::open(store.clone(), PASSWORD, OpenOptions::default()).unwrap();
    // Two processes store the same at the same time.
    let repositories = [opened(), opened()];
    let sessions = repositories.each_ref().map(|one| crate::testing::begin(one, Box::new(|_| ())).unwrap());
    for session in sessions {
        let tree = crate::testing::put(&session, &source(5)).unwrap();
        session.commit(crate::Snapshot::new(holdfast_model::Timestamp::default().into(), tree), |_, _| ()).unwrap();
    }
    let repository = opened();
    repository.engine().refresh().unwrap();
    let packs = blobs_by_pack(&repository);
    assert_eq!(packs.len(), 2);
    let read = |pack: &PackId| -> Vec<_> { repository.engine().read_stored(*pack, packs[pack].clone()).collect() };
    let (first, second) = (packs.keys().next().unwrap(), packs.keys().next_back().unwrap());
    for (_, at) in &packs[first] {
        damage(&store, *first, at.offset as usize + 20);
    }
    for result in read(first) {
        let (id, blob) = result.unwrap();
        repository.engine().decode_stored(&id, &blob).unwrap();
    }
    store.remove(FileKind::Pack, &Id::from(*first)).unwrap();
    assert!(read(first).iter().all(Result::is_ok));
    store.remove(FileKind::Pack, &Id::from(*second)).unwrap();
    assert!(read(first).iter().all(Result::is_err));
}

#[test]
fn stored_blobs_come_in_order_of_their_place_with_few_calls() {
    let (_, store, _) = repository();
    let recorded = Arc::new(RecordStore::new(store));
    let repository = Repository::open(recorded.clone(), PASSWORD, OpenOptions::default()).unwrap();
    backup(&repository, &source(200)).unwrap();
    for (pack, blobs) in blobs_by_pack(&repository) {
        recorded.take();
        let mut last = 0;
        let mut count = 0;
        for result in repository.engine().read_stored(pack, blobs.clone()) {
            let (id, blob) = result.unwrap();
            let at = blobs.iter().find(|(other, _)| *other == id).unwrap().1;
            assert!(at.offset >= last);
            last = at.offset;
            count += 1;
            assert_eq!((blob.compressed, blob.plain_length), (at.is_compressed(), at.plain_length()));
            let plain = repository.engine().decode_stored(&id, &blob).unwrap();
            assert_eq!(plain.len(), blob.plain_length as usize);
            assert_eq!(Sha256::digest(plain)[..], id.as_bytes()[..]);
            let other = BlobId::new([0; 32]);
            assert_eq!(repository.engine().decode_stored(&other, &blob), Err(DecodeError::Hash));
        }
        assert_eq!(count, blobs.len());
        assert_eq!(recorded.count(Verb::ReadRange, FileKind::Pack).0, 1);
    }
}

#[test]
fn damage_in_one_stored_blob_hides_no_other() {
    let (repository, store, _) = repository();
    backup(&repository, &source(50)).unwrap();
    let (pack, blobs) = blobs_by_pack(&repository).pop_first().unwrap();
    let (bad, at) = blobs[blobs.len() / 2];
    damage(&store, pack, at.offset as usize + 20);
    let results: Vec<_> = repository.engine().read_stored(pack, blobs.clone()).collect();
    assert_eq!(results.len(), blobs.len());
    let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!(matches!(&errors[..], [ReadError::Damaged { id, .. }] if *id == bad));
    let error = repository.engine().load_blob(BlobKind::Data, &bad).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::Corrupt);
    assert!(error.to_string().contains(&bad.to_string()) && error.to_string().contains(&pack.to_string()));
}

#[test]
fn a_second_copy_serves_where_the_first_is_damaged() {
    let (repository, store, _) = repository();
    let other = Repository::open(store.clone(), PASSWORD, OpenOptions::default()).unwrap();
    // Two processes that begin at the same time both store it.
    let sessions = [&repository, &other].map(|each| crate::testing::begin(each, Box::new(|_| ())).unwrap());
    let id = BlobId::new(Sha256::digest(b"content").into());
    for session in sessions {
        session.put_data(id, b"content".to_vec(), crate::Proof::Verified).unwrap();
        session.abandon().unwrap();
    }
    let fresh = Repository::open(store.clone(), PASSWORD, OpenOptions::default()).unwrap();
    fresh.engine().refresh().unwrap();
    let view = fresh.engine().index();
    let places: Vec<BlobLocation> = view.locations(BlobKind::Data, &id).collect();
    assert_eq!(places.len(), 2);
    damage(&store, places[0].pack, places[0].offset as usize + 20);
    assert_eq!(fresh.engine().load_blob(BlobKind::Data, &id).unwrap(), b"content");
    damage(&store, places[1].pack, places[1].offset as usize + 20);
    assert!(fresh.engine().load_blob(BlobKind::Data, &id).is_err());
}

#[test]
fn trees_that_were_read_are_kept() {
    let (_, store, _) = repository();
    let recorded = Arc::new(RecordStore::new(store));
    let repository = Repository::open(recorded.clone(), PASSWORD, OpenOptions::default()).unwrap();
    let saved = backup(&repository, &source(5)).unwrap();
    let first = repository.engine().load_tree(saved.tree).unwrap();
    recorded.take();
    assert_eq!(repository.engine().load_tree(saved.tree).unwrap(), first);
    assert_eq!(recorded.take(), []);
    let unknown = repository.engine().load_tree(holdfast_model::TreeId::new([1; 32])).unwrap_err();
    assert!(matches!(unknown, ReadError::Unknown { .. }));
}
