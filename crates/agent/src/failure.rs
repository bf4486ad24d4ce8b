//! Why the program ends with a status other than 0, in one line.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use holdfast_agent::{AgentError, ConfigError};

/// Why a session did not take place or did not do its job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the priority that agent.toml asks for can't be set")]
    Priority {
        #[source]
        source: io::Error,
    },
    #[error("standard input or output can't be used")]
    Stream {
        #[source]
        source: io::Error,
    },
    #[error("{path} can't be written")]
    SendLog {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// An error with all its causes, in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
