//! What jobs do: each kind by itself, in a thread, with all that it needs brought along. Nothing here knows the database or
//! the queue; a job tells its monitor what happens, and gives back what became of it.

pub mod backup;
pub mod catalog;
mod causes;
pub mod client;
pub mod forget;
pub mod hooks;
pub mod identity;
pub mod maintenance;
pub mod prepare;
pub mod repositories;
pub mod restore;
pub mod secrets;
pub mod survey;
mod time_limit;
pub mod verify;

use std::path::PathBuf;

use holdfast_pull::Agents;

pub use causes::Failure;
pub(crate) use causes::sentence;

/// What all work needs of the machine that it is done on.
pub struct Workplace {
    /// Where what is not in a repository is remembered: digests, grants, index caches, host keys.
    pub state: PathBuf,
    /// Beneath which snapshots are restored to this machine itself.
    pub restores: PathBuf,
    /// The key by which clients let the server in, beside those that `ssh` finds by itself.
    pub identity: Option<PathBuf>,
    /// The agents that can be brought to a client.
    pub agents: Agents,
    /// This program, which is also the puller and what maintains repositories.
    pub program: PathBuf,
    /// The folder with the programs that hooks may run here.
    pub hooks: PathBuf,
    /// Where clients find the server's API, for what they are told to call.
    pub public_url: String,
    /// Address space that a process which maintains a repository may have, in bytes.
    pub maintenance_memory: u64,
}
