//! The contract suite: what every driver and wrapper must pass. For tests, of this crate and of others.
//!
//! Each claim panics when the store breaks it. It starts from a store that is empty and not yet created, and leaves
//! nothing in it but the folders.

use std::sync::Barrier;

use holdfast_model::Id;

use crate::{ErrorKind, FileKind, Store, StoreError};

/// How much of the contract a store's medium lets it keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strength {
    /// Of several writers of one name at the same moment exactly one is told `Ok`, and its file is there.
    pub exclusive_put: bool,
    /// Removing what is not there is told apart from removing what is.
    pub noticed_removal: bool,
}

impl Strength {
    /// All of it.
    pub const FULL: Self = Self { exclusive_put: true, noticed_removal: true };
}

/// All claims, one after the other.
pub fn run(store: &dyn Store, strength: Strength) {
    store.create().expect("create makes an empty repository");
    store.create().expect("create is fine with what is there");
    nothing_is_there_at_first(store, strength);
    for kind in FileKind::ALL {
        a_file_comes_back_as_it_was_put(store, kind);
    }
    put_never_replaces(store);
    ranges_are_exact(store);
    listings_are_complete(store);
    large_files_survive(store);
    many_parts_are_joined(store);
    kinds_do_not_mix(store);
    many_threads_work_at_once(store);
    one_of_many_writers_of_a_name_wins(store, strength);
    nothing_is_there_at_first(store, strength);
    assert_eq!(store.sweep().expect("sweep works"), 0, "nothing was left behind");
    assert!(!store.location().is_empty(), "a store has a place");
}

/// Ids that differ from claim to claim.
fn id(claim: u8, number: u32) -> Id {
    let mut bytes = [claim; Id::LEN];
    bytes[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_le_bytes());
    bytes[4..8].copy_from_slice(&number.to_le_bytes());
    Id::new(bytes)
}

/// Bytes that no driver can guess or align.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| step()).collect()
}

fn kind_of<T: std::fmt::Debug>(result: Result<T, StoreError>) -> ErrorKind {
    result.expect_err("this call must fail").kind()
}

