//! Looks into snapshots and gives out what is in them: directories are listed, files and whole trees are written to whoever
//! takes them, as fast as that one takes them, and nothing of it is kept anywhere on the way.

mod download;
mod list;

use holdfast_db::DbErrorKind;
use holdfast_model::job::{Cause, JobError};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{RepositoryUid, SnapshotId};
use holdfast_repo::catalogue::CatalogueError;
use holdfast_repo::{RepoError, Repository, SavedSnapshot, SnapshotFilter};

use crate::depot::Depot;
use crate::work::Failure;
use crate::work::repositories::Access;

pub use download::{Download, Form, Found, Outlet};
pub use list::{Listed, Shelf};

/// Why something in a snapshot cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrowseError {
    /// It is not there.
    #[error("{0}")]
    NotFound(String),
    /// It is there, and is something else than was asked for.
    #[error("{0}")]
    WrongKind(String),
    /// The repository cannot be read.
    #[error("{}; {}", .0.message, .0.cause.fix())]
    Failed(JobError),
    /// Nobody waits for it any more.
    #[error("nobody waits for it any more")]
    Given,
}

impl From<Failure> for BrowseError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Cancelled => Self::Given,
            Failure::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<RepoError> for BrowseError {
    fn from(error: RepoError) -> Self {
        match &error {
            RepoError::NotFound { .. } => Self::NotFound(error.to_string()),
            _ => Failure::from(error).into(),
        }
    }
}

impl From<CatalogueError> for BrowseError {
    fn from(error: CatalogueError) -> Self {
        match &error {
            CatalogueError::NotFound { .. } => Self::NotFound(error.to_string()),
            CatalogueError::NotADirectory { .. } | CatalogueError::NotAFile { .. } => {
                Self::WrongKind(error.to_string())
            }
            _ => Failure::from(error).into(),
        }
    }
}

impl Depot {
    /// How a repository is opened, if there is one of this id.
    async fn known(&self, uid: RepositoryUid) -> Result<Access, BrowseError> {
        let mut reader = self.control().database().read().await.map_err(Failure::from)?;
        match reader.object::<RepositorySpec>(uid).await {
            Ok(_) => {}
            Err(error) if error.kind() == DbErrorKind::NotFound => {
                return Err(BrowseError::NotFound(error.to_string()));
            }
            Err(error) => return Err(Failure::from(error).into()),
        }
        drop(reader);
        Ok(self.access(uid).await?)
    }
}

fn snapshot(repository: &Repository, id: SnapshotId) -> Result<SavedSnapshot, BrowseError> {
    Ok(repository.find_snapshot(&id.to_string(), &SnapshotFilter::default())?)
}

fn defect() -> BrowseError {
    let message = "a part of the program failed; this is a defect, please report it".to_owned();
    BrowseError::Failed(JobError { cause: Cause::Internal, message })
}
