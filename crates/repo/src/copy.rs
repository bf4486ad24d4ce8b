//! Copying snapshots into another repository: read here, proven, stored there under that repository's key.
//!
//! Invariant: what was copied before is not copied again, whatever its id is there; a copy names the snapshot it comes from
//! as its `original`, as restic's `copy` does. Blobs stay as they are cut: the other repository's chunker plays no part.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_model::monitor::{Phase, Progress};
use holdfast_model::{BlobId, CancelToken, Cancelled, Monitor, PackId, SnapshotId, TreeId};
use holdfast_store::Pause;
use parking_lot::Mutex;

use crate::closure::ClosedTrees;
use crate::error::{RepoError, RepoErrorKind};
use crate::index::BlobLocation;
use crate::ingest::Added;
use crate::pack::BlobKind;
use crate::tree_walk::{References, TreeVisitor, WalkError, walk_trees};
use crate::{IngestError, IngestSession, LockMode, Proof, ReadError, Repository, SavedSnapshot, Snapshot};

/// Why a copy did not come to its end. The snapshots that were copied before are complete.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The repository that is copied from, or the other one, as a whole.
    #[error(transparent)]
    Repository(#[from] RepoError),
    /// A tree cannot be read.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// A blob cannot be read.
    #[error(transparent)]
    Read(Box<ReadError>),
    /// The other repository does not take something.
    #[error(transparent)]
    Write(#[from] IngestError),
}

impl CopyError {
    /// What the failure means for the caller.
    pub fn kind(&self) -> RepoErrorKind {
        match self {
            Self::Repository(source) => source.kind(),
            Self::Walk(source) => source.kind(),
            Self::Read(source) => source.kind(),
            Self::Write(source) => source.kind(),
        }
    }
}

impl From<Cancelled> for CopyError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Repository(cancelled.into())
    }
}

/// What a copy did.
#[derive(Debug, Clone, Default)]
pub struct CopyReport {
    /// Snapshots that were copied, and what they are there.
    pub copied: Vec<(SnapshotId, SavedSnapshot)>,
    /// Snapshots that had been copied before, and what they are there.
    pub skipped: Vec<(SnapshotId, SnapshotId)>,
    /// What was stored.
    pub added: Added,
}

/// Bytes in packs after which the snapshots that are complete are saved.
const SAVE_AFTER: u64 = 1 << 30;

/// Copies snapshots from one repository to another, those that are not there yet.
pub fn copy_snapshots(
    from: &Repository,
    snapshots: &[SavedSnapshot],
    to: &Repository,
    pause: &dyn Pause,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<CopyReport, CopyError> {
    let read_lock = from.lock(LockMode::Shared, pause)?;
    let session = IngestSession::begin(to, Box::new(|_| ()), pause)?;
    let there = to.snapshots()?;
    from.engine().refresh()?;
    monitor.phase(Phase::Repacking);

    let mut report = CopyReport::default();
    let copy = Copy { from, session: &session, seen: Mutex::default(), cancel, wanted: Mutex::default() };
    let (mut complete, mut saved_at) = (Vec::new(), 0);
    let save = |complete: &mut Vec<&SavedSnapshot>| -> Result<Vec<(SnapshotId, SavedSnapshot)>, CopyError> {
        let saved = complete.drain(..).map(|snapshot| {
            read_lock.check()?;
            let mut new = (*snapshot.snapshot).clone();
            new.parent = None;
            new.original = new.original.or(Some(snapshot.id));
            let saved = session.save(new, |_, _| ())?.snapshot;
            monitor.note(&format!("snapshot {} copied, there it is {}", snapshot.id.short(), saved.id.short()));
            Ok((snapshot.id, saved))
        });
        saved.collect()
    };
    for snapshot in snapshots {
        if let Some(copied) = there.iter().find(|other| is_copy(snapshot, other)) {
            report.skipped.push((snapshot.id, copied.id));
            continue;
        }
        copy.tree(snapshot.tree, monitor)?;
        complete.push(snapshot);
        // Saving makes everything durable, in packs that may be small: many snapshots that add little share that.
        let added = session.added().data.packed + session.added().trees.packed;
        if added - saved_at >= SAVE_AFTER {
            saved_at = added;
            report.copied.extend(save(&mut complete)?);
        }
    }
    report.copied.extend(save(&mut complete)?);
    report.added = session.added();
    Ok(report)
}

/// Whether `other` is a copy of the same snapshot, and still says the same.
fn is_copy(snapshot: &SavedSnapshot, other: &SavedSnapshot) -> bool {
    let original = snapshot.original.unwrap_or(snapshot.id);
    (other.original == Some(original) || other.id == original) && is_similar(snapshot, other)
}

/// Equal in everything but parent and original. Paths and tags in any order, as in restic.
fn is_similar(one: &Snapshot, other: &Snapshot) -> bool {
    let same_set =
        |one: &[String], other: &[String]| one.len() == other.len() && one.iter().all(|text| other.contains(text));
    one.time.at == other.time.at
        && one.tree == other.tree
        && (&one.hostname, &one.username) == (&other.hostname, &other.username)
        && (one.uid, one.gid) == (other.uid, other.gid)
        && one.excludes == other.excludes
        && same_set(&one.paths, &other.paths)
        && same_set(&one.tags, &other.tags)
}

struct Copy<'a> {
    from: &'a Repository,
    session: &'a IngestSession,
    /// Trees that were copied already, for an earlier snapshot or an earlier folder.
    seen: Mutex<HashSet<TreeId>>,
    cancel: &'a CancelToken,
    /// Data blobs that the trees of this snapshot name and the other repository does not have.
    wanted: Mutex<HashSet<BlobId>>,
}

