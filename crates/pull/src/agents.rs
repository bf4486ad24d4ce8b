//! The agents that can be brought to a client: one file per architecture, listed with its SHA-256 in a manifest.
//!
//! A file that is not what the manifest says is never sent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use holdfast_model::Id;
use serde::Deserialize;

/// All agents of one directory.
#[derive(Debug)]
pub struct Agents(Vec<Agent>);

/// One agent.
#[derive(Debug)]
pub struct Agent {
    /// The architecture as `uname -m` names it.
    pub architecture: String,
    /// SHA-256 of the file.
    pub sha256: Id,
    /// Size of the file in bytes.
    pub size: u64,
    /// The file, read and found to be what the manifest says.
    pub file: File,
}

/// Why there is no agent to bring.
#[derive(Debug, thiserror::Error)]
pub enum AgentsError {
    /// No directory with agents.
    #[error("no agent found in {}: install holdfast with its agents, or set HOLDFAST_AGENTS to their folder", list(.0))]
    Missing(Vec<PathBuf>),
    /// A file can't be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The manifest is not one.
    #[error("{} is no list of agents: install holdfast again", .path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: toml::de::Error,
    },
    /// A file is not the one that the manifest lists.
    #[error("{} is not the agent that its manifest lists: install holdfast again", .0.display())]
    Changed(PathBuf),
}

#[derive(Deserialize)]
struct Manifest {
    agent: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    architecture: String,
    file: String,
    sha256: Id,
    size: u64,
}

impl Agents {
    /// The name of the manifest in the agents' directory.
    pub const MANIFEST: &str = "manifest.toml";

    /// Reads the first of `directories` that has a manifest.
    pub fn find(directories: &[PathBuf]) -> Result<Self, AgentsError> {
        let found = directories.iter().find(|directory| directory.join(Self::MANIFEST).exists());
        Self::load(found.ok_or_else(|| AgentsError::Missing(directories.to_vec()))?)
    }

    /// Reads the manifest of a directory and proves every file that it lists.
    pub fn load(directory: &Path) -> Result<Self, AgentsError> {
        let path = directory.join(Self::MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(|source| AgentsError::Read { path: path.clone(), source })?;
        let manifest: Manifest = toml::from_str(&text).map_err(|source| AgentsError::Manifest { path, source })?;
        // One agent per architecture: the last line counts.
        let rows: BTreeMap<String, Row> =
            manifest.agent.into_iter().map(|row| (row.architecture.clone(), row)).collect();
        rows.into_values().map(|row| row.open(directory)).collect::<Result<_, _>>().map(Self)
    }

    /// All agents, by architecture.
    pub fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.0.iter()
    }
}

impl Row {
    fn open(self, directory: &Path) -> Result<Agent, AgentsError> {
        let path = directory.join(&self.file);
        let read = |source| AgentsError::Read { path: path.clone(), source };
        let mut file = File::open(&path).map_err(read)?;
        let mut content = Vec::new();
        (&mut file).take(self.size + 1).read_to_end(&mut content).map_err(read)?;
        file.rewind().map_err(read)?;
        let shell_safe =
            !self.architecture.is_empty() && self.architecture.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
        if !shell_safe
            || content.len() as u64 != self.size
            || Id::new(holdfast_chunker::sha256(&content)) != self.sha256
        {
            return Err(AgentsError::Changed(path));
        }
        Ok(Agent { architecture: self.architecture, sha256: self.sha256, size: self.size, file })
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
