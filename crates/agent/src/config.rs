//! `/etc/holdfast/agent.toml`: what the client's owner allows, whatever a server asks for.
//!
//! A file that can't be understood allows nothing: the agent does not start. No file allows everything, as the agent is
//! then whatever the server's login may start anyway.

use std::path::{Path, PathBuf};

use holdfast_wire::{BackupJob, RestoreJob};
use serde::Deserialize;

/// What is allowed. Paths are prefixes of whole components.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// Only these, and what is beneath them, may be backed up or restored to; everything if absent.
    pub paths: Option<Vec<String>>,
    /// Whether a server may write here.
    pub allow_restore: bool,
    /// Whether a server may have commands run whose output it backs up.
    pub allow_commands: bool,
    /// What is added to the niceness, 0 to 19.
    pub nice: Option<u8>,
    /// The class of the disk's attention.
    pub ionice: Option<IoClass>,
}

/// How urgent reading from disks is, as for `ionice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IoClass {
    /// Only when nobody else wants it.
    Idle,
    /// After others of the same class.
    BestEffortLow,
}

/// Why the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there but can't be read.
    #[error("{path} can't be read: make it readable for the user that runs the agent, or remove it")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file does not say what it must.
    #[error("{path} can't be understood: correct it, or remove it to allow everything")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, and why.
        #[source]
        source: toml::de::Error,
    },
    /// A value that can't be.
    #[error("{path}: {what}")]
    Value {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        what: String,
    },
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self { paths: None, allow_restore: true, allow_commands: true, nice: None, ionice: None }
    }
}

impl AgentConfig {
    /// Where the configuration is.
    pub const PATH: &'static str = "/etc/holdfast/agent.toml";

    /// Reads a file; one that does not exist allows everything.
    ///
    /// # Errors
    /// If the file exists and can't be read or understood.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(ConfigError::Read { path: path.into(), source }),
        };
        let config: Self = toml::from_str(&text).map_err(|source| ConfigError::Syntax { path: path.into(), source })?;
        let wrong = |what: String| Err(ConfigError::Value { path: path.into(), what });
        if let Some(path) = config.paths.iter().flatten().find(|path| !is_plain(path.as_bytes())) {
            return wrong(format!("{path:?} is no absolute path without dots: write it from /"));
        }
        match config.nice {
            Some(nice @ 20..) => wrong(format!("nice is {nice}: write a number from 0 to 19")),
            _ => Ok(config),
        }
    }

    /// Whether the paths of jobs are limited.
    pub(crate) fn limits_paths(&self) -> bool {
        self.paths.is_some()
    }

    /// Why a backup is refused, if it is.
    pub(crate) fn refuses_backup(&self, job: &BackupJob) -> Option<String> {
        job.roots.iter().find_map(|root| self.refuses_path(root, "backed up"))
    }

    /// Why a restore is refused, if it is.
    pub(crate) fn refuses_restore(&self, job: &RestoreJob) -> Option<String> {
        if !self.allow_restore {
            return Some(format!("this client allows no restores: set allow_restore in {} there", Self::PATH));
        }
        self.refuses_path(&job.target, "restored to")
    }

    /// Why a command is refused, if it is.
    pub(crate) fn refuses_command(&self) -> Option<String> {
        let message = || format!("this client allows no commands: set allow_commands in {} there", Self::PATH);
        (!self.allow_commands).then(message)
    }

    fn refuses_path(&self, path: &[u8], what: &str) -> Option<String> {
        let allowed = self.paths.as_ref()?;
        let is_allowed = is_plain(path) && allowed.iter().any(|prefix| is_within(path, prefix.as_bytes()));
        let message = || {
            let shown = path.escape_ascii();
            format!("this client does not allow {shown} to be {what}: add it to paths in {} there", Self::PATH)
        };
        (!is_allowed).then(message)
    }
}

/// Whether a path is absolute and means what it says.
fn is_plain(path: &[u8]) -> bool {
    path.first() == Some(&b'/') && names(path).all(|name| name != b"..")
}

fn is_within(path: &[u8], prefix: &[u8]) -> bool {
    let mut path = names(path);
    names(prefix).all(|name| path.next() == Some(name))
}

fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."))
}

#[cfg(test)]
mod tests;
