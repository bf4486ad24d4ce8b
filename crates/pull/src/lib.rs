//! One session with a client: a backup pulled from it, or a restore sent to it.
//!
//! Joins what the client's agent says (`wire`) to what the repository does (`repo`). The process that reads a client's
//! bytes (the puller) holds no key; everything it hands over is checked on this side.

mod agents;
mod backup;
mod greet;
#[cfg(test)]
mod guard;
mod home;
#[cfg(test)]
mod hostile;
mod link;
mod preamble;
mod problems;
pub mod puller;
mod restore;
mod run_command;
pub mod ssh;
pub mod state;
mod text;
mod violation;

pub use agents::{Agents, AgentsError};
pub use backup::{
    Backup, BackupError, BackupRequest, CommandRequest, ParentChoice, Stamp, Summary, backup, backup_command,
};
pub use greet::greet;
/// What is said to an agent and by it, for whoever starts a session.
pub use holdfast_wire::{AgentHello, Filter, Overwrite, RestoreOutcome, ToAgent};
pub use home::{ClientPathError, beneath_home, client_path, normal_path};
pub use link::{ClientLink, LinkError, LocalLink, Rate, Remote, RemoteLink, Traffic};
pub use preamble::Start;
pub use restore::{
    All, Origin, RestoreError, RestoreReport, RestoreRequest, Selection, Witness, Witnessed, restore, restore_before,
};
pub use run_command::{CommandOutput, RunCommandError, run_command};
pub use text::printable_path;
pub use violation::Violation;
