//! A repository with a password file, and the program to use it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};

use holdfast_testkit::{Restic, TempDir, Tree, temp_dir};
use serde_json::Value;

/// The password of every repository here.
pub(crate) const PASSWORD: &str = "correct horse";

/// One repository, one source, and a state directory of its own.
pub(crate) struct Scene {
    dir: TempDir,
}

impl Scene {
    /// Nothing but a password file.
    pub(crate) fn empty() -> Self {
        let dir = temp_dir();
        std::fs::write(dir.path().join("password"), PASSWORD).unwrap();
        Self { dir }
    }

    /// A new repository.
    pub(crate) fn new() -> Self {
        let scene = Self::empty();
        scene.ok(["init"]);
        scene
    }

    /// Something in the directory of the scene.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same as text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().unwrap()
    }

    /// What is backed up.
    pub(crate) fn source(&self) -> Tree {
        Tree::create(self.path("source"))
    }

    /// Backs up the source at a time, and gives the snapshot's id.
    pub(crate) fn backup_at(&self, time: &str) -> String {
        let source = self.text("source");
        let said = self.ok(["backup", "--json", "--host", "web1", "--time", time, &source]);
        let summary: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        summary["snapshot_id"].as_str().unwrap().to_owned()
    }

    /// The program, without anything of this machine's.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("HOLDFAST_") || name.starts_with("RESTIC_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.dir.path()).env("HOLDFAST_STATE", self.path("state"));
        command
    }

    /// Runs it on the repository.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let mut command = self.command();
        command
            .env("HOLDFAST_REPOSITORY", self.path("repository"))
            .env("HOLDFAST_PASSWORD_FILE", self.path("password"));
        command.args(arguments).output().unwrap()
    }

    /// Runs it, demands success and gives what it printed.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let output = self.run(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "it ended with {}:\n{out}\n{err}", output.status);
        out.into_owned()
    }

    /// Runs it with `--json` and reads each line.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Vec<Value> {
        lines(&self.ok(arguments.into_iter().map(|text| text.as_ref().to_owned()).chain(["--json".into()])))
    }

    /// Demands this exit code and one sentence, which it gives.
    pub(crate) fn fails<S: AsRef<OsStr>>(&self, code: i32, arguments: impl IntoIterator<Item = S>) -> String {
        sentence(code, &self.run(arguments))
    }

    /// restic on the same repository.
    pub(crate) fn restic(&self) -> Option<Restic> {
        Restic::new(self.path("repository"), PASSWORD)
    }

    /// The files in a folder of the repository, however deep.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path("repository").join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found
    }
}

/// JSON documents, one a line.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The one sentence of a run that failed with this code.
pub(crate) fn sentence(code: i32, output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{err}");
    let said: Vec<&str> = err.lines().filter(|line| line.starts_with("holdfast: ")).collect();
    assert_eq!(said.len(), 1, "{err}");
    assert!(!err.contains("panicked"), "{err}");
    said[0].to_owned()
}
