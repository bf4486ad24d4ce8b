//! Searching for names in all snapshots.

use holdfast_model::{ClientUid, TenantUid};

use super::{ApiClient, ApiError};
use crate::FoundPathPage;

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
}
