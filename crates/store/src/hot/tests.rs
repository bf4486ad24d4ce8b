//! The two parts: what stands where after each call, and what is seen when one of them lacks something.

use super::*;
use crate::fault::{Effect, FaultStore, Trigger};
use crate::record::RecordStore;
use crate::{LocalStore, MemoryStore, Verb, contract};

type Recorded = Arc<RecordStore<MemoryStore>>;

fn parts() -> (Recorded, Recorded, HotStore) {
    let part = || Arc::new(RecordStore::new(MemoryStore::new()));
    let (main, hot) = (part(), part());
    let store = HotStore::new(main.clone(), hot.clone());
    (main, hot, store)
}

/// A file that is named by its content, as those of a repository are.
fn file(text: &str) -> (Id, Vec<u8>) {
    (Id::new(Sha256::digest(text).into()), text.as_bytes().to_vec())
}

fn kind_of<T: std::fmt::Debug>(result: Result<T, StoreError>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn names(store: &dyn Store, kind: FileKind) -> Vec<Id> {
    store.list(kind).unwrap().into_iter().map(|file| file.id).collect()
}

#[test]
fn two_parts_keep_the_contract_as_one() {
    let (_, hot, store) = parts();
    contract::run(&store, contract::Strength::FULL);
    contract::run(&store.of_trees(), contract::Strength::FULL);
    for kind in FileKind::ALL {
        assert_eq!(hot.list(kind).unwrap(), [], "nothing is left over of {kind:?}");
    }
}

#[test]
fn two_folders_keep_the_contract_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str| -> Arc<dyn Store> { Arc::new(LocalStore::new(folder.path().join(name))) };
    let store = HotStore::new(part("main"), part("hot"));
    contract::run(&store, contract::Strength::FULL);
    contract::run(&store.of_trees(), contract::Strength::FULL);
}

#[test]
fn what_is_read_often_is_in_both_parts_and_the_rest_in_the_main_part() {
    let (main, hot, store) = parts();
    let (id, content) = file("content");
    for kind in FileKind::ALL {
        store.put(kind, &id, &[&content]).unwrap();
        assert!(main.read(kind, &id).is_ok());
        assert_eq!(hot.read(kind, &id).is_ok(), HotStore::COPIED.contains(&kind), "{kind:?}");
    }
    let (id, content) = file("trees");
    store.of_trees().put(FileKind::Pack, &id, &[&content]).unwrap();
    assert!(main.read(FileKind::Pack, &id).is_ok() && hot.read(FileKind::Pack, &id).is_ok());
}

#[test]
fn a_pack_of_data_costs_not_one_call_more() {
    let (main, hot, store) = parts();
    let (id, content) = file("data");
    store.put(FileKind::Pack, &id, &[&content]).unwrap();
    store.read_range(FileKind::Pack, &id, 1..3).unwrap();
    store.remove(FileKind::Pack, &id).unwrap();
    let verbs: Vec<Verb> = main.take().iter().map(|call| call.verb).collect();
    assert_eq!(verbs, [Verb::Put, Verb::ReadRange, Verb::Remove]);
    assert_eq!(hot.take(), []);
}

#[test]
fn what_has_a_copy_is_read_from_the_hot_part_alone() {
    let (main, _, store) = parts();
    let trees = store.of_trees();
    let (id, content) = file("content");
    for kind in HotStore::COPIED {
        store.put(kind, &id, &[&content]).unwrap();
        store.list(kind).unwrap();
    }
    trees.put(FileKind::Pack, &id, &[&content]).unwrap();
    main.take();
    for kind in HotStore::COPIED {
        assert_eq!(store.read(kind, &id).unwrap(), content);
    }
    assert_eq!(trees.read_range(FileKind::Pack, &id, 1..4).unwrap(), content[1..4]);
    assert_eq!(main.take(), []);
}

#[test]
fn what_proves_that_a_file_was_saved_is_the_main_part_not_the_copy() {
    let (main, _, store) = parts();
    let (id, content) = file("trees");
    main.put(FileKind::Pack, &id, &[b"half of it"]).unwrap();
    let trees = store.of_trees();
    assert_eq!(kind_of(trees.put(FileKind::Pack, &id, &[&content])), ErrorKind::AlreadyExists);
    assert_eq!(trees.read(FileKind::Pack, &id).unwrap(), content, "the copy does for whoever reads");
    assert_eq!(Arc::new(trees).read_back(FileKind::Pack, &id).unwrap(), b"half of it"[..]);
}

