//! Where things are, and what cargo knows about the crates.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command::{cargo, output};

/// The workspace that xtask was started in.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// The directory of the root `Cargo.toml`.
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// A crate of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// What a crate says it uses.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for what the crate itself links, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

impl Dependency {
    /// Used by tests only.
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

impl Workspace {
    /// The workspace of the current directory.
    pub(crate) fn find() -> Result<Self> {
        Self::at(Path::new("."))
    }

    /// The workspace of a directory. Asks cargo, which asks nobody else.
    pub(crate) fn at(dir: &Path) -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(dir);
        let json = output(&mut command).context("cannot ask cargo about the workspace")?;
        serde_json::from_str(&json).context("cargo metadata is not as expected")
    }

    /// The release that is being built.
    pub(crate) fn version(&self) -> &str {
        self.packages.iter().find(|package| package.name == "holdfast").map_or("0.0.0", |package| &package.version)
    }

    /// Where `cargo xtask agent` puts the agents.
    pub(crate) fn agents(&self) -> PathBuf {
        self.target.join("agents")
    }

    /// Where `cargo xtask tools` puts other people's programs.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }
}
