//! What index files say, remembered beside the repository in a form that needs no parsing and is read as far as needed.
//!
//! Invariant: a file of the cache only repeats what certain index files say, and those never change. So it is right
//! whatever has happened since, as far as its index files are still there, and losing it costs reading them again. It is
//! believed only if it was made with this repository's key; see [`segment`]. Check and prune do not use it at all.
//!
//! There are several files, like the runs of a view: a new one takes in those that are less than four times as large, so
//! that a small index file never makes a large cache be written anew. Processes that write at the same time know nothing of
//! each other: each file has a name of its own, and of files that overlap all processes choose the same. Where the folder
//! lies is not decided here.

mod segment;
mod write;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast_model::{IndexId, RepositoryId};
use parking_lot::Mutex;

pub(super) use self::segment::{CachedRows, Segment};
use self::write::{Content, cached_file, create_folder, new_name};
use super::json::Parsed;
use super::row::Place;
use super::run::Run;
use super::view::{File, IndexView};
use crate::crypto::Key;

/// What the names of files begin with.
const NAME: &str = "rows-";
/// What the names of files begin with that are being written.
const TEMPORARY: &str = ".new-";
/// A file that is being written is not left alone for longer: its writer has died.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Reads index files again, all or nothing.
pub(super) type Reread = dyn Fn(&[IndexId]) -> Option<Vec<(IndexId, Parsed)>> + Send + Sync;

/// What all files of the cache come from.
pub(super) struct Origin {
    key: Key,
    repository: RepositoryId,
    reread: Box<Reread>,
}

/// The cache of one repository's index.
pub(crate) struct IndexCache {
    folder: PathBuf,
    origin: Arc<Origin>,
    /// Whether new files may be written.
    writes: bool,
    worth: Worth,
    /// The folder can't be used: once is enough to find that out.
    has_failed: AtomicBool,
    known: Mutex<Known>,
}

impl std::fmt::Debug for IndexCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexCache").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The files in the folder, by name; `None` for those that are of no use.
type Known = BTreeMap<String, Option<[Arc<CachedRows>; 2]>>;

/// When it is worth writing a file.
#[derive(Debug, Clone, Copy)]
struct Worth {
    /// Once so many blobs would have to be read from index files the next time.
    rows: u64,
    /// Once so many index files would have to be read.
    files: usize,
}

/// Below this, reading what is new takes about as long as syncing a file.
const WORTH: Worth = Worth { rows: 8192, files: 8 };

/// What there is to be written.
struct Plan {
    /// Index files of the view that no file of the cache holds, and those of the files that are taken in.
    files: Vec<Arc<File>>,
    /// Files of the cache that are of no use, or of none any more once that is written.
    superfluous: Vec<String>,
}

impl IndexCache {
    /// A cache in this folder, which need not exist.
    pub(super) fn new(folder: PathBuf, key: Key, repository: RepositoryId, writes: bool, reread: Box<Reread>) -> Self {
        let origin = Arc::new(Origin { key, repository, reread });
        Self { folder, origin, writes, worth: WORTH, has_failed: AtomicBool::new(false), known: Mutex::default() }
    }

    /// The view of all index files that the cache holds.
    pub(super) fn load(&self) -> IndexView {
        let mut known = self.known.lock();
        self.scan(&mut known);
        let mut view = IndexView::empty(0);
        for (_, rows) in chosen(&known) {
            let base = view.next_pack;
            for file in rows[0].segment().files() {
                let first_pack = view.next_pack;
                view.next_pack += file.packs.len() as u32;
                view.files.push(Arc::new(File {
                    id: file.id,
                    first_pack,
                    rows: file.rows,
                    packs: file.packs.clone(),
                    marked: file.marked.clone(),
                    is_cached: true,
                }));
            }
            for (rows, runs) in rows.iter().zip([&mut view.data, &mut view.trees]) {
                let run = Run::cached(rows.clone(), base);
                if run.len() > 0 {
                    runs.push(Arc::new(run));
                }
            }
        }
        view.marked = Arc::new(super::load::marked(&view.files));
        view
    }

    /// Whether so much of a view is not in the cache that it is worth writing.
    pub(super) fn is_due(&self, view: &IndexView) -> bool {
        self.writes && !self.has_failed.load(Ordering::Relaxed) && plan(&self.known.lock(), view, self.worth).is_due()
    }