#[test]
fn a_copy_that_is_left_over_is_never_shown_and_is_swept() {
    let (main, hot, store) = parts();
    let (id, content) = file("gone");
    for kind in HotStore::COPIED {
        store.put(kind, &id, &[&content]).unwrap();
        main.remove(kind, &id).unwrap();
    }
    // Another process, which has not seen the files.
    let store = HotStore::new(main.clone(), hot.clone());
    for kind in HotStore::COPIED {
        assert_eq!(store.list(kind).unwrap(), [], "{kind:?}");
        assert_eq!(kind_of(store.size(kind, &id)), ErrorKind::NotFound, "{kind:?}");
        assert_eq!(kind_of(store.read(kind, &id)), ErrorKind::NotFound, "{kind:?}");
        assert_eq!(kind_of(store.read_range(kind, &id, 0..1)), ErrorKind::NotFound, "{kind:?}");
        assert_eq!(store.compare(kind, &|_| true).unwrap().left_over, [id]);
    }
    let trees = store.of_trees();
    let (pack, content) = file("pack");
    trees.put(FileKind::Pack, &pack, &[&content]).unwrap();
    store.remove(FileKind::Pack, &pack).unwrap();
    assert_eq!(store.list(FileKind::Pack).unwrap(), []);
    assert_eq!(store.sweep_copies().unwrap(), 5);
    for kind in FileKind::ALL {
        assert_eq!(hot.list(kind).unwrap(), [], "{kind:?}");
    }
}

#[test]
fn a_name_is_free_although_another_copy_is_left_over_under_it() {
    let (_, hot, store) = parts();
    let (id, content) = file("right");
    for left_over in [&content[..], b"wrong"] {
        hot.put(FileKind::Index, &id, &[left_over]).unwrap();
        store.put(FileKind::Index, &id, &[&content]).unwrap();
        assert_eq!(hot.read(FileKind::Index, &id).unwrap(), content);
        assert_eq!(kind_of(store.put(FileKind::Index, &id, &[b"other"])), ErrorKind::AlreadyExists);
        assert_eq!(hot.read(FileKind::Index, &id).unwrap(), content);
        store.remove(FileKind::Index, &id).unwrap();
    }
}

#[test]
fn a_missing_or_damaged_copy_is_read_from_the_main_part_and_made_anew() {
    let (main, hot, store) = parts();
    let trees = store.of_trees();
    let (id, content) = file("some content");
    type Read<'a> = &'a dyn Fn(FileKind) -> Bytes;
    let whole: Read<'_> = &|kind| store.read(kind, &id).unwrap();
    let part: Read<'_> = &|kind| trees.read_range(kind, &id, 0..content.len() as u64).unwrap();
    for (kind, read) in [(FileKind::Snapshot, whole), (FileKind::Index, whole), (FileKind::Pack, part)] {
        // Written by a program that knows the main part only.
        main.put(kind, &id, &[&content]).unwrap();
        assert_eq!(read(kind), content);
        assert_eq!(hot.read(kind, &id).unwrap(), content, "{kind:?}");
        hot.remove(kind, &id).unwrap();
        hot.put(kind, &id, &[b"some"]).unwrap();
        assert_eq!(read(kind), content);
        assert_eq!(hot.read(kind, &id).unwrap(), content, "{kind:?}");
        main.take();
        assert_eq!(read(kind), content);
        assert_eq!(main.take(), [], "{kind:?}: it is read from the hot part again");
    }
    hot.remove(FileKind::Pack, &id).unwrap();
    store.discard(FileKind::Snapshot, &id);
    let strangers = HotStore::reading_only(main.clone(), hot.clone());
    assert_eq!(strangers.read(FileKind::Snapshot, &id).unwrap(), content);
    assert_eq!(strangers.of_trees().read_range(FileKind::Pack, &id, 0..4).unwrap(), content[..4]);
    assert_eq!(names(&*hot, FileKind::Snapshot), [], "nothing is written into a part that may be another's");
    assert_eq!(names(&*hot, FileKind::Pack), []);
}

