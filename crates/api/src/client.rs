//! The client of the API: asks a server over HTTP, one call a request, and gives back what it answers as types.
//!
//! Each call waits no longer than its limits, takes in no answer beyond a bound, and fails with one [`ApiError`], which
//! carries the server's own problem where it had one. What answers mean to a person is not known here.

mod action;
mod error;
mod find;
mod job;
mod object;
mod protection;
mod restore;
mod secret;
mod setting;
mod snapshot;
mod transport;

pub use error::{ApiError, ApiErrorKind};
pub use find::{FindQuery, VersionQuery};
pub use job::{JobQuery, LogPart};
pub use object::{ObjectQuery, Resource};
pub use protection::ProtectionQuery;
pub use restore::SnapshotQuery;
pub use snapshot::Download;

use transport::Transport;

use crate::Health;

/// A server to be asked. Used by many threads.
#[derive(Debug)]
pub struct ApiClient {
    transport: Transport,
}

impl ApiClient {
    /// A client of the server at this address, as `http://127.0.0.1:8420`. Nothing is asked yet.
    pub fn new(address: &str) -> Result<Self, ApiError> {
        Transport::new(address).map(|transport| Self { transport })
    }

    /// Where the server is, as it was understood.
    pub fn address(&self) -> &str {
        self.transport.address()
    }

    /// Whether the server can do its work.
    pub fn health(&self) -> Result<Health, ApiError> {
        self.transport.get("/health/ready", &[])
    }
}
