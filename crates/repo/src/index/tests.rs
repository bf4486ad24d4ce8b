//! The index against a model of index files that come and go. The files are imagined: no store is read here.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// The index files of an imagined repository, as plaintext.
#[derive(Default)]
struct Files(BTreeMap<IndexId, Vec<u8>>);

#[derive(Debug, PartialEq)]
enum Failure {
    Malformed(IndexId),
    Restless,
}

impl IndexSource for Files {
    type Error = Failure;

    fn list(&self) -> Result<Vec<IndexId>, Failure> {
        Ok(self.0.keys().copied().collect())
    }

    fn load(&self, id: &IndexId) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.get(id).cloned())
    }

    fn malformed(&self, id: &IndexId, _: SyntaxError) -> Failure {
        Failure::Malformed(*id)
    }

    fn restless(&self) -> Failure {
        Failure::Restless
    }
}

type Packs = Vec<(PackId, Vec<PackedBlob>)>;

fn id32(kind: u8, number: u8) -> [u8; 32] {
    // Spread over buckets, several in the same one.
    let mut id = [number % 7; 32];
    (id[0], id[1], id[31]) = (number.wrapping_mul(97) % 5, kind, number);
    id
}

fn packs_of(number: u8, packs: &[Vec<(bool, u8)>]) -> Packs {
    let pack = |(at, blobs): (usize, &Vec<(bool, u8)>)| {
        let blob = |(place, (tree, blob)): (usize, &(bool, u8))| PackedBlob {
            kind: if *tree { BlobKind::Tree } else { BlobKind::Data },
            id: BlobId::new(id32(9, *blob)),
            offset: 40 * place as u32,
            stored_length: 40,
            uncompressed_length: u32::from(blob % 2) * 100,
        };
        (PackId::new(id32(number, at as u8)), blobs.iter().enumerate().map(blob).collect())
    };
    packs.iter().enumerate().map(pack).collect()
}

fn borrowed(packs: &Packs) -> Vec<(PackId, &[PackedBlob])> {
    packs.iter().map(|(id, blobs)| (*id, blobs.as_slice())).collect()
}

fn expected(files: &BTreeMap<IndexId, Packs>, kind: BlobKind) -> BTreeSet<(BlobId, BlobLocation)> {
    let place = |pack: PackId, blob: &PackedBlob| BlobLocation {
        pack,
        offset: blob.offset,
        stored_length: blob.stored_length,
        uncompressed_length: blob.uncompressed_length,
    };
    let packs = files.values().flatten();
    packs
        .flat_map(|(pack, blobs)| {
            blobs.iter().filter(|blob| blob.kind == kind).map(|blob| (blob.id, place(*pack, blob)))
        })
        .collect()
}

