//! How well each client is protected by each policy that names it.

use holdfast_model::protection::Protection;
use holdfast_model::{ClientUid, Name, PolicyUid, TenantUid, Time};
use serde::{Deserialize, Serialize};

use super::{ApiClient, ApiError};

/// How well a client is protected by a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProtectionRow {
    /// The client.
    pub client: Related<ClientUid>,
    /// The policy.
    pub policy: Related<PolicyUid>,
    /// How well.
    pub protection: Protection,
    /// By when the next good snapshot is expected.
    pub expected_by: Option<Time>,
    /// When the newest good snapshot was begun.
    pub newest: Option<Time>,
    /// Why the policy will not run by itself, if it will not.
    pub idle: Option<String>,
}

/// An object, by its id and by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related<U> {
    /// Its id.
    pub id: U,
    /// Its name.
    pub name: Name,
}

/// Which rows are wanted: all that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct ProtectionQuery {
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// Of this client.
    pub client: Option<ClientUid>,
    /// Of this policy.
    pub policy: Option<PolicyUid>,
}

impl ApiClient {
    /// How well clients are protected.
    pub fn protection(&self, query: &ProtectionQuery) -> Result<Vec<ProtectionRow>, ApiError> {
        let mut parameters = vec![("limit", "500".to_owned())];
        parameters.extend(query.tenant.map(|uid| ("tenant", uid.to_string())));
        parameters.extend(query.client.map(|uid| ("client", uid.to_string())));
        parameters.extend(query.policy.map(|uid| ("policy", uid.to_string())));
        self.all_pages("/api/v1/protection", parameters, usize::MAX)
    }
}
