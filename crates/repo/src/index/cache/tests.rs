//! The cache against imagined index files: whatever happens to its files, the index says what the index files say.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::AtomicUsize;

use holdfast_model::{BlobId, PackId};
use proptest::prelude::*;

use super::super::{BlobIndex, BlobLocation, IndexSource, SyntaxError, json};
use super::*;
use crate::pack::{BlobKind, PackedBlob};

const KINDS: [BlobKind; 2] = [BlobKind::Data, BlobKind::Tree];

/// The index files of an imagined repository, as plaintext, and how often one was read.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<BTreeMap<IndexId, Vec<u8>>>>, Arc<AtomicUsize>);

#[derive(Debug, PartialEq)]
struct Failure;

impl IndexSource for Files {
    type Error = Failure;

    fn list(&self) -> Result<Vec<IndexId>, Failure> {
        Ok(self.0.lock().keys().copied().collect())
    }

    fn load(&self, id: &IndexId) -> Result<Option<Vec<u8>>, Failure> {
        self.1.fetch_add(1, Ordering::Relaxed);
        let bytes = self.0.lock().get(id).cloned();
        if bytes.as_deref() == Some(b"unreadable") { Err(Failure) } else { Ok(bytes) }
    }

    fn malformed(&self, _: &IndexId, _: SyntaxError) -> Failure {
        Failure
    }

    fn restless(&self) -> Failure {
        Failure
    }
}

impl Files {
    /// An index file of one pack with these blobs, every fifth of them a tree; `marks` marks the pack of another file.
    fn add(&self, number: u8, blobs: std::ops::Range<u32>, marks: Option<u8>) {
        let blob = |(at, number): (usize, u32)| PackedBlob {
            kind: KINDS[usize::from(number % 5 == 0)],
            id: blob_id(number),
            offset: 40 * at as u32,
            stored_length: 40,
            uncompressed_length: number % 3,
        };
        let blobs: Vec<PackedBlob> = blobs.enumerate().map(blob).collect();
        let json = match marks {
            None => json::encode([(PackId::new([number; 32]), &*blobs)]),
            Some(marked) => {
                let marked = PackId::new([marked; 32]);
                serde_json::json!({"packs": [], "packs_to_delete": [{"id": marked, "blobs": []}]})
                    .to_string()
                    .into_bytes()
            }
        };
        self.0.lock().insert(IndexId::new([number; 32]), json);
    }

    fn remove(&self, number: u8) {
        self.0.lock().remove(&IndexId::new([number; 32]));
    }

    fn reads(&self) -> usize {
        self.1.swap(0, Ordering::Relaxed)
    }
}

fn blob_id(number: u32) -> BlobId {
    let mut id = [7; 32];
    id[..4].copy_from_slice(&number.wrapping_mul(2_654_435_769).to_be_bytes());
    id[4..8].copy_from_slice(&number.to_be_bytes());
    BlobId::new(id)
}

const KEY: [u8; 64] = [5; 64];

fn cache(folder: &Path, files: &Files, worth: Worth) -> IndexCache {
    let files = files.clone();
    let reread = move |ids: &[IndexId]| super::super::load::read_all(&files, ids).ok().flatten();
    let key = Key::from_bytes(&KEY).unwrap();
    let cache = IndexCache::new(folder.to_owned(), key, RepositoryId::new([1; 32]), true, Box::new(reread));
    IndexCache { worth, ..cache }
}

/// All that is new is worth a file.
const EAGER: Worth = Worth { rows: 0, files: 1 };

/// An index in a process of its own.
fn start(folder: &Path, files: &Files) -> BlobIndex {
    BlobIndex::with_cache(cache(folder, files, EAGER))
}

/// What a process sees that starts, looks and ends.
fn look(folder: &Path, files: &Files) -> Seen {
    let index = start(folder, files);
    index.refresh(files).unwrap();
    index.finish_saving();
    seen(&index)
}

type Seen = (BTreeSet<IndexId>, Vec<BTreeSet<(BlobId, BlobLocation)>>, Vec<bool>);

