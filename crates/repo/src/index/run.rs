//! One sorted, immutable run of the index: rows in buckets by the first two bytes of the id.
//!
//! Invariant: rows are sorted by id and then by place; `starts` bounds each bucket. Ids are hashes, so buckets are of
//! nearly equal size and a lookup is one step into the directory and a binary search over about 1/65536 of the rows.
//! A run costs 46 bytes a blob and 256 KiB. What pack a number means is not known here.
//!
//! Everything is read through [`Run::in_bucket`], so that the rows may also lie in a file of the cache, of which only
//! those parts are in memory that somebody asked for.

use std::sync::Arc;

use holdfast_model::BlobId;

use super::cache::{CachedRows, Segment};
use super::row::{Place, Placed, Row, SUFFIX, bucket, pack_row, row_id, row_place, suffix};

pub(super) const BUCKETS: usize = 1 << 16;

/// A sorted run. At most 2^32 - 1 rows.
#[derive(Debug)]
pub(super) struct Run(Rows);

#[derive(Debug)]
enum Rows {
    Memory {
        starts: Box<[u32]>,
        rows: Vec<Row>,
    },
    /// Rows of the cache, their packs numbered from `base` on.
    Cached {
        rows: Arc<CachedRows>,
        base: u32,
    },
}

impl Run {
    /// Sorts the rows of several parts into one run, giving each part's memory back as it is taken over.
    pub(super) fn new(parts: Vec<Vec<Placed>>) -> Self {
        let mut starts = vec![0u32; BUCKETS + 1].into_boxed_slice();
        for placed in parts.iter().flatten() {
            starts[bucket(&placed.id) + 1] += 1;
        }
        for at in 0..BUCKETS {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut rows = vec![[0; SUFFIX + 16]; starts[BUCKETS] as usize];
        for part in parts {
            for placed in &part {
                let slot = &mut next[bucket(&placed.id)];
                rows[*slot as usize] = pack_row(placed);
                *slot += 1;
            }
        }
        for bounds in starts.windows(2) {
            let rows = &mut rows[bounds[0] as usize..bounds[1] as usize];
            if rows.len() > 1 {
                rows.sort_unstable();
            }
        }
        Self(Rows::Memory { starts, rows })
    }

    /// Rows of the cache, their packs numbered from `base` on.
    pub(super) fn cached(rows: Arc<CachedRows>, base: u32) -> Self {
        Self(Rows::Cached { rows, base })
    }

    /// One run of the rows of several, each of them changed or dropped by `keep`.
    pub(super) fn merge(runs: &[&Run], mut keep: impl FnMut(Place) -> Option<Place>) -> Self {
        let total = runs.iter().map(|run| run.len()).sum();
        let mut starts = Vec::with_capacity(BUCKETS + 1);
        let mut rows: Vec<Row> = Vec::with_capacity(total);
        for at in 0..BUCKETS {
            starts.push(rows.len() as u32);
            merge_bucket(runs, at, &mut keep, &mut rows);
        }
        starts.push(rows.len() as u32);
        rows.shrink_to_fit();
        Self(Rows::Memory { starts: starts.into_boxed_slice(), rows })
    }

    /// This run with its packs numbered from `base` on, if it lies in the cache.
    pub(super) fn rebased(&self, base: u32) -> Option<Self> {
        self.cached_rows().map(|rows| Self::cached(rows.clone(), base))
    }

    /// The file of the cache that the run lies in.
    pub(super) fn segment(&self) -> Option<&Segment> {
        self.cached_rows().map(|rows| rows.segment())
    }

    fn cached_rows(&self) -> Option<&Arc<CachedRows>> {
        match &self.0 {
            Rows::Memory { .. } => None,
            Rows::Cached { rows, .. } => Some(rows),
        }
    }

    /// How many rows lie before each bucket.
    pub(super) fn starts(&self) -> &[u32] {
        match &self.0 {
            Rows::Memory { starts, .. } => starts,
            Rows::Cached { rows, .. } => rows.starts(),
        }
    }

    /// The rows of a bucket: none if they can be read neither from the cache nor from the index files, which the segment
    /// then tells.
    pub(super) fn in_bucket(&self, bucket: usize) -> &[Row] {
        match &self.0 {
            Rows::Memory { starts, rows } => &rows[starts[bucket] as usize..starts[bucket + 1] as usize],
            Rows::Cached { rows, .. } => rows.in_bucket(bucket),
        }
    }

    fn place(&self, row: &Row) -> Place {
        let place = row_place(row);
        match &self.0 {
            Rows::Memory { .. } => place,
            Rows::Cached { base, .. } => Place { pack: place.pack + base, ..place },
        }
    }

    pub(super) fn len(&self) -> usize {
        self.starts()[BUCKETS] as usize
    }

    /// Where the rows of this id begin in its bucket.
    fn find(&self, id: &BlobId) -> Option<(&[Row], usize)> {
        let rows = self.in_bucket(bucket(id));
        let at = rows.partition_point(|row| row[..SUFFIX] < *suffix(id));
        rows.get(at).filter(|row| row[..SUFFIX] == *suffix(id)).map(|_| (rows, at))
    }

    /// The first row of this id, counted from the start of the run.
    pub(super) fn position(&self, id: &BlobId) -> Option<usize> {
        self.find(id).map(|(_, at)| self.starts()[bucket(id)] as usize + at)
    }

    /// All places of this id.
    pub(super) fn places<'a>(&'a self, id: &'a BlobId) -> impl Iterator<Item = Place> + 'a {
        let rows = self.find(id).map_or(&[][..], |(rows, at)| &rows[at..]);
        rows.iter().take_while(|row| row[..SUFFIX] == *suffix(id)).map(|row| self.place(row))
    }

    /// All rows, in order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = Placed> + '_ {
        (0..BUCKETS).flat_map(move |bucket| {
            let place = move |row: &Row| Placed { id: row_id(bucket, row), place: self.place(row) };
            self.in_bucket(bucket).iter().map(place)
        })
    }

    /// Bytes that the run takes in memory.
    pub(super) fn memory(&self) -> usize {
        match &self.0 {
            Rows::Memory { starts, rows } => rows.capacity() * size_of::<Row>() + size_of_val(&**starts),
            Rows::Cached { rows, .. } => rows.memory(),
        }
    }
}

/// Appends the rows of one bucket of several runs, each of them changed or dropped by `keep`, in order.
pub(super) fn merge_bucket(
    runs: &[&Run],
    bucket: usize,
    mut keep: impl FnMut(Place) -> Option<Place>,
    rows: &mut Vec<Row>,
) {
    let first = rows.len();
    for run in runs {
        for row in run.in_bucket(bucket) {
            let place = run.place(row);
            if let Some(place) = keep(place) {
                rows.push(pack_row(&Placed { id: row_id(bucket, row), place }));
            }
        }
    }
    // Made of runs that are sorted, which this sort takes as they are.
    rows[first..].sort();
}
