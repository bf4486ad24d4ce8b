//! What Holdfast remembers of a client beside the repository, in the state directory.
//!
//! Kept by repository and by client identity. Losing it costs sending and reading again, never a snapshot:
//! nothing here is believed about what the repository holds.

mod digests;
mod file;
mod grants;
mod made;
mod pins;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use holdfast_model::{Id, RepositoryId};

pub use digests::{DigestMemory, DigestRecorder, KnownTree, Totals};
pub use grants::{GrantRecorder, Grants, interrupted_bytes, pinned};
pub use pins::Interrupted;

/// Who a client is: the key that its host proved to have, and the name that its snapshots are stamped with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// Fingerprint of the host key as `ssh` names it; `local` for this machine itself.
    pub host_key: String,
    /// The host name in its snapshots.
    pub hostname: String,
}

/// A state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the state file {}: check its folder, or remove it (what it remembers is found out again)", .path.display())]
pub struct StateError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The state of one repository.
#[derive(Debug, Clone)]
pub struct RepositoryState(PathBuf);

/// The state of one client of a repository.
#[derive(Debug, Clone)]
pub struct ClientState {
    digests: PathBuf,
    grants: PathBuf,
    /// The client in the names of its runs: a trust group has them in one folder.
    owner: String,
}

impl ClientIdentity {
    /// This machine.
    pub fn local(hostname: &str) -> Self {
        Self { host_key: "local".into(), hostname: hostname.into() }
    }

    fn folder(&self) -> String {
        name_of(&["client", &self.host_key, &self.hostname])
    }
}

impl RepositoryState {
    /// The state of `repository` beneath the state directory `root`.
    pub fn new(root: &Path, repository: &RepositoryId) -> Self {
        Self(root.join(repository.to_string()))
    }

    /// The state of a client; a trust group shares what its members may hear "have it" about.
    pub fn client(&self, client: &ClientIdentity, trust_group: Option<&str>) -> Result<ClientState, StateError> {
        let owner = client.folder();
        let digests = self.0.join("clients").join(&owner);
        let grants = match trust_group {
            Some(group) => self.grants_root().join(name_of(&["group", group])),
            None => self.grants_root().join(&owner),
        };
        for folder in [&digests, &grants] {
            file::create_folder(folder)?;
        }
        Ok(ClientState { digests, grants, owner })
    }

    /// Where the grants of all clients are.
    fn grants_root(&self) -> PathBuf {
        self.0.join("grants")
    }
}

/// A file name of texts that may hold anything.
fn name_of(parts: &[impl AsRef<[u8]>]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.as_ref().len() as u64).to_le_bytes());
        bytes.extend(part.as_ref());
    }
    Id::new(holdfast_chunker::sha256(&bytes)).to_string()[..32].to_owned()
}
