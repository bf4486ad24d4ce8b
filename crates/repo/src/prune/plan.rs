//! A prune's plan: what it would do, with all numbers, before anything is changed.
//!
//! Invariant: a plan is made only of a repository that is whole: every blob that a snapshot reaches is in the index, in a
//! pack that is there. A plan holds for the moment of the lock under which it was made, and is used up by executing it.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use holdfast_model::monitor::Phase;
use holdfast_model::{CancelToken, Monitor, PackId, SnapshotId, TreeId};
use holdfast_store::FileKind;

use super::decide::{Decision, decide};
use super::options::{Pins, PruneOptions};
use super::stats::PruneStats;
use super::survey::Survey;
use super::used::{BlobSet, find_used};
use crate::error::{RepoError, RepoErrorKind};
use crate::index::IndexView;
use crate::pack::{BlobKind, EncodeFault};
use crate::reader::ReadError;
use crate::repository::in_parallel;
use crate::tree_walk::WalkError;
use crate::{LockGuard, Repository};

/// Why a prune was not made, or not to its end. Whatever it says, the repository is valid.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The repository as a whole.
    #[error(transparent)]
    Repository(#[from] RepoError),
    /// Something that snapshots reach is missing or damaged.
    #[error(
        "the repository is not whole, so that nothing may be deleted from it; \
         see `holdfast check`, and repair it with `restic repair`"
    )]
    NotWhole {
        /// What.
        #[source]
        source: WalkError,
    },
    /// A pack that is needed is not there.
    #[error("pack {pack} is needed, and the storage does not have it; bring it back, or run `restic repair packs`")]
    PackMissing {
        /// The pack.
        pack: PackId,
    },
    /// A pack that is needed is damaged, or the index is.
    #[error("pack {pack} has {size} bytes and should have {expected}; bring it back, or run `restic repair packs`")]
    WrongSize {
        /// The pack.
        pack: PackId,
        /// Bytes that it has.
        size: u64,
        /// Bytes that it has according to the index.
        expected: u64,
    },
    /// The repository was changed although it is locked, or the storage lists it differently each time.
    #[error("the {what} changed while the plan was made; nothing was deleted, try again")]
    Restless {
        /// `snapshots` or `index`
        what: &'static str,
    },
    /// Nothing would be left: the list of snapshots may be missing rather than empty.
    #[error(
        "{location} holds data and no snapshot, so that all of it would be deleted; \
         see that nothing is missing there, or say --unsafe-allow-remove-all"
    )]
    NoSnapshots {
        /// The store.
        location: String,
    },
    /// The lock is none under which a plan may be executed.
    #[error("a prune needs an exclusive lock of its repository, taken before it is planned; nothing was deleted")]
    Lock,
    /// The list of pins cannot be read.
    #[error("cannot find out what interrupted backups had stored")]
    Pins {
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A blob cannot be repacked.
    #[error("cannot repack pack {pack}")]
    Repack {
        /// The pack.
        pack: PackId,
        /// Why.
        #[source]
        source: Box<ReadError>,
    },
    /// The machine made a mistake.
    #[error("cannot write a pack")]
    Encode(#[from] EncodeFault),
    /// A defect of this program, noticed before anything was deleted.
    #[error("not all blobs were repacked; nothing was deleted; this is a defect, please report it")]
    Incomplete,
}

impl PruneError {
    /// What the failure means for the caller.
    pub fn kind(&self) -> RepoErrorKind {
        match self {
            Self::Repository(source) => source.kind(),
            Self::NotWhole { source } => source.kind(),
            Self::Repack { source, .. } => source.kind(),
            Self::PackMissing { .. } | Self::WrongSize { .. } => RepoErrorKind::Corrupt,
            Self::Restless { .. }
            | Self::NoSnapshots { .. }
            | Self::Lock
            | Self::Pins { .. }
            | Self::Encode(_)
            | Self::Incomplete => RepoErrorKind::Refused,
        }
    }
}

/// What a prune would do.
pub struct PrunePlan {
    pub(super) repository: Repository,
    pub(super) options: PruneOptions,
    pub(super) stats: PruneStats,
    pub(super) decision: Decision,
    /// What has to be written anew.
    pub(super) keep: BlobSet,
    pub(super) survey: Survey,
    /// What the ordinals and numbers belong to.
    pub(super) view: Arc<IndexView>,
    pub(super) snapshots: Vec<SnapshotId>,
    /// Whether some of those were not counted.
    pub(super) has_ignored: bool,
    /// When it was begun.
    pub(super) begun: Instant,
    /// All trees that snapshots reach: known to be closed afterwards.
    pub(super) used_trees: Vec<TreeId>,
}

impl PrunePlan {
    /// Makes the plan. With no lock it can be shown and not be executed.
    ///
    /// `ignored` are snapshots that count as removed already, for a `forget --prune --dry-run`; a plan that ignores one
    /// that is there can only be shown.
    pub fn new(
        repository: &Repository,
        mut options: PruneOptions,
        pins: &dyn Pins,
        ignored: &[SnapshotId],
        monitor: &dyn Monitor,
        cancel: &CancelToken,
    ) -> Result<Self, PruneError> {
        options.repack_cacheable_only.get_or_insert(repository.joined().is_some());
        monitor.phase(Phase::Planning);
        let core = repository.engine().core();
        let begun = core.clock.instant();
        let snapshots = snapshot_ids(repository)?;
        repository.engine().refresh_uncached()?;
        let roots = roots(repository, &snapshots, ignored)?;
        let view = core.index.compact();
        let used = find_used(core, &view, roots).map_err(|source| PruneError::NotWhole { source })?;
        cancel.check().map_err(RepoError::from)?;
        let used_trees = view.ids_at(BlobKind::Tree, |ordinal| used.trees.has(ordinal));
        for id in pins.pinned(repository.clock().now()).map_err(|source| PruneError::Pins { source })? {
            if let Some(ordinal) = view.ordinal(BlobKind::Data, &id) {
                used.data.add(ordinal);
            }
        }
        let mut stats = PruneStats::default();
        let survey = Survey::new(&view, &used, &mut stats);
        let listed = core.store.list(FileKind::Pack).map_err(RepoError::from)?;
        let listed: Vec<(PackId, u64)> = listed.into_iter().map(|file| (file.id.into(), file.size)).collect();
        let decision = decide(&options, &survey, &listed, &mut stats)?;

        // What lies in a pack that stays need not be written anew.
        let keep = used;
        for kind in [BlobKind::Data, BlobKind::Tree] {
            survey.each_blob(&view, kind, |ordinal, _, places| {
                let stays = |pack: &PackId| !decision.leaves(pack);
                if places.iter().any(|place| stays(&survey.packs[survey.number(place)])) {
                    keep.of(kind).take(ordinal);
                }
            });
        }
        // A listing that is cut short must not cost a snapshot its data.
        if snapshot_ids(repository)? != snapshots {
            return Err(PruneError::Restless { what: "snapshots" });
        }
        if repository.engine().refresh()?.vanished > 0 {
            return Err(PruneError::Restless { what: "index" });
        }
        let has_ignored = snapshots.iter().any(|id| ignored.contains(id));
        let repository = repository.clone();
        Ok(Self { repository, options, stats, decision, keep, survey, view, snapshots, has_ignored, begun, used_trees })
    }

    /// What it would do, in numbers.
    pub fn stats(&self) -> &PruneStats {
        &self.stats
    }

    /// Packs that would be deleted because no index file names them.
    pub fn unreferenced(&self) -> impl Iterator<Item = PackId> + '_ {
        self.decision.remove_first.iter().copied()
    }

    /// Packs that would be deleted because nothing in them is used.
    pub fn removed(&self) -> impl Iterator<Item = PackId> + '_ {
        self.decision.remove.iter().copied()
    }

    /// Packs whose used blobs would be written into new packs.
    pub fn repacked(&self) -> impl Iterator<Item = PackId> + '_ {
        self.decision.repack.iter().copied()
    }

    /// Does it. `lock` must be an exclusive one of this repository, older than the plan.
    pub fn execute(
        self,
        lock: &LockGuard,
        monitor: &dyn Monitor,
        cancel: &CancelToken,
    ) -> Result<super::PruneReport, PruneError> {
        super::execute::execute(self, lock, monitor, cancel)
    }
}

/// The ids of all snapshots, sorted.
pub(super) fn snapshot_ids(repository: &Repository) -> Result<Vec<SnapshotId>, RepoError> {
    let mut ids: Vec<SnapshotId> =
        repository.store().list(FileKind::Snapshot)?.into_iter().map(|file| file.id.into()).collect();
    ids.sort_unstable();
    Ok(ids)
}

fn roots(repository: &Repository, snapshots: &[SnapshotId], ignored: &[SnapshotId]) -> Result<Vec<TreeId>, RepoError> {
    let ignored: HashSet<&SnapshotId> = ignored.iter().collect();
    let counted: Vec<SnapshotId> = snapshots.iter().filter(|id| !ignored.contains(id)).copied().collect();
    in_parallel(&counted, |id| repository.load_snapshot(*id).map(|snapshot| snapshot.tree)).into_iter().collect()
}
