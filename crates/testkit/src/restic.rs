//! Real restic on a repository: the judge of whether ours is one.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::{TempDir, Tool, temp_dir};

/// restic with one repository and one password. It leaves nothing outside its own temporary directory.
#[derive(Debug)]
pub struct Restic {
    program: PathBuf,
    repository: String,
    password: String,
    scratch: TempDir,
}

impl Restic {
    /// restic for this repository (a path or anything that restic takes after `-r`). Without restic the test is
    /// skipped and must return.
    pub fn new(repository: impl AsRef<OsStr>, password: &str) -> Option<Self> {
        let program = Tool::Restic.require()?;
        let repository = repository.as_ref().to_str().expect("restic wants a repository in UTF-8").to_owned();
        Some(Self { program, repository, password: password.to_owned(), scratch: temp_dir() })
    }

    /// The command, ready for more arguments, an environment or a kill.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RESTIC_") {
                command.env_remove(name);
            }
        }
        command
            .env("RESTIC_REPOSITORY", &self.repository)
            .env("RESTIC_PASSWORD", &self.password)
            .env("RESTIC_CACHE_DIR", self.scratch.path())
            .env("TMPDIR", self.scratch.path())
            .env("RESTIC_PROGRESS_FPS", "0.01")
            .env("GOMAXPROCS", "2");
        command
    }

    /// Runs it to its end, whatever that is.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command().args(arguments).output().unwrap_or_else(|error| panic!("cannot start restic: {error}"))
    }

    /// Runs it, demands success and gives its standard output; panics with all it said otherwise.
    pub fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let mut command = self.command();
        command.args(arguments);
        let output = command.output().unwrap_or_else(|error| panic!("cannot start restic: {error}"));
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command:?} ended with {}:\n{out}\n{err}", output.status);
        out.into_owned()
    }

    /// Demands that `restic check` finds nothing wrong, not even a warning, having read every byte, and that it
    /// leaves locks alone.
    pub fn check_read_data(&self) {
        let said = self.ok(["check", "--read-data", "--no-lock"]);
        assert!(said.contains("no errors were found"), "restic check said:\n{said}");
    }

    /// Restores a snapshot into a directory.
    pub fn restore(&self, snapshot: &str, target: &Path) {
        self.ok([OsStr::new("restore"), OsStr::new(snapshot), OsStr::new("--target"), target.as_os_str()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompareOptions, Tree, compare_trees, require_root};

    #[test]
    fn restic_gives_back_a_tree_of_every_kind() {
        if !require_root() {
            return;
        }
        let dir = temp_dir();
        let Some(restic) = Restic::new(dir.path().join("repository"), "a password") else { return };
        let source = dir.path().join("source");
        Tree::create(&source).every_kind();
        restic.ok(["init"]);
        restic.ok([OsStr::new("backup"), source.as_os_str()]);
        restic.check_read_data();
        let target = dir.path().join("target");
        restic.restore(&format!("latest:{}", source.display()), &target);
        assert_eq!(compare_trees(&source, &target, &CompareOptions::restic()), []);
        assert!(!restic.run(["check", "--no-such-option"]).status.success());
    }

    #[test]
    fn restic_sees_damage_and_the_check_fails_loudly() {
        let dir = temp_dir();
        let Some(restic) = Restic::new(dir.path().join("repository"), "a password") else { return };
        restic.ok(["init"]);
        let key = std::fs::read_dir(dir.path().join("repository/keys")).unwrap().next().unwrap().unwrap().path();
        std::fs::remove_file(key).unwrap();
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| restic.check_read_data())).is_err());
    }
}
