//! Searching for names in all snapshots.

use holdfast_model::{ClientUid, PolicyUid, RepositoryUid, TenantUid};

use super::{ApiClient, ApiError};
use crate::{FileVersion, FoundPathPage};

/// What is searched for: all that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct FindQuery {
    /// Names like this.
    pub text: String,
    /// How it is meant: `substring`, `glob` or `regex`.
    pub mode: &'static str,
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// In snapshots of this client.
    pub client: Option<ClientUid>,
}

/// Which file's versions are wanted: all that is said must hold.
#[derive(Debug, Clone)]
pub struct VersionQuery {
    /// Of this client.
    pub client: ClientUid,
    /// The whole path.
    pub path: String,
    /// In snapshots that this policy made.
    pub policy: Option<PolicyUid>,
    /// In this repository.
    pub repository: Option<RepositoryUid>,
}

/// The server has no more at once.
const PAGE: &str = "200";

impl ApiClient {
    /// A page of the paths with such names. It may have none and yet a cursor: then the search took long, and goes on there.
    pub fn find_names(&self, query: &FindQuery, cursor: Option<String>) -> Result<FoundPathPage, ApiError> {
        let mut parameters =
            vec![("q", query.text.clone()), ("mode", query.mode.to_owned()), ("limit", PAGE.to_owned())];
        parameters.extend(query.tenant.map(|uid| ("tenant", uid.to_string())));
        parameters.extend(query.client.map(|uid| ("client", uid.to_string())));
        parameters.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.transport.get("/api/v1/find", &parameters)
    }

    /// All versions of one file, that of the newest snapshot first.
    pub fn versions(&self, query: &VersionQuery) -> Result<Vec<FileVersion>, ApiError> {
        let mut parameters =
            vec![("client", query.client.to_string()), ("path", query.path.clone()), ("limit", PAGE.to_owned())];
        parameters.extend(query.policy.map(|uid| ("policy", uid.to_string())));
        parameters.extend(query.repository.map(|uid| ("repository", uid.to_string())));
        self.all_pages("/api/v1/find/versions", parameters, usize::MAX)
    }
}
