//! The index at one moment: sorted runs for data and for trees, and the files and packs behind them.
//!
//! Invariant: a view never changes. Pack numbers are given in blocks, one per index file, so that a number says which
//! index file names the pack; a pack that two files name has two numbers, and its blobs are in the view twice.

use std::collections::HashSet;
use std::sync::Arc;

use holdfast_model::{BlobId, Id, IndexId, PackId};

use super::cache::Segment;
use super::row::{Place, Placed};
use super::run::Run;
use crate::pack::{BlobKind, PackedBlob, plain_length};

/// Where a blob lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobLocation {
    /// The pack.
    pub pack: PackId,
    /// First byte in the pack.
    pub offset: u32,
    /// Bytes in the pack, with those that encryption adds.
    pub stored_length: u32,
    /// Bytes of the plaintext if it is compressed, 0 if it is stored as it is.
    pub uncompressed_length: u32,
}

impl BlobLocation {
    /// Bytes of the plaintext.
    pub fn plain_length(&self) -> u32 {
        plain_length(self.stored_length, self.uncompressed_length)
    }

    /// Whether the blob is compressed.
    pub fn is_compressed(&self) -> bool {
        self.uncompressed_length != 0
    }

    /// The first byte behind the blob.
    pub fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.stored_length)
    }
}

/// One index file and the packs that it names.
#[derive(Debug)]
pub(super) struct File {
    pub(super) id: IndexId,
    pub(super) first_pack: u32,
    /// How many rows of both kinds it gave.
    pub(super) rows: u32,
    pub(super) packs: Arc<[PackId]>,
    pub(super) marked: Arc<[PackId]>,
    /// Whether what it says was taken from the cache, and not from the file itself.
    pub(super) is_cached: bool,
}

/// The index as it was at one moment.
#[derive(Debug, Default)]
pub struct IndexView {
    pub(super) generation: u64,
    /// In order of their pack numbers.
    pub(super) files: Vec<Arc<File>>,
    pub(super) next_pack: u32,
    pub(super) marked: Arc<HashSet<PackId>>,
    /// Longest first among those in memory, each at least four times as long as the next; those of the cache in front.
    pub(super) data: Vec<Arc<Run>>,
    pub(super) trees: Vec<Arc<Run>>,
}

impl IndexView {
    pub(super) fn empty(generation: u64) -> Self {
        Self { generation, ..Self::default() }
    }

