//! How well clients are protected.

use holdfast_model::job::Cause;
use holdfast_model::protection::Protection;
use holdfast_model::{ClientUid, Name, PolicyUid, TenantUid, Time};
use serde::{Deserialize, Serialize};

use crate::Page;

/// How well a client is protected by a policy: by the age of its newest good snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Protected {
    /// Whose both are.
    pub tenant: TenantUid,
    /// The client.
    pub client: ProtectedClient,
    /// The policy; null if the client is in none, and so is not backed up.
    pub policy: Option<ProtectingPolicy>,
    /// How well.
    pub protection: Protection,
    /// By when the next good snapshot is expected, if one is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expected_by: Option<Time>,
    /// When its newest good snapshot was begun.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub newest: Option<Time>,
    /// When the newest backup failed, if none has ended well since.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed: Option<Time>,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// What to do about that.
    pub fix: Option<String>,
    /// Why nothing runs by itself, in words; null if it does.
    pub idle: Option<String>,
}

/// A client, by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProtectedClient {
    /// Its id.
    pub id: ClientUid,
    /// Its hostname.
    pub name: Name,
}

/// A policy, by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProtectingPolicy {
    /// Its id.
    pub id: PolicyUid,
    /// What it is called.
    pub name: Name,
}

/// A page of the list of clients and policies, the worst first.
pub type ProtectedPage = Page<Protected>;