fn seen(index: &BlobIndex) -> Seen {
    let view = index.view();
    let blobs: Vec<BTreeSet<_>> = KINDS.iter().map(|kind| view.blobs(*kind).collect()).collect();
    let asked = |(kind, blobs): (&BlobKind, &BTreeSet<(BlobId, BlobLocation)>)| {
        assert_eq!(view.len(*kind), blobs.len());
        let found = |id: &BlobId| view.locations(*kind, id).map(|at| (*id, at)).collect::<BTreeSet<_>>();
        assert!(blobs.iter().all(|blob| found(&blob.0).contains(blob) && view.ordinal(*kind, &blob.0).is_some()));
        assert!(!view.has(*kind, &blob_id(u32::MAX)));
        blobs.iter().map(|(id, _)| view.has(*kind, id)).collect::<Vec<bool>>()
    };
    let present = KINDS.iter().zip(&blobs).flat_map(asked).collect();
    (view.index_files().collect(), blobs, present)
}

/// What the index files themselves say.
fn truth(files: &Files) -> Seen {
    let index = BlobIndex::new();
    index.refresh(files).unwrap();
    seen(&index)
}

fn names(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[derive(Debug, Clone)]
enum Step {
    Appears(u8),
    Marks(u8),
    Vanishes(u8),
    /// The process ends, and another one starts.
    Restarts,
    Refreshes,
    /// Somebody empties the cache's folder.
    Cleared,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn with_a_cache_the_index_says_what_the_index_files_say(steps in prop::collection::vec(prop_oneof![
        4 => (0u8..12).prop_map(Step::Appears),
        1 => (0u8..12).prop_map(Step::Marks),
        2 => (0u8..24).prop_map(Step::Vanishes),
        3 => Just(Step::Restarts),
        2 => Just(Step::Refreshes),
        1 => Just(Step::Cleared),
    ], 1..25)) {
        let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
        let folder = dir.path().join("index");
        let mut index = start(&folder, &files);
        for step in steps {
            match step {
                Step::Appears(n) => files.add(n, 30 * u32::from(n)..30 * u32::from(n) + 10 + 13 * u32::from(n % 5), None),
                Step::Marks(n) => files.add(12 + n, 0..0, Some(n)),
                Step::Vanishes(n) => files.remove(n),
                Step::Restarts => {
                    index.finish_saving();
                    index = start(&folder, &files);
                }
                Step::Refreshes => {}
                Step::Cleared => drop(fs::remove_dir_all(&folder)),
            }
            index.refresh(&files).unwrap();
            index.finish_saving();
            prop_assert_eq!(seen(&index), truth(&files));
        }
    }
}

#[test]
fn a_second_start_reads_no_index_file_and_a_third_only_the_new_one() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    for n in 0..5 {
        files.add(n, 1000 * u32::from(n)..1000 * u32::from(n) + 1500, None);
    }
    let index = start(dir.path(), &files);
    assert_eq!(index.refresh(&files).unwrap().added, 5);
    index.finish_saving();
    files.reads();
    assert_eq!(look(dir.path(), &files), truth(&files));
    assert_eq!(files.reads(), 5, "those of the truth alone");
    files.add(9, 9000..9001, None);
    let again = start(dir.path(), &files);
    let refreshed = again.refresh(&files).unwrap();
    assert_eq!((refreshed.added, refreshed.vanished, files.reads()), (1, 0, 1));
}

#[test]
fn only_what_is_asked_for_is_read() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    files.add(1, 0..200_000, None);
    look(dir.path(), &files);
    let index = start(dir.path(), &files);
    index.refresh(&files).unwrap();
    let before = index.view().memory();
    assert!(index.has(BlobKind::Data, &blob_id(4)));
    assert!(index.view().memory() - before < 128 << 10, "{before} {}", index.view().memory());
    assert!(before < 700_000, "{before}");
}

#[test]
fn every_damage_is_found_and_costs_a_second_reading() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    files.add(1, 0..4000, None);
    files.add(2, 2000..6000, None);
    look(dir.path(), &files);
    let [name] = names(dir.path()).try_into().unwrap();
    let whole = fs::read(&name).unwrap();
    let truth = truth(&files);
    let mut damages = Vec::new();
    for at in (0..whole.len()).step_by(whole.len() / 16).chain((whole.len() - 24..whole.len()).step_by(3)) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        damages.push((format!("bit of byte {at}"), flipped));
        damages.push((format!("cut at {at}"), whole[..at].to_vec()));
    }
    damages.push(("longer".into(), [&whole[..], b"x"].concat()));
    damages.push(("twice".into(), [&whole[..], &whole[..]].concat()));
    for (what, damage) in damages {
        for left in names(dir.path()) {
            fs::remove_file(left).unwrap();
        }
        fs::write(&name, damage).unwrap();
        files.reads();
        assert_eq!(look(dir.path(), &files), truth, "{what}");
        assert!(files.reads() >= 2, "{what} was not noticed");
        // And by the next one nothing is noticed any more.
        look(dir.path(), &files);
        assert_eq!((look(dir.path(), &files), files.reads() <= 2), (truth.clone(), true), "{what}");
    }
}

