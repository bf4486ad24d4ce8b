//! Looks what a repository is: whether it opens, what lies in it, how large it is. Makes one, where that is wanted.
//!
//! One that restic has written is adopted by being looked at: nothing in it is changed.

use std::sync::Arc;

use holdfast_model::{CancelToken, Monitor, RepositoryId, SnapshotId};
use holdfast_repo::{ChunkerKind, HotReport, InitOptions, LockMode, RepoErrorKind, Repository, SavedSnapshot, Sleep};
use holdfast_store::FileKind;

use super::repositories::{self, Access, Repositories};
use super::{Failure, Workplace};

/// What a repository is.
pub struct Survey {
    /// Its own id.
    pub id: RepositoryId,
    /// Its snapshots, the oldest first.
    pub snapshots: Vec<SavedSnapshot>,
    /// Snapshots that are there, and cannot be read.
    pub damaged: Vec<SnapshotId>,
    /// Whether it has a hot part that is not used.
    pub lacks_hot: bool,
    /// Bytes of its packs.
    pub stored_bytes: u64,
}

/// Opens it, or makes it if there is none and it is said how; then what is missing in its hot part is made as well.
pub fn open(
    access: &Access,
    create: Option<ChunkerKind>,
    repositories: &Repositories,
    place: &Workplace,
    (monitor, cancel): (&dyn Monitor, &CancelToken),
) -> Result<Repository, Failure> {
    monitor.phase(holdfast_model::monitor::Phase::Opening);
    let store = repositories::store(access)?;
    let is_there = match store.size(FileKind::Config, &holdfast_model::Id::default()) {
        Ok(_) => true,
        Err(error) if error.kind() == holdfast_store::ErrorKind::NotFound => false,
        Err(error) => return Err(holdfast_repo::RepoError::from(error).into()),
    };
    if let Some(chunker) = create.filter(|_| !is_there) {
        let init = InitOptions { chunker, ..InitOptions::default() };
        let options = repositories::options(access, place.state.clone())?;
        match Repository::init(store, access.password.as_bytes(), init, options) {
            Ok(made) => monitor.note(&format!("made the repository {}", made.id())),
            // Somebody else made it meanwhile: then it is opened.
            Err(error) if error.kind() == RepoErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    let repository = repositories.anew(access, place.state.clone())?;
    if create.is_none() || access.hot.is_none() {
        return Ok(repository);
    }
    fill(&repository, monitor, cancel)?;
    // From now on with its hot part.
    repositories.anew(access, place.state.clone())
}

/// Copies into the hot part what is missing there: all, if it is new.
fn fill(repository: &Repository, monitor: &dyn Monitor, cancel: &CancelToken) -> Result<(), Failure> {
    let _lock = repository.lock(LockMode::Exclusive, &Sleep::new(cancel.clone()))?;
    let HotReport { files_copied, bytes_copied, .. } = repository.fill_hot(monitor, cancel)?;
    if files_copied > 0 {
        monitor.note(&format!("{files_copied} files with {bytes_copied} bytes copied into the hot part"));
    }
    Ok(())
}

/// Looks what is in it.
pub fn survey(
    repository: &Repository,
    access: &Access,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<Survey, Failure> {
    let trouble = repository.hot_trouble();
    if let Some(trouble) = &trouble {
        monitor.warning(trouble);
    }
    let found = repository.read_snapshots()?;
    for (id, error) in &found.damaged {
        monitor.warning(&format!("snapshot {} cannot be read: {error}", id.short()));
    }
    let damaged = found.damaged.iter().map(|(id, _)| *id).collect();
    cancel.check().map_err(|_| Failure::Cancelled)?;
    let store: Arc<dyn holdfast_store::Store> = repositories::store(access)?;
    let packs = store.list(FileKind::Pack).map_err(holdfast_repo::RepoError::from)?;
    // What storage claims is not to overflow anything, a database's numbers neither.
    let stored_bytes = packs.iter().fold(0_u64, |sum, pack| sum.saturating_add(pack.size)).min(i64::MAX as u64);
    monitor.note(&format!(
        "{}: {} snapshots, {} packs with {stored_bytes} bytes",
        repository.id(),
        found.good.len(),
        packs.len()
    ));
    Ok(Survey { id: repository.id(), snapshots: found.good, damaged, lacks_hot: trouble.is_some(), stored_bytes })
}
