//! What follows the backups of a run: one forget over all hosts that have a new snapshot, and a prune if that is asked for.
//!
//! A host that failed loses nothing: the rule is for those that were backed up.

use anyhow::Result;
use holdfast_model::retention::{GroupBy, Retention};
use holdfast_model::{Clock, SnapshotId, SystemClock, TreeId};
use holdfast_repo::{LockMode, Repository, Snapshot};

use crate::args::PruneArgs;
use crate::commands::forget::{self, Rules};
use crate::commands::{chosen, prune};
use crate::{Context, local_time};

/// What is kept.
pub struct Kept {
    /// The rule; an empty one keeps everything.
    pub retention: Retention,
    /// Whether the space of what went is given back.
    pub prune: bool,
}

/// What a snapshot of this run is called. The rule is for the snapshots of the same host and paths.
pub struct Fresh {
    hostname: String,
    paths: Vec<String>,
    tags: Vec<String>,
}

impl Fresh {
    /// Of a host and the paths that were backed up.
    pub fn new(hostname: String, paths: Vec<String>, tags: Vec<String>) -> Self {
        Self { hostname, paths: sorted(paths), tags }
    }

    fn is_like(&self, snapshot: &Snapshot) -> bool {
        snapshot.hostname == self.hostname && sorted(snapshot.paths.clone()) == self.paths
    }

    /// The snapshot that a dry run did not make, as far as a rule asks.
    fn upcoming(&self) -> Result<Snapshot> {
        let mut snapshot = Snapshot::new(local_time::local(SystemClock.now())?, TreeId::new([0; 32]));
        snapshot.hostname.clone_from(&self.hostname);
        snapshot.paths.clone_from(&self.paths);
        snapshot.tags.clone_from(&self.tags);
        Ok(snapshot)
    }
}

fn sorted(mut paths: Vec<String>) -> Vec<String> {
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Applies the rule once, and prunes if something went.
pub fn after(context: &Context, repository: &Repository, kept: &Kept, fresh: &[Fresh], dry_run: bool) -> Result<()> {
    if kept.retention.is_empty() || fresh.is_empty() {
        return Ok(());
    }
    let mode = if dry_run { LockMode::Shared } else { LockMode::Exclusive };
    let lock = chosen::lock(context, repository, mode)?;
    let upcoming = if dry_run { fresh.iter().map(Fresh::upcoming).collect::<Result<_>>()? } else { Vec::new() };
    let rules = Rules {
        retention: kept.retention.clone(),
        by: GroupBy::default(),
        applies: Box::new(|snapshot| fresh.iter().any(|fresh| fresh.is_like(snapshot))),
        upcoming,
    };
    let removed: Vec<SnapshotId> = forget::by_rule(context, repository, &lock, &rules, dry_run)?;
    if kept.prune && !removed.is_empty() {
        prune::within(context, repository, &lock, &PruneArgs::usual(dry_run), &removed)?;
    }
    Ok(())
}
