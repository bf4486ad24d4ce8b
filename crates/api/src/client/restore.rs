//! Snapshots as the server has seen them, and restores of them.

use holdfast_model::{ClientUid, PolicyUid, RepositoryUid, TenantUid};
use ureq::http::Method;

use super::transport::Call;
use super::{ApiClient, ApiError};
use crate::{Job, NewRestore, Snapshot};

/// Which snapshots are wanted: all that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct SnapshotQuery {
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// Of this client.
    pub client: Option<ClientUid>,
    /// Made by this policy.
    pub policy: Option<PolicyUid>,
    /// In this repository.
    pub repository: Option<RepositoryUid>,
}

/// The server has no more at once.
const MOST: usize = 500;

impl ApiClient {
    /// The newest snapshots that are wanted, at most so many, the newest first.
    pub fn snapshots(&self, query: &SnapshotQuery, most: usize) -> Result<Vec<Snapshot>, ApiError> {
        let mut parameters = vec![("limit", most.clamp(1, MOST).to_string())];
        parameters.extend(query.tenant.map(|uid| ("tenant", uid.to_string())));
        parameters.extend(query.client.map(|uid| ("client", uid.to_string())));
        parameters.extend(query.policy.map(|uid| ("policy", uid.to_string())));
        parameters.extend(query.repository.map(|uid| ("repository", uid.to_string())));
        self.all_pages("/api/v1/snapshots", parameters, most)
    }

    /// Restores a snapshot or a part of it, or plans to.
    pub fn restore(&self, new: &NewRestore) -> Result<Job, ApiError> {
        self.transport.ask(Call::new(Method::POST, "/api/v1/restores").body(new))
    }
}
