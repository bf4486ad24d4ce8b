//! Which snapshot of which repository a request is about, and what became of looking into it.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use holdfast_api::Code;
use holdfast_control::{BrowseError, Depot};
use holdfast_model::job::Cause;
use holdfast_model::{RepositoryUid, SnapshotId, SnapshotPath};

use crate::failure::Failure;
use crate::query::Query;
use crate::server::Server;

/// The ids in the path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(super) repository: RepositoryUid,
    pub(super) snapshot: SnapshotId,
}

impl FromRequestParts<Server> for Place {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Failure> {
        let wrong = |message: String| Failure::new(Code::InvalidId, message);
        let texts = Path::<(String, String)>::from_request_parts(parts, server).await;
        let Path((repository, snapshot)) = texts.map_err(|_| wrong("an id in the path is not text".to_owned()))?;
        Ok(Self {
            repository: repository.parse().map_err(|error: holdfast_model::ParseUidError| wrong(error.to_string()))?,
            snapshot: snapshot.parse().map_err(|error: holdfast_model::ParseIdError| wrong(error.to_string()))?,
        })
    }
}

/// The path within the snapshot; its root, if nothing is said.
pub(super) fn path(query: &Query) -> Result<SnapshotPath, Failure> {
    Ok(query.one("path")?.unwrap_or_else(SnapshotPath::root))
}

/// What opens repositories, where this server has it.
pub(super) fn depot(server: &Server) -> Result<&Depot, Failure> {
    let nothing = || Failure::new(Code::Unavailable, "this server opens no repositories: ask one that has a worker");
    server.depot().ok_or_else(nothing)
}

impl From<BrowseError> for Failure {
    fn from(error: BrowseError) -> Self {
        let message = error.to_string();
        match error {
            BrowseError::NotFound(_) => Self::new(Code::NotFound, message),
            BrowseError::WrongKind(_) => crate::query::wrong("path", message),
            BrowseError::Given => Self::new(Code::Unavailable, message),
            BrowseError::Failed(error) if error.cause == Cause::Internal => Self::internal(message),
            BrowseError::Failed(error) if error.cause.may_pass() => Self::new(Code::Unavailable, message),
            // Somebody has to do something about it first.
            BrowseError::Failed(_) => Self::new(Code::WrongState, message),
        }
    }
}
