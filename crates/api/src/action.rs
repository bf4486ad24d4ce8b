//! What is asked for beside objects: that something is done, or believed.

use std::collections::BTreeSet;

use holdfast_model::client::HostKey;
use holdfast_model::{ClientUid, Name};
use serde::{Deserialize, Serialize};

use crate::Job;

/// For which clients a policy is to run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunRequest {
    /// Some of its clients, by hostname; all, if nothing is said.
    #[schema(value_type = Option<Vec<Name>>)]
    pub clients: Option<BTreeSet<Name>>,
}

/// The jobs that were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobList {
    /// Each of them; one that was skipped says why.
    pub jobs: Vec<Job>,
}

/// Which host keys of a client are to be believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptHostKeys {
    /// These, and no others: those that the host has shown, or that are known from elsewhere.
    #[schema(min_items = 1, max_items = 16)]
    pub keys: Vec<HostKey>,
}

/// Where to, and which snapshots of a repository are to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyRepository {
    /// The repository that is copied to, by id or name; of the same tenant.
    pub to: Name,
    /// The snapshots of this client alone; all, if nothing is said.
    #[serde(default)]
    pub client: Option<ClientUid>,
    /// The newest alone, of each client, policy and set of paths.
    #[serde(default)]
    pub newest: bool,
}

/// What a client says that prepared itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SayReady {
    /// The token that was given out for it. It works once.
    #[schema(max_length = 200)]
    pub token: String,
    /// Its host keys, if it knows them; then they are believed from now on.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub host_keys: Vec<HostKey>,
}

/// How a repository is prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrepareRepository {
    /// Whether it is made, if there is none yet; and what is missing in its hot part, if it has one, copied there.
    pub create: bool,
    /// How files are cut then, for good: by a hash whose table is a secret of the repository, if nothing is said.
    pub chunker: Chunker,
}

/// How files are cut into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Chunker {
    /// Fast, with boundaries that depend on a secret of the repository.
    #[default]
    Gear,
    /// At the same boundaries as restic, to copy between the two without storing anything twice.
    Rabin,
}

/// How a repository is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CheckRepository {
    /// Whether all of its data is read too.
    pub read_data: bool,
}

/// The secrets that were handed over, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SecretList {
    /// Their names. What they hold is never shown.
    pub secrets: Vec<String>,
}

/// A secret that is handed over, to be sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// The secret itself.
    #[schema(min_length = 1, max_length = 4000, format = Password)]
    pub secret: String,
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSecret")
    }
}
