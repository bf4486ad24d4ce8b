//! What a prune must keep although no snapshot reaches it: what interrupted backups had stored, for their next run.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime};

use holdfast_model::{BlobId, Timestamp};
use holdfast_repo::prune::Pins;
use holdfast_repo::{BlobKind, Repository};

use super::{RepositoryState, pinned};

/// How long what an interrupted backup had stored waits for the next one.
const PINNED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// What interrupted backups of a repository had stored.
pub struct Interrupted<'a> {
    repository: &'a Repository,
    state: Option<RepositoryState>,
}

impl<'a> Interrupted<'a> {
    /// As the state directory `root` remembers it.
    pub fn of(repository: &'a Repository, root: &Path) -> Self {
        Self { repository, state: Some(RepositoryState::new(root, &repository.id())) }
    }

    /// Where nothing is remembered, nothing is pinned.
    pub fn unknown(repository: &'a Repository) -> Self {
        Self { repository, state: None }
    }
}

impl Pins for Interrupted<'_> {
    fn pinned(&self, _: Timestamp) -> Result<Vec<BlobId>, Box<dyn Error + Send + Sync>> {
        let Some(state) = &self.state else { return Ok(Vec::new()) };
        let pinned = pinned(state, PINNED_FOR, SystemTime::now())?;
        let view = self.repository.engine().index();
        Ok(view.blobs(BlobKind::Data).map(|(id, _)| id).filter(pinned).collect())
    }
}
