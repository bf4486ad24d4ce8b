//! One sorted, immutable run of the index: rows in buckets by the first two bytes of the id.
//!
//! Invariant: rows are sorted by id and then by place; `starts` bounds each bucket. Ids are hashes, so buckets are of
//! nearly equal size and a lookup is one step into the directory and a binary search over about 1/65536 of the rows.
//! A run costs 46 bytes a blob and 256 KiB. What pack a number means is not known here.
//!
//! Everything is read through [`Run::rows`] and [`Run::starts`], so that a run may also lie in a mapped file.

use holdfast_model::BlobId;

use super::row::{Place, Placed, Row, SUFFIX, bucket, pack_row, row_id, row_place, suffix};

const BUCKETS: usize = 1 << 16;

/// A sorted run. At most 2^32 - 1 rows.
#[derive(Debug)]
pub(super) struct Run {
    starts: Box<[u32]>,
    rows: Vec<Row>,
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
        Self { starts, rows }
    }

    /// One run of the rows of several, each of them changed or dropped by `keep`.
    pub(super) fn merge(runs: &[&Run], mut keep: impl FnMut(Place) -> Option<Place>) -> Self {
        let total = runs.iter().map(|run| run.rows.len()).sum();
        let mut starts = Vec::with_capacity(BUCKETS + 1);
        let mut rows: Vec<Row> = Vec::with_capacity(total);
        for at in 0..BUCKETS {
            let first = rows.len();
            starts.push(first as u32);
            for row in runs.iter().flat_map(|run| run.in_bucket(at)) {
                let place = row_place(row);
                match keep(place) {
                    Some(same) if same == place => rows.push(*row),
                    Some(place) => rows.push(pack_row(&Placed { id: row_id(at, row), place })),
                    None => {}
                }
            }
            // Made of runs that are sorted, which this sort takes as they are.
            rows[first..].sort();
        }
        starts.push(rows.len() as u32);
        rows.shrink_to_fit();
        Self { starts: starts.into_boxed_slice(), rows }
    }

    fn starts(&self) -> &[u32] {
        &self.starts
    }

    fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn in_bucket(&self, bucket: usize) -> &[Row] {
        let starts = self.starts();
        &self.rows()[starts[bucket] as usize..starts[bucket + 1] as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.rows().len()
    }

    /// The first row of this id, counted from the start of the run.
    pub(super) fn position(&self, id: &BlobId) -> Option<usize> {
        let rows = self.in_bucket(bucket(id));
        let at = rows.partition_point(|row| row[..SUFFIX] < *suffix(id));
        let found = rows.get(at).is_some_and(|row| row[..SUFFIX] == *suffix(id));
        found.then(|| self.starts()[bucket(id)] as usize + at)
    }

    /// All places of this id.
    pub(super) fn places<'a>(&'a self, id: &'a BlobId) -> impl Iterator<Item = Place> + 'a {
        let end = self.starts()[bucket(id) + 1] as usize;
        let at = self.position(id).unwrap_or(end);
        self.rows()[at..end].iter().take_while(|row| row[..SUFFIX] == *suffix(id)).map(row_place)
    }

    /// All rows, in order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = Placed> + '_ {
        (0..BUCKETS).flat_map(move |bucket| {
            let place = move |row: &Row| Placed { id: row_id(bucket, row), place: row_place(row) };
            self.in_bucket(bucket).iter().map(place)
        })
    }

    /// Bytes that the run takes in memory.
    pub(super) fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<Row>() + size_of_val(&*self.starts)
    }
}