    /// Counts the times that an index file has vanished.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    fn runs(&self, kind: BlobKind) -> &[Arc<Run>] {
        match kind {
            BlobKind::Data => &self.data,
            BlobKind::Tree => &self.trees,
        }
    }

    /// Whether an index file names the blob, in a pack that is not marked for deletion.
    pub fn has(&self, kind: BlobKind, id: &BlobId) -> bool {
        if self.marked.is_empty() {
            return self.runs(kind).iter().any(|run| run.position(id).is_some());
        }
        self.locations(kind, id).any(|location| !self.marked.contains(&location.pack))
    }

    /// All places of a blob, also those in packs that are marked for deletion: for reading, any will do.
    pub fn locations<'a>(&'a self, kind: BlobKind, id: &'a BlobId) -> impl Iterator<Item = BlobLocation> + 'a {
        self.runs(kind).iter().flat_map(move |run| run.places(id)).map(|place| self.location(place))
    }

    /// How many blobs of a kind are listed, a blob counted once for each of its places.
    pub fn len(&self, kind: BlobKind) -> usize {
        self.runs(kind).iter().map(|run| run.len()).sum()
    }

    /// Whether the repository holds no blob.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty() && self.trees.is_empty()
    }

    /// All blobs of a kind with all their places, in no order that holds over several runs.
    pub fn blobs(&self, kind: BlobKind) -> impl Iterator<Item = (BlobId, BlobLocation)> + '_ {
        self.runs(kind).iter().flat_map(|run| run.iter()).map(|Placed { id, place }| (id, self.location(place)))
    }

    /// A number below [`len`](Self::len) that belongs to this blob alone among those of its kind; not all numbers
    /// are used. For tables beside the view.
    pub fn ordinal(&self, kind: BlobKind, id: &BlobId) -> Option<usize> {
        let mut before = 0;
        for run in self.runs(kind) {
            if let Some(position) = run.position(id) {
                return Some(before + position);
            }
            before += run.len();
        }
        None
    }

    /// Calls `each` for every blob of a kind with its [`ordinal`](Self::ordinal) and all its places. The view must be a
    /// compact one.
    pub(crate) fn each_blob(&self, kind: BlobKind, mut each: impl FnMut(usize, &BlobId, &mut Vec<Place>)) {
        debug_assert!(self.runs(kind).len() <= 1, "the view is not compact");
        let mut places = Vec::new();
        for run in self.runs(kind) {
            let mut rows = run.iter().enumerate().peekable();
            while let Some((ordinal, Placed { id, place })) = rows.next() {
                places.clear();
                places.push(place);
                while let Some((_, same)) = rows.next_if(|(_, next)| next.id == id) {
                    places.push(same.place);
                }
                each(ordinal, &id, &mut places);
            }
        }
    }

    /// The ids of those blobs of a kind whose ordinals are wanted. The view must be a compact one.
    pub(crate) fn ids_at<T: From<Id>>(&self, kind: BlobKind, wanted: impl Fn(usize) -> bool) -> Vec<T> {
        let mut ids = Vec::new();
        self.each_blob(kind, |ordinal, id, _| {
            if wanted(ordinal) {
                ids.push(Id::new(*id.as_bytes()).into());
            }
        });
        ids
    }

    /// This view with all its runs merged into one for each kind.
    pub(super) fn compacted(&self) -> Self {
        let compact = |runs: &[Arc<Run>]| match runs {
            [] | [_] => runs.to_vec(),
            _ => {
                let runs: Vec<&Run> = runs.iter().map(|run| &**run).collect();
                vec![Arc::new(Run::merge(&runs, Some))]
            }
        };
        Self {
            generation: self.generation,
            files: self.files.clone(),
            next_pack: self.next_pack,
            marked: self.marked.clone(),
            data: compact(&self.data),
            trees: compact(&self.trees),
        }
    }

    /// The index files that the view is made of.
    pub fn index_files(&self) -> impl Iterator<Item = IndexId> + '_ {
        self.files.iter().map(|file| file.id)
    }

    /// The packs that index files name, with the file that does. A pack may be named more than once.
    pub fn packs(&self) -> impl Iterator<Item = (PackId, IndexId)> + '_ {
        self.files.iter().flat_map(|file| file.packs.iter().map(|pack| (*pack, file.id)))
    }

    /// Whether a pack is marked for deletion (rustic's prune does that).
    pub fn is_marked(&self, pack: &PackId) -> bool {
        self.marked.contains(pack)
    }

    /// Whether any pack is marked for deletion.
    pub fn has_marks(&self) -> bool {
        !self.marked.is_empty()
    }

    /// Bytes that the view takes in memory.
    pub fn memory(&self) -> usize {
        let runs: usize = self.data.iter().chain(&self.trees).map(|run| run.memory()).sum();
        let files: usize = self.files.iter().map(|file| size_of::<File>() + size_of_val(&*file.packs)).sum();
        runs + files
    }

    /// The index files whose content was taken from the cache.
    pub(super) fn cached_files(&self) -> HashSet<IndexId> {
        self.files.iter().filter(|file| file.is_cached).map(|file| file.id).collect()
    }

    /// Whether some of what was taken from the cache can't be read any more: blobs may seem to be absent that are not.
    pub(super) fn has_failed(&self) -> bool {
        self.data.iter().chain(&self.trees).any(|run| run.segment().is_some_and(Segment::has_failed))
    }

    pub(super) fn knows(&self, id: &IndexId) -> bool {
        self.files.iter().any(|file| file.id == *id)
    }

    /// The file whose block of numbers holds this one.
    pub(super) fn file_of(&self, pack: u32) -> &Arc<File> {
        let after = self.files.partition_point(|file| file.first_pack <= pack);
        &self.files[after - 1]
    }

    fn location(&self, place: Place) -> BlobLocation {
        let file = self.file_of(place.pack);
        BlobLocation {
            pack: file.packs[(place.pack - file.first_pack) as usize],
            offset: place.offset,
            stored_length: place.stored_length,
            uncompressed_length: place.uncompressed_length,
        }
    }

    /// This view and one more file.
    pub(super) fn with_file(&self, id: IndexId, packs: &[(PackId, &[PackedBlob])]) -> Self {
        let (mut data, mut trees) = (Vec::new(), Vec::new());
        for (number, (_, blobs)) in packs.iter().enumerate() {
            for blob in *blobs {
                let place = Place {
                    pack: self.next_pack + number as u32,
                    offset: blob.offset,
                    stored_length: blob.stored_length,
                    uncompressed_length: blob.uncompressed_length,
                };
                let rows = if blob.kind == BlobKind::Data { &mut data } else { &mut trees };
                rows.push(Placed { id: blob.id, place });
            }
        }
        let file = File {
            id,
            first_pack: self.next_pack,
            rows: (data.len() + trees.len()) as u32,
            packs: packs.iter().map(|(pack, _)| *pack).collect(),
            marked: Arc::default(),
            is_cached: false,
        };
        let mut view = Self {
            generation: self.generation,
            files: self.files.clone(),
            next_pack: self.next_pack + packs.len() as u32,
            marked: self.marked.clone(),
            data: self.data.clone(),
            trees: self.trees.clone(),
        };
        view.files.push(Arc::new(file));
        add_run(&mut view.data, vec![data]);
        add_run(&mut view.trees, vec![trees]);
        view
    }
}

/// Adds rows as one more run, merging until each run is at least four times as long as the next: the work of a
/// merge is then a logarithm of the blobs, and so is the number of runs that a lookup asks.
pub(super) fn add_run(runs: &mut Vec<Arc<Run>>, parts: Vec<Vec<Placed>>) {
    if parts.iter().all(Vec::is_empty) {
        return;
    }
    let mut new = Arc::new(Run::new(parts));
    // What lies in the cache stays there.
    while let Some(last) = runs.pop_if(|last| last.segment().is_none() && last.len() < 4 * new.len()) {
        new = Arc::new(Run::merge(&[&last, &new], Some));
    }
    runs.push(new);
}