fn nothing_is_there_at_first(store: &dyn Store, strength: Strength) {
    for kind in FileKind::ALL {
        let id = id(1, 0);
        assert_eq!(store.list(kind).expect("an empty listing works"), [], "{kind:?}");
        assert_eq!(kind_of(store.read(kind, &id)), ErrorKind::NotFound, "{kind:?}");
        assert_eq!(kind_of(store.read_range(kind, &id, 0..1)), ErrorKind::NotFound, "{kind:?}");
        assert_eq!(kind_of(store.size(kind, &id)), ErrorKind::NotFound, "{kind:?}");
        match store.remove(kind, &id) {
            Ok(()) => assert!(!strength.noticed_removal, "{kind:?} was removed though it was not there"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{kind:?}"),
        }
    }
}

fn a_file_comes_back_as_it_was_put(store: &dyn Store, kind: FileKind) {
    for (number, length) in [1usize, 4095, 70_000].into_iter().enumerate() {
        let (id, content) = (id(2, number as u32), bytes(length, number as u64 + 7));
        store.put(kind, &id, &[&content]).expect("put works");
        assert_eq!(store.read(kind, &id).expect("read works"), content, "{kind:?}");
        assert_eq!(store.size(kind, &id).expect("size works"), length as u64, "{kind:?}");
        let listed = store.list(kind).expect("list works");
        assert_eq!(listed.len(), 1, "{kind:?}");
        assert_eq!(listed[0].size, length as u64, "{kind:?}");
        assert_eq!(listed[0].id, if kind == FileKind::Config { Id::default() } else { id }, "{kind:?}");
        store.remove(kind, &id).expect("remove works");
        assert_eq!(kind_of(store.read(kind, &id)), ErrorKind::NotFound, "{kind:?}");
        store.put(kind, &id, &[b"again"]).expect("a removed name is free again");
        store.remove(kind, &id).expect("remove works");
    }
}

fn put_never_replaces(store: &dyn Store) {
    for kind in FileKind::ALL {
        let id = id(3, 0);
        store.put(kind, &id, &[b"the first"]).expect("put works");
        assert_eq!(kind_of(store.put(kind, &id, &[b"the second"])), ErrorKind::AlreadyExists, "{kind:?}");
        assert_eq!(kind_of(store.put(kind, &id, &[b"the first"])), ErrorKind::AlreadyExists, "{kind:?}");
        assert_eq!(store.read(kind, &id).expect("read works"), b"the first"[..], "{kind:?}");
        store.remove(kind, &id).expect("remove works");
    }
}

fn ranges_are_exact(store: &dyn Store) {
    let (kind, id, content) = (FileKind::Pack, id(4, 0), bytes(10_000, 3));
    store.put(kind, &id, &[&content]).expect("put works");
    for range in [0..1, 0..10_000, 9_999..10_000, 17..4_113, 5..5, 0..0, 10_000..10_000] {
        let found = store.read_range(kind, &id, range.clone()).expect("a range within the file works");
        assert_eq!(found, content[range.start as usize..range.end as usize], "{range:?}");
    }
    for range in [0..10_001, 9_999..10_001, 10_000..10_001, 20_000..20_001, 0..u64::from(u32::MAX)] {
        assert_eq!(kind_of(store.read_range(kind, &id, range.clone())), ErrorKind::Corrupt, "{range:?}");
    }
    store.remove(kind, &id).expect("remove works");
}

fn listings_are_complete(store: &dyn Store) {
    for (kind, count) in [(FileKind::Pack, 300), (FileKind::Lock, 40)] {
        let mut expected: Vec<(Id, u64)> = (0..count).map(|n| (id(5, n), u64::from(n % 9 + 1))).collect();
        for (id, size) in &expected {
            store.put(kind, id, &[&bytes(*size as usize, 1)]).expect("put works");
        }
        let mut found: Vec<_> = store.list(kind).expect("list works").iter().map(|f| (f.id, f.size)).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{kind:?}");
        for (id, _) in &expected {
            store.remove(kind, id).expect("remove works");
        }
    }
}

fn large_files_survive(store: &dyn Store) {
    let (kind, id, content) = (FileKind::Pack, id(6, 0), bytes(40_000_003, 5));
    let (head, tail) = content.split_at(16_777_217);
    store.put(kind, &id, &[head, tail]).expect("put works");
    assert_eq!(store.size(kind, &id).expect("size works"), content.len() as u64);
    assert!(store.read(kind, &id).expect("read works") == content);
    let range = 16_000_000..33_554_433;
    let part = store.read_range(kind, &id, range.start as u64..range.end as u64).expect("read_range works");
    assert!(part == content[range]);
    store.remove(kind, &id).expect("remove works");
}

fn many_parts_are_joined(store: &dyn Store) {
    let (kind, id, content) = (FileKind::Index, id(7, 0), bytes(5_000 * 37, 11));
    let mut parts: Vec<&[u8]> = content.chunks(37).collect();
    parts.insert(0, &[]);
    parts.insert(2_500, &[]);
    parts.push(&[]);
    store.put(kind, &id, &parts).expect("put works");
    assert!(store.read(kind, &id).expect("read works") == content);
    store.remove(kind, &id).expect("remove works");
}

fn kinds_do_not_mix(store: &dyn Store) {
    let id = id(8, 0);
    for kind in FileKind::ALL {
        store.put(kind, &id, &[kind.folder().as_bytes()]).expect("put works");
    }
    for kind in FileKind::ALL {
        assert_eq!(store.read(kind, &id).expect("read works"), kind.folder().as_bytes());
        let listed = store.list(kind).expect("list works");
        assert!(listed.len() == 1 && listed[0].size == kind.folder().len() as u64, "{kind:?}: {listed:?}");
    }
    for kind in FileKind::ALL {
        store.remove(kind, &id).expect("remove works");
    }
}

fn many_threads_work_at_once(store: &dyn Store) {
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for number in 0..10 {
                    let (id, content) = (id(9, thread * 100 + number), bytes(3_000, u64::from(thread + 1)));
                    store.put(FileKind::Pack, &id, &[&content]).expect("put works");
                    assert_eq!(store.read(FileKind::Pack, &id).expect("read works"), content);
                    store.list(FileKind::Snapshot).expect("list works");
                    store.remove(FileKind::Pack, &id).expect("remove works");
                }
            });
        }
    });
}

fn one_of_many_writers_of_a_name_wins(store: &dyn Store, strength: Strength) {
    if !strength.exclusive_put {
        return;
    }
    for round in 0..5 {
        let (id, start) = (id(10, round), Barrier::new(6));
        let winners: Vec<u8> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..6u8)
                .map(|writer| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        match store.put(FileKind::Snapshot, &id, &[&[writer; 50_000]]) {
                            Ok(()) => Some(writer),
                            Err(error) => {
                                assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error:?}");
                                None
                            }
                        }
                    })
                })
                .collect();
            writers.into_iter().filter_map(|writer| writer.join().expect("no claim failed")).collect()
        });
        let kept = store.read(FileKind::Snapshot, &id).expect("one of them is there");
        assert_eq!(winners.len(), 1, "{winners:?} were all told that they won");
        assert!(kept == [winners[0]; 50_000][..], "what is there is the winner's, whole");
        store.remove(FileKind::Snapshot, &id).expect("remove works");
    }
}
