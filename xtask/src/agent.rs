//! Builds what is carried to the clients: one static program per architecture, and the manifest that lists them.
//!
//! The agent has a target directory of its own, because its flags would otherwise make cargo build everything else
//! again, back and forth. The programs and the manifest end in `target/agents`, where `holdfast` looks for them
//! (or wherever `HOLDFAST_AGENTS` says).

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::command::{cargo, run};
use crate::workspace::Workspace;

/// What can be built: the architecture as `uname -m` calls it and as the compiler does. Others come from a machine
/// that has their target installed: add a line.
const ARCHITECTURES: &[(&str, &str)] = &[("x86_64", "x86_64-unknown-linux-gnu")];

/// Builds all agents and the manifest; gives their directory.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let dir = workspace.agents();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut manifest = "# Written by `cargo xtask agent`. One table for each agent in this directory.\n".to_owned();
    writeln!(manifest, "release = \"{}\"", workspace.version()).expect("a string takes everything");
    for (architecture, target) in ARCHITECTURES {
        let program = compile(workspace, target)?;
        let bytes = std::fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
        let file = format!("holdfast-agent-{architecture}-linux");
        replace(&dir.join(&file), &bytes, 0o755)?;
        manifest.push_str(&entry(architecture, &file, &bytes));
        eprintln!("agent for {architecture}: {} KiB", bytes.len().div_ceil(1024));
    }
    replace(&dir.join("manifest.toml"), manifest.as_bytes(), 0o644)?;
    Ok(dir)
}

fn compile(workspace: &Workspace, target: &str) -> Result<PathBuf> {
    let build_dir = workspace.target.join("agent-build");
    let mut command = cargo();
    command.args(["build", "--quiet", "--package", "holdfast-agent", "--bin", "holdfast-agent", "--profile", "agent"]);
    command.args(["--target", target, "--target-dir"]).arg(&build_dir).current_dir(&workspace.root);
    // Takes the place of RUSTFLAGS; the separator keeps blanks in paths.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(workspace).join("\u{1f}"));
    run(&mut command).context("cannot build the agent")?;
    Ok(build_dir.join(target).join("agent").join("holdfast-agent"))
}

/// Static, and without the paths of the machine that built it: the same source gives the same bytes elsewhere.
fn flags(workspace: &Workspace) -> Vec<String> {
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    flags.push(format!("--remap-path-prefix={}=/holdfast", workspace.root.display()));
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    if let Some(cargo) = std::env::var_os("CARGO_HOME").map(PathBuf::from).or(home) {
        flags.push(format!("--remap-path-prefix={}=/cargo", cargo.display()));
    }
    flags
}

fn entry(architecture: &str, file: &str, bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "\n[[agent]]\nfile = \"{file}\"\nsystem = \"linux\"\narchitecture = \"{architecture}\"\n\
         size = {}\nsha256 = \"{hash}\"\n",
        bytes.len()
    )
}

/// Puts a file in place whole, so that a program that starts meanwhile finds the old one or the new one. One that is
/// the same already is left alone.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let new = path.with_extension(format!("new-{}", std::process::id()));
    std::fs::write(&new, bytes)
        .and_then(|()| std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode)))
        .and_then(|()| std::fs::rename(&new, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::temp_dir;

    use super::*;

    #[test]
    fn the_manifest_names_size_and_hash() {
        let found = entry("x86_64", "holdfast-agent-x86_64-linux", b"abc");
        assert_eq!(
            found,
            "\n[[agent]]\nfile = \"holdfast-agent-x86_64-linux\"\nsystem = \"linux\"\narchitecture = \"x86_64\"\nsize = 3\n\
             sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n"
        );
    }

    #[test]
    fn a_file_that_is_the_same_is_left_alone_and_another_replaced() {
        use std::os::unix::fs::MetadataExt;
        let dir = temp_dir();
        let path = dir.path().join("agent");
        let inode = || std::fs::metadata(&path).unwrap().ino();
        replace(&path, b"one", 0o755).unwrap();
        let first = inode();
        replace(&path, b"one", 0o755).unwrap();
        assert_eq!(inode(), first);
        replace(&path, b"two", 0o755).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o755);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
