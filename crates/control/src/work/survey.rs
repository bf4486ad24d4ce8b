//! Looks what a repository is: whether it opens, what lies in it, how large it is. Makes one, where that is wanted.
//!
//! One that restic has written is adopted by being looked at: nothing in it is changed.

use std::sync::Arc;

use holdfast_model::{CancelToken, Monitor, RepositoryId};
use holdfast_repo::{ChunkerKind, InitOptions, RepoErrorKind, Repository, SavedSnapshot};
use holdfast_store::FileKind;

use super::repositories::{self, Access, Repositories};
use super::{Failure, Workplace};

/// What a repository is.
pub struct Survey {
    /// Its own id.
    pub id: RepositoryId,
    /// Its snapshots, the oldest first.
    pub snapshots: Vec<SavedSnapshot>,
    /// Bytes of its packs.
    pub stored_bytes: u64,
}

/// Opens it, or makes it if there is none and it is said how.
pub fn open(
    access: &Access,
    create: Option<ChunkerKind>,
    repositories: &Repositories,
    place: &Workplace,
    monitor: &dyn Monitor,
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
        let options = repositories::options(access, place.state.clone());
        match Repository::init(store, access.password.as_bytes(), init, options) {
            Ok(made) => monitor.note(&format!("made the repository {}", made.id())),
            // Somebody else made it meanwhile: then it is opened.
            Err(error) if error.kind() == RepoErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    repositories.get(access, place.state.clone())
}

/// Looks what is in it.
pub fn survey(
    repository: &Repository,
    access: &Access,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<Survey, Failure> {
    let found = repository.read_snapshots()?;
    for (id, error) in &found.damaged {
        monitor.warning(&format!("snapshot {} cannot be read: {error}", id.short()));
    }
    cancel.check().map_err(|_| Failure::Cancelled)?;
    let store: Arc<dyn holdfast_store::Store> = repositories::store(access)?;
    let packs = store.list(FileKind::Pack).map_err(holdfast_repo::RepoError::from)?;
    let stored_bytes = packs.iter().map(|pack| pack.size).sum();
    monitor.note(&format!(
        "{}: {} snapshots, {} packs with {stored_bytes} bytes",
        repository.id(),
        found.good.len(),
        packs.len()
    ));
    Ok(Survey { id: repository.id(), snapshots: found.good, stored_bytes })
}
