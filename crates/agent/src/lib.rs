//! What runs on a client: walks, reads, cuts and sends; in a restore receives, proves and writes.
//!
//! It holds no key, knows no repository and keeps nothing between runs. It links nothing that does.

mod backup;
mod chunks;
mod command;
mod config;
mod cutter;
mod error;
mod link;
pub mod memory;
mod options;
mod outbox;
pub mod restore;
mod serve;
pub mod stdio;
mod stop;
#[cfg(test)]
mod testing;
mod threads;
mod window;

pub use config::{AgentConfig, ConfigError, IoClass};
pub use error::AgentError;
pub use link::{Down, Downlink, LinkClosed, Uplink};
pub use options::Options;
pub use serve::serve;
