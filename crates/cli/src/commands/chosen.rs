//! Which snapshots, and which part of one, a verb was asked for; and the lock under which they are looked at.

use anyhow::{Result, bail};
use holdfast_model::TreeId;
use holdfast_repo::catalogue::{Place, resolve};
use holdfast_repo::{LockGuard, LockMode, Repository, SavedSnapshot, SnapshotFilter};
use holdfast_store::Sleep;

use crate::{Context, open};

/// Opens the repository to look into it. The lock is held as long as the guard lives.
pub fn for_reading(context: &Context) -> Result<(Repository, LockGuard)> {
    let repository = open::repository(context)?;
    let lock = lock(context, &repository, LockMode::Shared)?;
    repository.engine().refresh()?;
    Ok((repository, lock))
}

/// Takes a lock.
pub fn lock(context: &Context, repository: &Repository, mode: LockMode) -> Result<LockGuard> {
    Ok(repository.lock(mode, &Sleep::new(context.cancel.clone()))?)
}

/// The snapshots of these ids, each once; without ids all that pass the filter, oldest first.
pub fn snapshots(repository: &Repository, ids: &[String], filter: &SnapshotFilter) -> Result<Vec<SavedSnapshot>> {
    if ids.is_empty() {
        let all = repository.snapshots()?;
        return Ok(all.into_iter().filter(|snapshot| filter.matches(snapshot)).collect());
    }
    let mut chosen: Vec<SavedSnapshot> = Vec::new();
    for id in ids {
        let snapshot = repository.find_snapshot(id, filter)?;
        if chosen.iter().all(|other| other.id != snapshot.id) {
            chosen.push(snapshot);
        }
    }
    Ok(chosen)
}

/// A snapshot, or what lies at a path in it.
pub struct Part {
    /// The snapshot.
    pub snapshot: SavedSnapshot,
    /// The path: `/` for all of it.
    pub path: String,
    place: Place,
}

impl Part {
    /// Finds `SNAPSHOT[:PATH]`.
    pub fn find(repository: &Repository, name: &str, filter: &SnapshotFilter) -> Result<Self> {
        let (name, path) = name.split_once(':').unwrap_or((name, "/"));
        let snapshot = repository.find_snapshot(name, filter)?;
        let place = resolve(repository.engine(), snapshot.tree, path.as_bytes())?;
        Ok(Self { snapshot, path: path.to_owned(), place })
    }

    /// Its tree; an error if it is no directory.
    pub fn directory(&self) -> Result<TreeId> {
        match self.place.tree() {
            Some(tree) => Ok(tree),
            None => bail!("{} is no directory in snapshot {}", self.path, self.snapshot.id.short()),
        }
    }
}
