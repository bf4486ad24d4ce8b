//! A kernel's source, from Debian's package, unpacked without installing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::output;
use crate::tools::apt::Apt;

const PACKAGE: &str = "linux-source-6.1";

/// The suite that has it.
const SUITE: &str = "bookworm";

/// Unpacks it into an existing directory and says what it is.
///
/// # Errors
/// Where there is no apt with a Debian mirror, or it cannot be reached.
pub(super) fn make(root: &Path, scratch: &Path) -> Result<String> {
    let mut apt = Apt::new(scratch)?;
    let made = unpack(&mut apt, root);
    apt.remove();
    made
}

fn unpack(apt: &mut Apt, root: &Path) -> Result<String> {
    let package = apt.unpack(PACKAGE, SUITE)?;
    let archive = package.join(format!("usr/src/{PACKAGE}.tar.xz"));
    eprintln!("unpacking {PACKAGE}");
    let mut tar = Command::new("tar");
    tar.arg("-xJf").arg(&archive).args(["--strip-components=1", "--no-same-owner", "-C"]).arg(root);
    output(&mut tar)?;
    let makefile = std::fs::read_to_string(root.join("Makefile")).context("the package holds no kernel")?;
    Ok(format!("Linux {} of Debian's {PACKAGE}", version(&makefile)))
}

/// The kernel's version, as its Makefile begins with it.
fn version(makefile: &str) -> String {
    let value = |name: &str| makefile.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
    let parts = ["VERSION", "PATCHLEVEL", "SUBLEVEL"].map(|name| value(name).unwrap_or("0").trim());
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_makefile_tells_the_version() {
        assert_eq!(version("# SPDX\nVERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 158\nEXTRAVERSION =\n"), "6.1.158");
    }
}
