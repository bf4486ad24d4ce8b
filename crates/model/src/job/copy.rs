//! What a copy job is told: where to, and what of its repository.

use serde::{Deserialize, Serialize};

use crate::{ClientUid, RepositoryUid};

/// The parameters of a copy job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyOrder {
    /// The other repository.
    pub to: RepositoryUid,
    /// The snapshots of this client alone.
    pub client: Option<ClientUid>,
    /// The newest alone, of each client and policy.
    pub newest: bool,
}