#[test]
fn a_hot_part_that_cannot_be_reached_or_written_keeps_nobody_from_reading() {
    for effect in [Effect::Fail(ErrorKind::Denied), Effect::Fail(ErrorKind::Transient)] {
        for verb in [Verb::Read, Verb::Put] {
            let (main, memory) = (Arc::new(MemoryStore::new()), MemoryStore::new());
            let hot = Arc::new(FaultStore::new(memory));
            let store = HotStore::new(main.clone(), hot.clone());
            hot.inject(Trigger::every().of(verb), effect);
            let (id, content) = file("content");
            main.put(FileKind::Snapshot, &id, &[&content]).unwrap();
            main.put(FileKind::Pack, &id, &[&content]).unwrap();
            for _ in 0..2 {
                assert_eq!(store.read(FileKind::Snapshot, &id).unwrap(), content);
            }
            assert_eq!(store.of_trees().read_range(FileKind::Pack, &id, 0..3).unwrap(), content[..3]);
            // Reading takes a lock, too; all that is to stay must be in both parts.
            store.put(FileKind::Lock, &id, &[&content]).unwrap();
            store.remove(FileKind::Lock, &id).unwrap();
            assert_eq!(store.put(FileKind::Index, &id, &[&content]).is_err(), verb == Verb::Put);
            assert_eq!(main.list(FileKind::Index).unwrap().is_empty(), verb == Verb::Put);
        }
    }
}

#[test]
fn a_copy_that_was_made_while_its_file_was_deleted_does_not_stay() {
    /// The main part, whose file is deleted by somebody else as soon as it was read.
    struct Vanishing(MemoryStore);
    impl Store for Vanishing {
        fn location(&self) -> String {
            self.0.location()
        }
        fn create(&self) -> Result<(), StoreError> {
            self.0.create()
        }
        fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
            self.0.list(kind)
        }
        fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
            self.0.size(kind, id)
        }
        fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
            let bytes = self.0.read(kind, id)?;
            self.0.remove(kind, id)?;
            Ok(bytes)
        }
        fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
            self.0.read_range(kind, id, range)
        }
        fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
            self.0.put(kind, id, parts)
        }
        fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
            self.0.remove(kind, id)
        }
    }
    let (main, hot) = (Arc::new(Vanishing(MemoryStore::new())), Arc::new(MemoryStore::new()));
    let (id, content) = file("content");
    main.put(FileKind::Key, &id, &[&content]).unwrap();
    let store = HotStore::new(main, hot.clone());
    assert_eq!(store.read(FileKind::Key, &id).unwrap(), content);
    assert_eq!(names(&*hot, FileKind::Key), []);
}

#[test]
fn whenever_it_dies_the_main_part_has_no_file_without_its_copy() {
    let (new, content) = file("new");
    let (old, old_content) = file("old");
    // The copy is written first and deleted last.
    for (dies_in_hot, nth) in [(true, 1), (false, 1), (false, 2), (true, 2)] {
        for effect in [Effect::DieBefore, Effect::DieAfter] {
            let (main, hot) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
            for part in [&main, &hot] {
                part.put(FileKind::Index, &old, &[&old_content]).unwrap();
            }
            let (faulty_main, faulty_hot) =
                (Arc::new(FaultStore::new(main.clone())), Arc::new(FaultStore::new(hot.clone())));
            let dying = if dies_in_hot { &faulty_hot } else { &faulty_main };
            dying.inject(Trigger::nth(nth), effect);
            let store = HotStore::new(faulty_main.clone(), faulty_hot.clone());
            let work = store.put(FileKind::Index, &new, &[&content]).and_then(|()| store.remove(FileKind::Index, &old));
            assert!(work.is_err(), "call {nth} of the hot part ({dies_in_hot}) is made");
            let copies = names(&*hot, FileKind::Index);
            let files = names(&*main, FileKind::Index);
            assert!(files.iter().all(|file| copies.contains(file)), "{dies_in_hot} {nth} {effect:?}");
            HotStore::new(main.clone(), hot.clone()).sweep().unwrap();
            assert_eq!(names(&*hot, FileKind::Index), files, "{dies_in_hot} {nth} {effect:?}");
        }
    }
}
