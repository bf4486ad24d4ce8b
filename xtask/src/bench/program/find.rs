//! Where the programs are: on the machine, or where `--install-peers` and `cargo xtask tools` put them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Kind, Program};
use crate::command::output;
use crate::tools::version_in;
use crate::workspace::Workspace;

/// The newest that is found of a kind.
pub(in crate::bench) fn find(kind: Kind, workspace: &Workspace) -> Option<Program> {
    let ours = [peers(workspace).join("bin"), peers(workspace), workspace.tools()];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = ours.into_iter().chain(std::env::split_paths(&path)).map(|dir| dir.join(kind.name()));
    let found = places.filter_map(|file| at(kind, &file).ok());
    // Of equally new ones the first.
    found.reduce(|best, other| if newer(&other.version, &best.version) { other } else { best })
}

/// The program at a place.
pub(in crate::bench) fn at(kind: Kind, file: &Path) -> Result<Program> {
    let argument = if kind == Kind::Restic { "version" } else { "--version" };
    let said = output(Command::new(file).arg(argument))?;
    // bupstash writes its name and its version as one word.
    let said = said.replace(&format!("{}-", kind.name()), "");
    let version = version_in(&said).with_context(|| format!("{} tells no version", file.display()))?.0;
    let file = std::path::absolute(file).with_context(|| format!("cannot find {}", file.display()))?;
    Ok(Program { kind, file, version })
}

/// Where `--install-peers` puts them.
pub(super) fn peers(workspace: &Workspace) -> PathBuf {
    workspace.target.join("peers")
}

fn newer(one: &str, other: &str) -> bool {
    let numbers = |version: &str| -> Vec<u64> {
        version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok()).collect()
    };
    numbers(one) > numbers(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(newer("0.19.1", "0.18.0"));
        assert!(newer("1.10.0", "1.9.5"));
        assert!(!newer("0.18.0", "0.18.0"));
        assert!(newer("0.19.1-dev", "0.19"));
    }
}
