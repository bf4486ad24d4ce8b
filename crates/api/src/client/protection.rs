//! How well each client is protected by each policy that names it.

use holdfast_model::{ClientUid, PolicyUid, TenantUid};

use super::{ApiClient, ApiError};
use crate::Protected;

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
    /// How well clients are protected, the worst first.
    pub fn protection(&self, query: &ProtectionQuery) -> Result<Vec<Protected>, ApiError> {
        let mut parameters = vec![("limit", "500".to_owned())];
        parameters.extend(query.tenant.map(|uid| ("tenant", uid.to_string())));
        parameters.extend(query.client.map(|uid| ("client", uid.to_string())));
        parameters.extend(query.policy.map(|uid| ("policy", uid.to_string())));
        self.all_pages("/api/v1/protection", parameters, usize::MAX)
    }
}
