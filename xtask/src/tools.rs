//! Fetches other people's programs that tests are measured against: restic, its REST server, rclone, schemathesis.
//!
//! What the machine has already serves if it is new enough. Otherwise the program comes from a Debian package of a
//! newer suite, unpacked beside our own build and not installed. The mirror is the one that the machine's own apt is
//! set up with; apt fetches with the machine's proxies and rights, and verifies Debian's signatures. Nothing of the
//! machine's package lists is touched.

pub(crate) mod apt;
mod python;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::output;
use crate::workspace::Workspace;
use apt::Apt;

/// A program and what makes it good enough.
struct Program {
    /// Its file name, also the Debian package's.
    name: &'static str,
    /// What makes it tell its version.
    version_argument: &'static str,
    /// The oldest that serves: major and minor.
    oldest: (u32, u32),
}

const PROGRAMS: &[Program] = &[
    Program { name: "restic", version_argument: "version", oldest: (0, 18) },
    Program { name: "restic-rest-server", version_argument: "--version", oldest: (0, 12) },
    // Older ones cannot listen on a Unix socket.
    Program { name: "rclone", version_argument: "version", oldest: (1, 61) },
];

/// Debian's suites that may have them, the steadiest first: what tests run against should not change by itself.
const SUITES: &[&str] = &["trixie", "forky", "sid"];

/// Makes sure that all programs are in `target/tools`.
///
/// # Errors
/// Names every program that could not be had, after having fetched the others.
pub(crate) fn fetch(workspace: &Workspace) -> Result<()> {
    let dir = workspace.tools();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut apt = None;
    let mut failed: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for program in PROGRAMS {
        match fetch_one(program, &dir, &mut apt) {
            Ok(version) => eprintln!("{} {version}: {}", program.name, dir.join(program.name).display()),
            Err(error) => failed.entry(format!("{error:#}")).or_default().push(program.name),
        }
    }
    let schemathesis = &python::SCHEMATHESIS;
    if let Err(error) = python::fetch(schemathesis, &dir.join(schemathesis.package)) {
        failed.entry(format!("{error:#}")).or_default().push(schemathesis.package);
    }
    // The package lists are large and soon out of date.
    if let Some(apt) = apt {
        apt.remove();
    }
    if failed.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> = failed.iter().map(|(reason, names)| format!("{}: {reason}", names.join(", "))).collect();
    bail!("cannot get every program that the tests compare with:\n  {}", reasons.join("\n  "))
}

fn fetch_one(program: &Program, dir: &Path, apt: &mut Option<Apt>) -> Result<String> {
    let place = dir.join(program.name);
    if let Ok(version) = good_version(program, &place) {
        return Ok(version);
    }
    if let Some((found, version)) = on_path(program) {
        let _ = std::fs::remove_file(&place);
        std::os::unix::fs::symlink(&found, &place).with_context(|| format!("cannot link to {}", found.display()))?;
        return Ok(version);
    }
    let apt = match apt {
        Some(apt) => apt,
        none => none.insert(Apt::new(&dir.join("apt"))?),
    };
    let mut reasons = Vec::new();
    for suite in SUITES {
        let unpacked = apt.unpack(program.name, suite).map(|root| root.join("usr/bin").join(program.name));
        match unpacked.and_then(|file| good_version(program, &file).map(|version| (file, version))) {
            Ok((file, version)) => {
                std::fs::rename(&file, &place).with_context(|| format!("cannot move it to {}", place.display()))?;
                return Ok(version);
            }
            Err(error) => reasons.push(format!("{suite}: {error:#}")),
        }
    }
    bail!("{}", reasons.join("\n    "))
}

fn on_path(program: &Program) -> Option<(PathBuf, String)> {
    let path = std::env::var_os("PATH")?;
    let files = std::env::split_paths(&path).map(|dir| dir.join(program.name));
    files.filter_map(|file| good_version(program, &file).ok().map(|version| (file, version))).next()
}

/// The version that the program itself tells; an error if it does not start or is too old.
fn good_version(program: &Program, file: &Path) -> Result<String> {
    let said = output(Command::new(file).arg(program.version_argument))?;
    let (version, number) = version_in(&said).with_context(|| format!("{} tells no version", file.display()))?;
    let (major, minor) = program.oldest;
    if number < program.oldest {
        bail!("{version} is too old, {major}.{minor} is needed");
    }
    Ok(version)
}

/// The first word of the form `[v]1.2...`.
pub(crate) fn version_in(text: &str) -> Option<(String, (u32, u32))> {
    text.split_whitespace().find_map(|word| {
        let word = word.trim_start_matches('v');
        let mut parts = word.split(|c: char| !c.is_ascii_digit());
        let number = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((word.to_owned(), number))
    })
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::{Tree, temp_dir};

    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let number = |text| version_in(text).map(|(_, number)| number);
        assert_eq!(number("restic 0.18.0 compiled with go1.24.4 on linux/amd64"), Some((0, 18)));
        assert_eq!(number("rest-server 0.14.0 compiled with"), Some((0, 14)));
        assert_eq!(number("rclone v1.60.1-DEV\n- os/version: debian 12.10"), Some((1, 60)));
        assert_eq!(number("no version here"), None);
    }

    #[test]
    fn a_program_that_is_too_old_or_does_not_start_does_not_serve() {
        let dir = temp_dir();
        let tree = Tree::create(dir.path());
        let program = Program { name: "x", version_argument: "version", oldest: (0, 18) };
        let file = tree.path("x");
        assert!(good_version(&program, &file).is_err());
        tree.file("x", "#!/bin/sh\necho x 0.17.3\n").mode("x", 0o755);
        assert_eq!(good_version(&program, &file).unwrap_err().to_string(), "0.17.3 is too old, 0.18 is needed");
        tree.file("x", "#!/bin/sh\necho x 0.18.1-dev\n").mode("x", 0o755);
        assert_eq!(good_version(&program, &file).unwrap(), "0.18.1-dev");
    }
}