#[derive(Debug, Clone)]
enum Step {
    /// Another process writes an index file.
    Appears(u8, Vec<Vec<(bool, u8)>>),
    /// This process writes one.
    Inserted(u8, Vec<Vec<(bool, u8)>>),
    Vanishes(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let packs = || prop::collection::vec(prop::collection::vec((any::<bool>(), 0u8..20), 0..6), 0..4);
    let step = prop_oneof![
        (0u8..8, packs()).prop_map(|(n, p)| Step::Appears(n, p)),
        (0u8..8, packs()).prop_map(|(n, p)| Step::Inserted(n, p)),
        (0u8..8).prop_map(Step::Vanishes),
    ];
    prop::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn after_a_refresh_the_index_holds_what_the_files_say(steps in steps()) {
        let index = BlobIndex::new();
        let (mut files, mut model) = (Files::default(), BTreeMap::new());
        for step in steps {
            let vanishes = matches!(step, Step::Vanishes(n) if model.contains_key(&IndexId::new([n; 32])));
            match step {
                Step::Appears(n, packs) | Step::Inserted(n, packs) if model.contains_key(&IndexId::new([n; 32])) => drop(packs),
                Step::Appears(n, packs) => {
                    let packs = packs_of(n, &packs);
                    files.0.insert(IndexId::new([n; 32]), json::encode(borrowed(&packs)));
                    model.insert(IndexId::new([n; 32]), packs);
                }
                Step::Inserted(n, packs) => {
                    let packs = packs_of(n, &packs);
                    index.insert(IndexId::new([n; 32]), &borrowed(&packs));
                    files.0.insert(IndexId::new([n; 32]), json::encode(borrowed(&packs)));
                    model.insert(IndexId::new([n; 32]), packs);
                }
                Step::Vanishes(n) => {
                    files.0.remove(&IndexId::new([n; 32]));
                    model.remove(&IndexId::new([n; 32]));
                }
            }
            let generation = index.generation();
            index.refresh(&files).unwrap();
            prop_assert_eq!(index.generation() > generation, vanishes);

            let view = index.view();
            prop_assert_eq!(view.index_files().collect::<BTreeSet<_>>(), model.keys().copied().collect());
            for kind in [BlobKind::Data, BlobKind::Tree] {
                let expected = expected(&model, kind);
                prop_assert_eq!(&view.blobs(kind).collect::<BTreeSet<_>>(), &expected);
                let mut ordinals = BTreeSet::new();
                for number in 0..20 {
                    let id = BlobId::new(id32(9, number));
                    let places: BTreeSet<_> = view.locations(kind, &id).map(|place| (id, place)).collect();
                    let of_this: BTreeSet<_> = expected.iter().filter(|(other, _)| *other == id).copied().collect();
                    prop_assert_eq!(view.has(kind, &id), !of_this.is_empty());
                    prop_assert_eq!(places, of_this);
                    if let Some(ordinal) = view.ordinal(kind, &id) {
                        prop_assert!(ordinal < view.len(kind) && ordinals.insert(ordinal));
                    }
                }
            }
        }
    }
}

fn one_blob(number: u8) -> Packs {
    packs_of(number, &[vec![(false, number)]])
}

fn has(index: &BlobIndex, number: u8) -> bool {
    index.has(BlobKind::Data, &BlobId::new(id32(9, number)))
}

#[test]
fn blobs_of_a_marked_pack_are_not_present_but_can_be_read() {
    let (index, mut files) = (BlobIndex::new(), Files::default());
    let packs = one_blob(1);
    files.0.insert(IndexId::new([1; 32]), json::encode(borrowed(&packs)));
    index.refresh(&files).unwrap();
    assert!(has(&index, 1));

    let marks = serde_json::json!({"packs": [], "packs_to_delete": [{"id": packs[0].0, "blobs": []}]});
    files.0.insert(IndexId::new([2; 32]), marks.to_string().into_bytes());
    index.refresh(&files).unwrap();
    assert!(!has(&index, 1));
    assert!(index.locate(BlobKind::Data, &BlobId::new(id32(9, 1))).is_some());

    files.0.remove(&IndexId::new([2; 32]));
    index.refresh(&files).unwrap();
    assert!(has(&index, 1));
}

#[test]
fn a_file_counts_while_it_is_there_whatever_says_that_it_supersedes_it() {
    let (index, mut files) = (BlobIndex::new(), Files::default());
    let old = IndexId::new([1; 32]);
    files.0.insert(old, json::encode(borrowed(&one_blob(1))));
    index.refresh(&files).unwrap();

    let newer = serde_json::json!({"supersedes": [old], "packs": []});
    files.0.insert(IndexId::new([2; 32]), newer.to_string().into_bytes());
    assert_eq!(index.refresh(&files).unwrap().vanished, 0);
    assert!(has(&index, 1));

    files.0.remove(&old);
    index.refresh(&files).unwrap();
    assert!(!has(&index, 1));
}

#[test]
fn a_malformed_file_is_named_and_changes_nothing() {
    let (index, mut files) = (BlobIndex::new(), Files::default());
    files.0.insert(IndexId::new([1; 32]), json::encode(borrowed(&one_blob(1))));
    index.refresh(&files).unwrap();
    files.0.insert(IndexId::new([2; 32]), b"{\"packs\":[{}]}".to_vec());
    assert_eq!(index.refresh(&files), Err(Failure::Malformed(IndexId::new([2; 32]))));
    assert!(has(&index, 1));
}

#[test]
fn a_file_that_vanishes_while_it_is_read_starts_the_refresh_anew() {
    /// Lists a file that cannot be read, the first time.
    struct Vanishing(AtomicU64, Files);
    impl IndexSource for Vanishing {
        type Error = Failure;
        fn list(&self) -> Result<Vec<IndexId>, Failure> {
            let mut ids = self.1.list()?;
            if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
                ids.push(IndexId::new([7; 32]));
            }
            Ok(ids)
        }
        fn load(&self, id: &IndexId) -> Result<Option<Vec<u8>>, Failure> {
            self.1.load(id)
        }
        fn malformed(&self, id: &IndexId, error: SyntaxError) -> Failure {
            self.1.malformed(id, error)
        }
        fn restless(&self) -> Failure {
            self.1.restless()
        }
    }
    let mut files = Files::default();
    files.0.insert(IndexId::new([1; 32]), json::encode(borrowed(&one_blob(1))));
    let index = BlobIndex::new();
    assert_eq!(index.refresh(&Vanishing(AtomicU64::new(0), files)).unwrap().added, 1);
    assert!(has(&index, 1));
}

