//! `cargo xtask bench --install-peers`: the newest of each peer into `target/peers`, with nothing installed on the
//! machine. restic and libraries come as Debian packages, unpacked; borg from Python's index into an environment of
//! its own; rustic and bupstash are built by cargo.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Kind;
use super::find::{find, peers};
use crate::command::{cargo, output, run};
use crate::tools::apt::Apt;
use crate::workspace::Workspace;

/// Debian's suites, the newest first: what is compared with should be new.
const SUITES: &[&str] = &["sid", "forky", "trixie"];

/// The suite whose libraries fit the machine.
const STABLE: &[&str] = &["bookworm", "trixie"];

/// Installs what of these is missing.
///
/// # Errors
/// Names every peer that could not be had, after having installed the others.
pub(in crate::bench) fn install(kinds: &[Kind], workspace: &Workspace) -> Result<()> {
    let dir = peers(workspace);
    std::fs::create_dir_all(dir.join("bin")).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut apt = None;
    let mut failed = Vec::new();
    for kind in kinds {
        let installed = match kind {
            Kind::Holdfast => Ok(()),
            Kind::Restic => restic(&dir, &mut apt),
            Kind::Rustic => build("rustic-rs", &dir, None),
            Kind::Borg => borg(&dir),
            Kind::Bupstash => sodium(&dir, &mut apt).and_then(|library| build("bupstash", &dir, library.as_deref())),
        };
        match installed {
            Ok(()) => eprintln!("{}: {}", kind.name(), find(*kind, workspace).map_or(String::new(), |it| it.version)),
            Err(error) => failed.push(format!("{}: {error:#}", kind.name())),
        }
    }
    if let Some(apt) = apt {
        apt.remove();
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("cannot install every peer:\n  {}", failed.join("\n  "))
}

fn apt<'a>(dir: &Path, apt: &'a mut Option<Apt>) -> Result<&'a mut Apt> {
    Ok(match apt {
        Some(apt) => apt,
        none => none.insert(Apt::new(&dir.join("apt"))?),
    })
}

fn restic(dir: &Path, known: &mut Option<Apt>) -> Result<()> {
    let apt = apt(dir, known)?;
    let mut reasons = Vec::new();
    for suite in SUITES {
        match apt.unpack("restic", suite) {
            Ok(root) => {
                let place = dir.join("bin/restic");
                return std::fs::rename(root.join("usr/bin/restic"), &place)
                    .with_context(|| format!("cannot move it to {}", place.display()));
            }
            Err(error) => reasons.push(format!("{suite}: {error:#}")),
        }
    }
    bail!("{}", reasons.join("\n    "))
}

fn borg(dir: &Path) -> Result<()> {
    let environment = dir.join("borg");
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment)).context("borg needs python3 with venv")?;
    let pip = environment.join("bin/pip");
    run(Command::new(pip).args(["install", "--quiet", "--upgrade", "borgbackup"])).context(
        "building borg needs a C compiler, python3-dev, pkg-config, libssl-dev, libacl1-dev, liblz4-dev, libzstd-dev \
         and libxxhash-dev",
    )?;
    link(&environment.join("bin/borg"), &dir.join("bin/borg"))
}

fn build(package: &str, dir: &Path, pkg_config: Option<&Path>) -> Result<()> {
    let mut command = cargo();
    command.args(["install", "--locked", "--root"]).arg(dir).arg(package);
    if let Some(path) = pkg_config {
        command.env("PKG_CONFIG_PATH", path);
    }
    run(&mut command)
}

/// Where pkg-config finds libsodium, if not on the machine: its package, unpacked.
fn sodium(dir: &Path, known: &mut Option<Apt>) -> Result<Option<std::path::PathBuf>> {
    if output(Command::new("pkg-config").args(["--exists", "libsodium"])).is_ok() {
        return Ok(None);
    }
    let apt = apt(dir, known)?;
    let mut reasons = Vec::new();
    for suite in STABLE {
        match apt.unpack("libsodium-dev", suite) {
            Ok(root) => return described(&root, dir).map(Some),
            Err(error) => reasons.push(format!("{suite}: {error:#}")),
        }
    }
    bail!("no libsodium: {}", reasons.join("\n    "))
}

/// Puts the unpacked library where it stays, with a description that names that place, and its static form only: the
/// shared one is not on the machine.
fn described(root: &Path, dir: &Path) -> Result<std::path::PathBuf> {
    let place = dir.join("sodium");
    super::super::corpus::remove(&place)?;
    std::fs::rename(root, &place).with_context(|| format!("cannot move {}", root.display()))?;
    let libraries = std::fs::read_dir(place.join("usr/lib")).context("the package has no libraries")?;
    let library = libraries.flatten().map(|entry| entry.path()).find(|path| path.join("libsodium.a").exists());
    let library = library.context("the package has no static library")?;
    let _ = std::fs::remove_file(library.join("libsodium.so"));
    let file = library.join("pkgconfig/libsodium.pc");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = text.replace("=/usr", &format!("={}/usr", place.display()));
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(library.join("pkgconfig"))
}

fn link(to: &Path, at: &Path) -> Result<()> {
    let _ = std::fs::remove_file(at);
    std::os::unix::fs::symlink(to, at).with_context(|| format!("cannot link to {}", to.display()))
}
