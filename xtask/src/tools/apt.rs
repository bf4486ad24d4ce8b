//! Debian packages of any suite, unpacked without installing, through the machine's own apt.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::output;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt with lists, cache and sources of its own.
pub(crate) struct Apt {
    dir: PathBuf,
    mirror: String,
    /// Suites whose lists were asked for, and what went wrong.
    asked: BTreeMap<String, Result<(), String>>,
}

impl Apt {
    /// Prepares the directory. Asks apt which mirror it is set up with, and nothing else.
    pub(crate) fn new(dir: &Path) -> Result<Self> {
        let mut ask = Command::new("apt-get");
        let format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
        ask.args(["indextargets", "--format", format, "Created-By: Packages"]);
        let targets = output(&mut ask).context("this machine has no apt to fetch Debian packages with")?;
        let mirror = mirror_in(&targets).context("this machine's apt has no Debian mirror")?;
        if !Path::new(KEYRING).exists() {
            bail!("{KEYRING} is missing (package debian-archive-keyring): packages could not be verified");
        }
        let apt = Self { dir: dir.to_owned(), mirror, asked: BTreeMap::new() };
        for part in ["lists/partial", "cache/archives/partial", "packages"] {
            let part = dir.join(part);
            std::fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
        }
        apt.write("status", "")?;
        Ok(apt)
    }

    /// The root of an unpacked package.
    ///
    /// # Errors
    /// When the suite does not have it, or nothing can be fetched; with apt's own words.
    pub(crate) fn unpack(&mut self, package: &str, suite: &str) -> Result<PathBuf> {
        self.update(suite)?;
        let packages = self.dir.join("packages");
        let debs = || std::fs::read_dir(&packages).context("the directory of packages is gone");
        for old in debs()?.flatten() {
            let _ = std::fs::remove_file(old.path());
        }
        let mut download = self.apt(suite);
        download.args(["download", package]).current_dir(&packages);
        output(&mut download).map_err(first_error)?;
        let deb = debs()?.flatten().map(|entry| entry.path()).next().context("apt gave no package")?;
        let root = self.dir.join("unpacked").join(format!("{package}-{suite}"));
        std::fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        output(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&root))?;
        Ok(root)
    }

    /// Takes everything away that was only needed to fetch.
    pub(crate) fn remove(self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }

    fn update(&mut self, suite: &str) -> Result<()> {
        if let Some(known) = self.asked.get(suite) {
            return known.clone().map_err(anyhow::Error::msg);
        }
        let source = format!("deb [signed-by={KEYRING}] {} {suite} main\n", self.mirror);
        self.write(&format!("{suite}.list"), &source)?;
        eprintln!("fetching the list of packages of Debian {suite}");
        let answer = output(self.apt(suite).arg("update")).map(drop).map_err(first_error);
        self.asked.insert(suite.to_owned(), answer.as_ref().map_err(ToString::to_string).copied());
        answer
    }

    /// apt-get for one suite, with nothing of the machine's own lists.
    fn apt(&self, suite: &str) -> Command {
        let place = |name: &str| self.dir.join(name).display().to_string();
        let options = [
            ("Dir::Etc::sourcelist", place(&format!("{suite}.list"))),
            ("Dir::Etc::sourceparts", "/dev/null".to_owned()),
            ("Dir::Etc::preferencesparts", "/dev/null".to_owned()),
            ("Dir::State::lists", place("lists")),
            ("Dir::State::status", place("status")),
            ("Dir::Cache", place("cache")),
            ("Acquire::Languages", "none".to_owned()),
            // apt's own user may not write here; who is not root fetches as himself anyway.
            ("APT::Sandbox::User", "root".to_owned()),
            ("APT::Get::List-Cleanup", "false".to_owned()),
            // Half a list is no list.
            ("APT::Update::Error-Mode", "any".to_owned()),
            ("Acquire::Retries", "2".to_owned()),
        ];
        let mut command = Command::new("apt-get");
        command.arg("-qq").env("LC_ALL", "C");
        for (name, value) in options {
            command.arg("-o").arg(format!("{name}={value}"));
        }
        command
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.dir.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The first line in which apt says what is wrong.
fn first_error(error: anyhow::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    match text.find("E: ") {
        Some(start) => anyhow::anyhow!("apt: {}", text[start + 3..].lines().next().unwrap_or_default()),
        None => error,
    }
}

/// The address of Debian's main archive among apt's index targets (`ORIGIN|LABEL|URI` lines). Before the first
/// `apt-get update` origin and label are not known yet; then the address must tell.
fn mirror_in(targets: &str) -> Option<String> {
    let rows: Vec<Vec<&str>> = targets.lines().map(|line| line.split('|').collect()).collect();
    let rows: Vec<&Vec<&str>> = rows.iter().filter(|row| row.len() == 3).collect();
    let known = rows.iter().find(|row| row[0] == "Debian" && row[1] == "Debian");
    let guessed = rows.iter().find(|row| row[2].trim_end_matches('/').ends_with("/debian"));
    known.or(guessed).map(|row| row[2].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_that_of_the_main_archive() {
        let targets = "Acme|Acme|http://a.example/debian/\nDebian|Debian-Security|http://b.example/debian-security/\n\
                       Debian|Debian|http://b.example/mirror/deb/\n";
        assert_eq!(mirror_in(targets).as_deref(), Some("http://b.example/mirror/deb/"));
    }

    #[test]
    fn before_the_first_update_the_address_tells() {
        let targets = "$(ORIGIN)|$(LABEL)|http://b.example/debian-security/\n||http://b.example/debian\n";
        assert_eq!(mirror_in(targets).as_deref(), Some("http://b.example/debian"));
        assert_eq!(mirror_in("||http://a.example/ubuntu/\n"), None);
    }

    #[test]
    fn what_apt_says_is_wrong_is_said_in_one_line() {
        let error = anyhow::anyhow!("apt-get ended with 100: W: careful\nE: Failed to fetch x\nE: more");
        assert_eq!(first_error(error).to_string(), "apt: Failed to fetch x");
    }
}