#[test]
fn a_file_is_added_while_others_are_read() {
    /// This process writes a file while it reads another's, and its own is in the listing already.
    struct Slow<'a>(&'a BlobIndex, Files);
    impl IndexSource for Slow<'_> {
        type Error = Failure;
        fn list(&self) -> Result<Vec<IndexId>, Failure> {
            let mut ids = self.1.list()?;
            ids.push(IndexId::new([2; 32]));
            Ok(ids)
        }
        fn load(&self, id: &IndexId) -> Result<Option<Vec<u8>>, Failure> {
            self.0.insert(IndexId::new([2; 32]), &borrowed(&one_blob(2)));
            self.0.insert(IndexId::new([3; 32]), &borrowed(&one_blob(3)));
            let own = json::encode(borrowed(&one_blob(2)));
            Ok(self.1.load(id)?.or(Some(own)))
        }
        fn malformed(&self, id: &IndexId, error: SyntaxError) -> Failure {
            self.1.malformed(id, error)
        }
        fn restless(&self) -> Failure {
            self.1.restless()
        }
    }
    let mut files = Files::default();
    files.0.insert(IndexId::new([1; 32]), json::encode(borrowed(&one_blob(1))));
    let index = BlobIndex::new();
    index.refresh(&Slow(&index, files)).unwrap();
    assert!((1..4).all(|number| has(&index, number)));
    assert_eq!(index.view().len(BlobKind::Data), 3);
}

#[test]
fn a_blob_costs_at_most_48_bytes_with_its_pack() {
    // Packs of 20 blobs: 16 MiB of chunks of 800 KiB each.
    let blob = |number: u32| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.wrapping_mul(2_654_435_769).to_be_bytes());
        id[4..8].copy_from_slice(&number.to_be_bytes());
        PackedBlob { kind: BlobKind::Data, id: BlobId::new(id), offset: 0, stored_length: 40, uncompressed_length: 0 }
    };
    let blobs: Vec<PackedBlob> = (0..1_000_000).map(blob).collect();
    let packs: Vec<(PackId, &[PackedBlob])> =
        blobs.chunks(20).zip(0u32..).map(|(blobs, n)| (PackId::new(id32(1, n as u8)), blobs)).collect();
    let index = BlobIndex::new();
    index.insert(IndexId::new([1; 32]), &packs);
    assert!(index.view().memory() <= 48 * blobs.len(), "{}", index.view().memory());
    assert!(blobs.iter().all(|blob| index.has(BlobKind::Data, &blob.id)));
}
