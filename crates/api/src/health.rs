//! Whether the server is well.

use serde::{Deserialize, Serialize};

/// That the server is well. If it is not, there is a problem instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Health {
    /// It is.
    Ok,
}
