//! Fetches programs that come from PyPI, each into an environment of its own beside our build.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::run;

/// A program of a Python package.
pub(super) struct Package {
    /// Its file name.
    pub(super) program: &'static str,
    /// The package.
    pub(super) package: &'static str,
    /// Its version: what tests run against should not change by itself.
    pub(super) version: &'static str,
}

/// What the tests of the API run.
pub(super) const SCHEMATHESIS: Package = Package { program: "st", package: "schemathesis", version: "4.32.5" };

/// Makes sure that the program is there under this name.
pub(super) fn fetch(package: &Package, place: &Path) -> Result<()> {
    let environment = place.with_extension(format!("{}-env", package.version));
    let program = environment.join("bin").join(package.program);
    if !program.exists() {
        let _ = std::fs::remove_dir_all(&environment);
        let made = run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
        made.context("making an environment needs python3 and its venv")?;
        let wanted = format!("{}=={}", package.package, package.version);
        let mut pip = Command::new(environment.join("bin/pip"));
        run(pip.args(["install", "--quiet", "--disable-pip-version-check", &wanted]))?;
    }
    let _ = std::fs::remove_file(place);
    std::os::unix::fs::symlink(&program, place).with_context(|| format!("cannot link to {}", program.display()))
}