#[test]
fn a_block_of_another_place_is_refused() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    files.add(1, 0..20_000, None);
    look(dir.path(), &files);
    let [name] = names(dir.path()).try_into().unwrap();
    let (origin, truth) = (cache(dir.path(), &files, EAGER).origin, truth(&files));
    let [data, _] = Segment::open(&name, &origin).unwrap();
    let lengths: Vec<u64> = data.block_lengths();
    let at = lengths.windows(2).position(|pair| pair[0] == pair[1]).expect("two blocks of a length, side by side");
    let start = lengths[..at].iter().sum::<u64>() as usize;
    let length = lengths[at] as usize;
    let mut bytes = fs::read(&name).unwrap();
    let (first, second) = bytes[start..start + 2 * length].split_at_mut(length);
    first.swap_with_slice(second);
    fs::write(&name, bytes).unwrap();
    files.reads();
    assert_eq!(look(dir.path(), &files), truth);
    assert_eq!(files.reads(), 1);
}

#[test]
fn a_file_that_is_cut_while_it_is_open_is_noticed() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    files.add(1, 0..4000, None);
    look(dir.path(), &files);
    let index = start(dir.path(), &files);
    index.refresh(&files).unwrap();
    let [name] = names(dir.path()).try_into().unwrap();
    truncate(&name);
    assert_eq!(seen(&index), truth(&files));
    assert!(names(dir.path()).is_empty(), "nobody else shall stumble over it");
}

fn truncate(path: &Path) {
    fs::File::options().write(true).open(path).unwrap().set_len(100).unwrap();
}

#[test]
fn what_can_be_read_nowhere_counts_as_absent_until_the_next_refresh_tells() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    files.add(1, 0..4000, None);
    look(dir.path(), &files);
    let index = start(dir.path(), &files);
    index.refresh(&files).unwrap();
    truncate(&names(dir.path())[0]);
    let content = files.0.lock().insert(IndexId::new([1; 32]), b"unreadable".to_vec()).unwrap();
    assert!(!index.has(BlobKind::Data, &blob_id(1)), "it is stored once more");
    assert_eq!(index.refresh(&files), Err(Failure));
    files.0.lock().insert(IndexId::new([1; 32]), content);
    index.refresh(&files).unwrap();
    assert_eq!(seen(&index), truth(&files));
}

#[test]
fn what_is_left_of_a_damaged_file_is_no_cache_for_others() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    files.add(1, 0..4000, None);
    look(dir.path(), &files);
    let index = start(dir.path(), &files);
    index.refresh(&files).unwrap();
    truncate(&names(dir.path())[0]);
    let content = files.0.lock().insert(IndexId::new([1; 32]), b"unreadable".to_vec()).unwrap();
    // Taking a file in reads all of it: what lacks rows must not be written.
    let before = index.view();
    assert!(!before.has(BlobKind::Data, &blob_id(1)));
    index.cache.as_ref().unwrap().save(&before);
    files.0.lock().insert(IndexId::new([1; 32]), content);
    assert_eq!(look(dir.path(), &files), truth(&files));
}

#[test]
fn the_cache_of_another_repository_or_key_is_refused() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    files.add(1, 0..100, None);
    look(dir.path(), &files);
    let [name] = names(dir.path()).try_into().unwrap();
    let mine = cache(dir.path(), &files, EAGER);
    assert!(Segment::open(&name, &mine.origin).is_ok());
    let with = |key: [u8; 64], repository: u8| {
        let (key, repository) = (Key::from_bytes(&key).unwrap(), RepositoryId::new([repository; 32]));
        let origin = Arc::new(Origin { key, repository, reread: Box::new(|_| None) });
        Segment::open(&name, &origin).is_ok()
    };
    assert!(with(KEY, 1));
    assert!(!with([6; 64], 1));
    assert!(!with(KEY, 2));
}

