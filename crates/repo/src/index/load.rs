//! Reading index files: several at once, only those that are not known yet.
//!
//! Invariant: a refresh is all or nothing. A file that vanishes between listing and reading starts it anew, because the
//! file that took its place is not in that listing.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use holdfast_model::{IndexId, PackId};

use super::cache::Segment;
use super::json::{self, Parsed};
use super::row::{Place, Placed};
use super::run::Run;
use super::view::{File, IndexView, add_run};
use crate::cursor::SyntaxError;

/// How often a refresh starts anew before it gives up.
const ATTEMPTS: usize = 10;

/// At least so many files are read at the same time: storages far away answer each slowly.
const READERS: usize = 8;

/// Where index files come from.
pub trait IndexSource: Sync {
    /// What can go wrong there.
    type Error: Send;

    /// The ids of all index files.
    fn list(&self) -> Result<Vec<IndexId>, Self::Error>;

    /// The plaintext of an index file, `None` if it has vanished.
    fn load(&self, id: &IndexId) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The error for a file whose plaintext is no index.
    fn malformed(&self, id: &IndexId, source: SyntaxError) -> Self::Error;

    /// The error when index files keep vanishing while they are read.
    fn restless(&self) -> Self::Error;
}

/// What a refresh found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refreshed {
    /// Index files that were read.
    pub added: usize,
    /// Index files that were known and are gone. More than 0 means: a prune or a repair has run.
    pub vanished: usize,
    /// The index's generation now.
    pub generation: u64,
}

/// What has to change in a view.
pub(super) struct Loaded {
    new: Vec<(IndexId, Parsed)>,
    gone: HashSet<IndexId>,
    /// What the view says of these is replaced.
    distrusted: HashSet<IndexId>,
}

impl Loaded {
    /// Lists and reads; `None` if nothing has changed.
    ///
    /// The files that are `distrusted` are read although the view knows them.
    pub(super) fn read<S: IndexSource>(
        source: &S,
        view: &IndexView,
        distrusted: HashSet<IndexId>,
    ) -> Result<Option<Self>, S::Error> {
        for _ in 0..ATTEMPTS {
            let listed: HashSet<IndexId> = source.list()?.into_iter().collect();
            let known: HashSet<IndexId> = view.index_files().collect();
            let gone: HashSet<IndexId> = known.difference(&listed).copied().collect();
            let missing: Vec<IndexId> =
                listed.iter().filter(|id| !known.contains(id) || distrusted.contains(id)).copied().collect();
            if missing.is_empty() && gone.is_empty() {
                return Ok(None);
            }
            if let Some(new) = read_all(source, &missing)? {
                return Ok(Some(Self { new, gone, distrusted }));
            }
        }
        Err(source.restless())
    }

    /// The view that follows.
    pub(super) fn apply(mut self, before: &IndexView) -> (IndexView, Refreshed) {
        self.new.retain(|(id, _)| !before.knows(id) || self.distrusted.contains(id));
        let (added, vanished) = (self.new.len(), self.gone.len());
        self.gone.extend(self.distrusted);
        let mut view = drop_files(before, &self.gone);
        view.generation = before.generation + u64::from(vanished > 0);

        let (mut data, mut trees) = (Vec::new(), Vec::new());
        // Files in order of their ids, so that the numbering does not depend on the threads.
        self.new.sort_unstable_by_key(|(id, _)| *id);
        for (id, mut parsed) in self.new {
            let first_pack = view.next_pack;
            view.next_pack += parsed.packs.len() as u32;
            parsed.number_from(first_pack);
            view.files.push(Arc::new(File {
                id,
                first_pack,
                rows: parsed.rows(),
                packs: parsed.packs.into(),
                marked: parsed.marked.into(),
                is_cached: false,
            }));
            data.push(parsed.data);
            trees.push(parsed.trees);
        }
        add_run(&mut view.data, data);
        add_run(&mut view.trees, trees);
        view.marked = Arc::new(marked(&view.files));
        let refreshed = Refreshed { added, vanished, generation: view.generation };
        (view, refreshed)
    }
}

pub(super) fn marked(files: &[Arc<File>]) -> HashSet<PackId> {
    files.iter().flat_map(|file| file.marked.iter().copied()).collect()
}

/// The view without the files that are gone, its packs numbered anew.
fn drop_files(before: &IndexView, gone: &HashSet<IndexId>) -> IndexView {
    let mut view = IndexView::empty(before.generation);
    if gone.is_empty() {
        view.files.clone_from(&before.files);
        view.next_pack = before.next_pack;
        (view.data, view.trees) = (before.data.clone(), before.trees.clone());
        return view;
    }
    // The first number of each old file's block in the new view.
    let mut moved = Vec::with_capacity(before.files.len());
    for file in &before.files {
        let lives = !gone.contains(&file.id);
        moved.push(lives.then_some(view.next_pack));
        if !lives {
            continue;
        }
        let (packs, first_pack) = (file.packs.clone(), view.next_pack);
        view.next_pack += packs.len() as u32;
        let File { id, rows, is_cached, .. } = **file;
        view.files.push(Arc::new(File { id, first_pack, rows, packs, marked: file.marked.clone(), is_cached }));
    }
    let renumber = |place: Place| {
        let after = before.files.partition_point(|file| file.first_pack <= place.pack);
        let pack = moved[after - 1]? + (place.pack - before.files[after - 1].first_pack);
        Some(Place { pack, ..place })
    };
    for (old, new) in [(&before.data, &mut view.data), (&before.trees, &mut view.trees)] {
        let mut changed: Vec<&Run> = Vec::new();
        for run in old {
            let files = run.segment().map_or(&[][..], Segment::files);
            let lost = files.iter().filter(|file| gone.contains(&file.id)).count();
            match files.first() {
                // All that lies in the cache and of which nothing is gone stays there.
                Some(first) if lost == 0 => {
                    let at = before.files.iter().position(|file| file.id == first.id);
                    let base = at.and_then(|at| moved[at]).expect("the files of a run are in the view");
                    new.extend(run.rebased(base).map(Arc::new));
                }
                Some(_) if lost == files.len() => {}
                _ => changed.push(run),
            }
        }
        let run = Run::merge(&changed, renumber);
        if run.len() > 0 {
            new.push(Arc::new(run));
        }
    }
    view
}

/// Reads these files with several threads; `None` if one of them has vanished.
pub(super) fn read_all<S: IndexSource>(
    source: &S,
    ids: &[IndexId],
) -> Result<Option<Vec<(IndexId, Parsed)>>, S::Error> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).max(READERS).min(ids.len()).max(1);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut files = Vec::new();
        while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
            let read = read_one(source, id);
            if !matches!(read, Ok(Some(_))) {
                // The others need not go on.
                next.store(ids.len(), Ordering::Relaxed);
            }
            match read? {
                Some(parsed) => files.push((*id, parsed)),
                None => return Ok(None),
            }
        }
        Ok(Some(files))
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut files = work()?;
        for other in others {
            let found = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            files = files.zip(found).map(|(mut all, found)| {
                all.extend(found);
                all
            });
        }
        Ok(files)
    })
}

fn read_one<S: IndexSource>(source: &S, id: &IndexId) -> Result<Option<Parsed>, S::Error> {
    let Some(plaintext) = source.load(id)? else { return Ok(None) };
    let mut parsed = json::decode(&plaintext).map_err(|error| source.malformed(id, error))?;
    let shrink = |rows: &mut Vec<Placed>| rows.shrink_to_fit();
    shrink(&mut parsed.data);
    shrink(&mut parsed.trees);
    Ok(Some(parsed))
}
