//! What whoever starts the agent decides: not the server's affair.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_model::{Clock, SystemClock};

use crate::AgentConfig;

/// How to serve one session.
pub struct Options {
    /// The clock; tests bring their own.
    pub clock: Arc<dyn Clock>,
    /// What the client's owner allows.
    pub config: AgentConfig,
    /// Where to write a line `id length` for each chunk that was sent.
    pub send_log: Option<File>,
    /// The home directory of the login. The server takes paths that do not begin with `/` as beneath it.
    pub home: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), config: AgentConfig::default(), send_log: None, home: None }
    }
}