#[test]
fn after_a_prune_by_somebody_else_its_files_count() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    for n in 0..6 {
        files.add(n, 100 * u32::from(n)..100 * u32::from(n) + 150, None);
    }
    look(dir.path(), &files);
    for n in 1..5 {
        files.remove(n);
    }
    files.add(9, 130..300, None);
    let index = start(dir.path(), &files);
    let refreshed = index.refresh(&files).unwrap();
    assert_eq!((refreshed.added, refreshed.vanished, refreshed.generation), (1, 4, 1));
    assert_eq!(seen(&index), truth(&files));
    index.finish_saving();
    files.reads();
    assert_eq!(look(dir.path(), &files), truth(&files));
    assert_eq!((files.reads(), names(dir.path()).len()), (3, 1), "of these are those of the truth");
}

#[test]
fn check_and_prune_read_the_index_files_themselves() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    files.add(1, 0..100, None);
    files.add(2, 50..300, None);
    look(dir.path(), &files);
    for loaded_before in [false, true] {
        let index = start(dir.path(), &files);
        if loaded_before {
            index.refresh(&files).unwrap();
        }
        files.reads();
        assert_eq!(index.refresh_uncached(&files).unwrap().vanished, 0);
        assert_eq!((files.reads(), index.generation()), (2, 0));
        assert!(index.view().cached_files().is_empty());
        assert_eq!(index.compact().len(BlobKind::Tree), index.view().len(BlobKind::Tree));
        assert_eq!(seen(&index), truth(&files));
        files.reads();
        assert_eq!((index.refresh_uncached(&files).unwrap().added, files.reads()), (0, 0), "what was read was read");
    }
}

#[test]
fn a_small_index_file_does_not_make_a_large_cache_be_written_anew() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    files.add(1, 0..10_000, None);
    look(dir.path(), &files);
    let first = names(dir.path());
    for n in 2..30 {
        files.add(n, 10_000 + 50 * u32::from(n)..10_050 + 50 * u32::from(n), None);
        look(dir.path(), &files);
        let now = names(dir.path());
        assert!(now.contains(&first[0]) && now.len() <= 4, "{now:?}");
    }
    files.add(40, 50_000..58_000, None);
    assert_eq!(look(dir.path(), &files), truth(&files));
    assert_eq!(names(dir.path()).len(), 1);
    assert!(!names(dir.path()).contains(&first[0]));
}

#[test]
fn what_is_not_worth_it_is_not_written() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    let folder = dir.path().join("index");
    for n in 1..9 {
        let index = BlobIndex::with_cache(cache(&folder, &files, WORTH));
        files.add(n, 0..10, None);
        index.refresh(&files).unwrap();
        index.finish_saving();
        assert_eq!(folder.exists(), n == 8, "{n}");
    }
}

#[test]
fn processes_that_write_at_the_same_time_leave_one_cache() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    for n in 0..4 {
        files.add(n, 500 * u32::from(n)..500 * u32::from(n) + 600, None);
    }
    for round in 0..10 {
        files.add(50 + round, 3000 * u32::from(round)..3000 * u32::from(round) + 2000, None);
        files.remove(round);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(look(dir.path(), &files), truth(&files)));
            }
        });
        assert_eq!(look(dir.path(), &files), truth(&files));
    }
    look(dir.path(), &files);
    let size: u64 = names(dir.path()).iter().map(|name| name.metadata().unwrap().len()).sum();
    assert!(size < 3 << 20, "{size}");
}

#[test]
fn the_cache_is_for_nobody_else_and_what_died_in_it_goes() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    let folder = dir.path().join("state/index");
    fs::create_dir_all(&folder).unwrap();
    fs::remove_dir(&folder).unwrap();
    files.add(1, 0..10, None);
    look(&folder, &files);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&names(&folder)[0]), 0o600);
    let (old, young, foreign) = (folder.join(".new-rows-1"), folder.join(".new-rows-2"), folder.join("mine"));
    for path in [&old, &young, &foreign] {
        fs::write(path, b"x").unwrap();
    }
    let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    files.add(2, 0..10, None);
    look(&folder, &files);
    assert_eq!([&old, &young, &foreign].map(|path| path.exists()), [false, true, true]);
}

#[test]
fn without_a_folder_that_can_be_written_nothing_is_lost_but_time() {
    let (dir, files) = (tempfile::tempdir().unwrap(), Files::default());
    let folder = dir.path().join("a file");
    fs::write(&folder, b"").unwrap();
    files.add(1, 0..100, None);
    let index = start(&folder.join("index"), &files);
    index.refresh(&files).unwrap();
    index.finish_saving();
    assert_eq!(seen(&index), truth(&files));
    assert!(!index.cache.as_ref().unwrap().is_due(&index.view()), "it is not tried again");
}