impl Copy<'_> {
    fn closed_there(&self) -> &ClosedTrees {
        &self.session.repository().engine().core().closed
    }

    fn is_new(&self, tree: &TreeId) -> bool {
        !self.closed_there().knows(tree) && self.seen.lock().insert(*tree)
    }

    /// Copies a tree and all that it reaches.
    fn tree(&self, root: TreeId, monitor: &dyn Monitor) -> Result<(), CopyError> {
        if self.is_new(&root) {
            walk_trees(self.from.engine().core(), vec![root], self)?;
        }
        let wanted = std::mem::take(&mut *self.wanted.lock());
        self.blobs(&wanted, monitor)
    }

    /// Copies data blobs, pack by pack.
    fn blobs(&self, wanted: &HashSet<BlobId>, monitor: &dyn Monitor) -> Result<(), CopyError> {
        let view = self.from.engine().index();
        let mut packs: BTreeMap<PackId, Vec<(BlobId, BlobLocation)>> = BTreeMap::new();
        for id in wanted {
            let unknown = ReadError::Unknown { kind: BlobKind::Data, id: *id };
            let at = view.locations(BlobKind::Data, id).next().ok_or_else(|| CopyError::Read(Box::new(unknown)))?;
            packs.entry(at.pack).or_default().push((*id, at));
        }
        let packs: Vec<_> = packs.into_iter().collect();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let run = || -> Result<(), CopyError> {
            while let Some((pack, blobs)) = packs.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.pack(*pack, blobs).inspect_err(|_| next.store(packs.len(), Ordering::Relaxed))?;
                let files_done = done.fetch_add(1, Ordering::Relaxed) as u64 + 1;
                let files_total = Some(packs.len() as u64);
                monitor.progress(&Progress { files_done, files_total, ..Progress::default() });
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads = self.from.engine().core().options.connections.get().min(packs.len().max(1));
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
            others.into_iter().fold(run(), |result, other| {
                let ended = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                result.and(ended)
            })
        })
    }

    fn pack(&self, pack: PackId, blobs: &[(BlobId, BlobLocation)]) -> Result<(), CopyError> {
        let engine = self.from.engine();
        for (result, (id, _)) in engine.read_stored(pack, blobs.to_vec()).zip(sorted(blobs)) {
            self.cancel.check()?;
            let plain = match result {
                Ok((id, blob)) => engine.decode_stored(&id, &blob).ok().map(|plain| (id, plain)),
                Err(_) => None,
            };
            // Another pack may have a copy that is not damaged; if not, this says what is wrong.
            let (id, plain) = match plain {
                Some(found) => found,
                None => {
                    let loaded = engine.load_blob(BlobKind::Data, &id);
                    (id, loaded.map_err(|source| CopyError::Read(Box::new(source)))?)
                }
            };
            self.session.put_data(id, plain, Proof::Verified)?;
        }
        Ok(())
    }
}

/// In the order in which they are read.
fn sorted(blobs: &[(BlobId, BlobLocation)]) -> Vec<(BlobId, BlobLocation)> {
    let mut blobs = blobs.to_vec();
    blobs.sort_unstable_by_key(|(_, at)| (at.offset, at.stored_length));
    blobs
}

impl TreeVisitor for Copy<'_> {
    type Error = CopyError;

    fn visit(&self, _: TreeId, document: Vec<u8>, references: References) -> Result<Vec<TreeId>, CopyError> {
        self.cancel.check()?;
        let missing = references.data.into_iter().filter(|id| !self.session.has_data(id));
        self.wanted.lock().extend(missing);
        let subtrees = references.trees.into_iter().filter(|tree| self.is_new(tree)).collect();
        // The bytes stay as they are, whoever wrote them.
        self.session.put_tree_document(document)?;
        Ok(subtrees)
    }
}

#[cfg(test)]
mod tests;