    /// Writes what of a view is not in the cache, and removes what is superfluous then. What fails is not tried again by
    /// this process: it costs time only.
    pub(super) fn save(&self, view: &IndexView) {
        if self.try_save(view).is_err() {
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }

    fn try_save(&self, view: &IndexView) -> io::Result<()> {
        create_folder(&self.folder)?;
        let mut known = self.known.lock();
        // Somebody else may have done it by now.
        self.scan(&mut known);
        let plan = plan(&known, view, self.worth);
        if !plan.is_due() {
            return Ok(());
        }
        if !plan.files.is_empty() {
            let name = new_name();
            self.write(&name, view, &plan.files)?;
            let rows = Segment::open(&self.folder.join(&name), &self.origin).map_err(io::Error::other)?;
            known.insert(name, Some(rows));
        }
        for name in plan.superfluous {
            known.remove(&name);
            fs::remove_file(self.folder.join(name)).or_else(gone_is_fine)?;
        }
        self.remove_abandoned()
    }

    fn write(&self, name: &str, view: &IndexView, files: &[Arc<File>]) -> io::Result<()> {
        let mut number = HashMap::with_capacity(files.len());
        let mut next = 0;
        for file in files {
            number.insert(file.id, next);
            next += file.packs.len() as u32;
        }
        let renumber = |place: Place| {
            let file = view.file_of(place.pack);
            Some(Place { pack: number.get(&file.id)? + (place.pack - file.first_pack), ..place })
        };
        // Of what lies in the cache already, only what is taken in need be looked at.
        let wanted = |run: &&Run| run.segment().is_none_or(|segment| number.contains_key(&segment.files()[0].id));
        let runs = [&view.data, &view.trees].map(|runs| runs.iter().map(|run| &**run).filter(wanted).collect());
        let files = files.iter().map(|file| cached_file(file)).collect();
        Content { files, runs }.write(&self.folder, name, &self.origin, renumber)
    }

    /// Brings what is known up to date with what is in the folder.
    fn scan(&self, known: &mut Known) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names: HashSet<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        known.retain(|name, _| names.contains(name));
        for name in names.into_iter().filter(|name| name.starts_with(NAME)) {
            let path = self.folder.join(&name);
            known.entry(name).or_insert_with(|| Segment::open(&path, &self.origin).ok());
        }
    }

    /// Removes what writers have left behind that died.
    fn remove_abandoned(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let is_temporary = entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMPORARY));
            let written = entry.metadata().and_then(|found| found.modified());
            // A time that lies ahead is none.
            let is_old = || written.is_ok_and(|time| time.elapsed().map_or(true, |age| age > ABANDONED));
            if is_temporary && is_old() {
                fs::remove_file(entry.path()).or_else(gone_is_fine)?;
            }
        }
        Ok(())
    }
}

fn gone_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// The files that are used: the largest first, and none that names an index file which another one names.
fn chosen(known: &Known) -> Vec<(&String, &[Arc<CachedRows>; 2])> {
    let mut usable: Vec<_> = known.iter().filter_map(|(name, rows)| Some((name, rows.as_ref()?))).collect();
    usable.sort_by_key(|(name, rows)| (std::cmp::Reverse(size(rows)), *name));
    let mut taken: HashSet<IndexId> = HashSet::new();
    usable.retain(|(_, rows)| {
        let files = rows[0].segment().files();
        let is_free = files.iter().all(|file| !taken.contains(&file.id));
        if is_free {
            taken.extend(files.iter().map(|file| file.id));
        }
        is_free
    });
    usable
}

/// Rows of both kinds.
fn size(rows: &[Arc<CachedRows>; 2]) -> u64 {
    rows[0].segment().files().iter().map(|file| u64::from(file.rows)).sum()
}

fn plan(known: &Known, view: &IndexView, worth: Worth) -> Plan {
    let live: HashSet<IndexId> = view.index_files().collect();
    let mut kept = chosen(known);
    kept.retain(|(_, rows)| {
        let segment = rows[0].segment();
        !segment.has_failed() && segment.files().iter().all(|file| live.contains(&file.id))
    });
    let is_in = |kept: &[(&String, &[Arc<CachedRows>; 2])]| -> HashSet<IndexId> {
        kept.iter().flat_map(|(_, rows)| rows[0].segment().files()).map(|file| file.id).collect()
    };
    let not_in = |covered: &HashSet<IndexId>| -> Vec<Arc<File>> {
        view.files.iter().filter(|file| !covered.contains(&file.id)).cloned().collect()
    };
    let mut files = not_in(&is_in(&kept));
    let mut rows: u64 = files.iter().map(|file| u64::from(file.rows)).sum();
    if rows < worth.rows && files.len() < worth.files {
        // Not worth a file of its own. What is superfluous is removed all the same.
        files.clear();
    }
    while !files.is_empty()
        && let Some((_, last)) = kept.pop_if(|(_, last)| size(last) < 4 * rows)
    {
        rows += size(last);
        files = not_in(&is_in(&kept));
    }
    let names: HashSet<&String> = kept.iter().map(|(name, _)| *name).collect();
    let superfluous = known.keys().filter(|name| !names.contains(name)).cloned().collect();
    Plan { files, superfluous }
}

impl Plan {
    fn is_due(&self) -> bool {
        !self.files.is_empty() || !self.superfluous.is_empty()
    }
}

#[cfg(test)]
mod tests;
