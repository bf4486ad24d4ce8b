//! A repository, a host, and the program between them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use holdfast_testkit::{Restic, Sshd, TempDir, Tree, agents_dir, temp_dir};

/// The password of every repository here.
pub(crate) const PASSWORD: &str = "correct horse";

/// One repository and one host.
pub(crate) struct Scene {
    /// Everything lies in here.
    pub(crate) dir: TempDir,
    /// The host.
    pub(crate) sshd: Sshd,
}

/// One finished run.
pub(crate) struct Run {
    /// The exit code; `None` if it was killed.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Scene {
    /// A fresh repository and a running host; `None` (and a word) without an sshd.
    pub(crate) fn new() -> Option<Self> {
        Self::with(Sshd::start()?, &[])
    }

    /// As `new`, for this host and with these options of `init`.
    pub(crate) fn with(sshd: Sshd, init: &[&str]) -> Option<Self> {
        let scene = Self { dir: temp_dir(), sshd };
        std::fs::write(scene.path("password"), PASSWORD).unwrap();
        scene.run(&[&["init"], init].concat()).ok();
        Some(scene)
    }

    /// A path beside the repository.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A tree to back up.
    pub(crate) fn tree(&self, name: &str) -> Tree {
        Tree::create(self.path(name))
    }

    /// The program with everything that every call needs.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.env("HOLDFAST_REPOSITORY", self.path("repository"));
        command.env("HOLDFAST_PASSWORD_FILE", self.path("password"));
        command.env("HOLDFAST_STATE", self.path("state"));
        command.env("HOLDFAST_SSH", self.sshd.ssh_command());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// Backs up a path of the host, as JSON; gives the summary's numbers.
    pub(crate) fn backup(&self, path: &Path, more: &[&str]) -> Summary {
        let source = self.sshd.source(path);
        let run = self.run(&[&["backup", "--json", &source], more].concat());
        assert!(matches!(run.code, Some(0)), "{}{}", run.out, run.err);
        Summary::of(&run)
    }

    /// Demands that restic finds the repository sound.
    pub(crate) fn is_sound(&self) {
        if let Some(restic) = self.restic() {
            restic.ok(["check", "--no-lock"]);
        }
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

    /// The real restic on the same repository, if there is one.
    pub(crate) fn restic(&self) -> Option<Restic> {
        Restic::new(self.path("repository"), PASSWORD)
    }
}

/// The program, with no more of the environment than it needs to run.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(arguments).env_clear().stdin(Stdio::null()).env("HOLDFAST_AGENTS", agents_dir());
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// The agent for this machine, as it was built.
pub(crate) fn agent() -> PathBuf {
    let agents = std::fs::read_dir(agents_dir()).unwrap().map(|entry| entry.unwrap().path());
    let here = |path: &PathBuf| path.to_str().unwrap().contains(&format!("holdfast-agent-{}", std::env::consts::ARCH));
    agents.into_iter().find(here).unwrap()
}

impl Run {
    /// Of a finished process.
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        for said in [&output.stdout, &output.stderr] {
            let secret = said.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
            assert!(!secret, "the password was printed");
        }
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts that it ended well.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self
    }

    /// Asserts that it failed with this code and one sentence; gives the sentence.
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        let sentences: Vec<&str> = self.err.lines().filter(|line| line.starts_with("holdfast: ")).collect();
        assert_eq!(sentences.len(), 1, "{}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        sentences[0].to_owned()
    }
}

/// The numbers of a summary event.
pub(crate) struct Summary(HashMap<String, u64>, pub(crate) String);

impl Summary {
    /// Reads the last line of a run with `--json`.
    pub(crate) fn of(run: &Run) -> Self {
        let line = run.out.lines().rfind(|line| line.contains("\"summary\"")).expect("a summary");
        let fields = line.trim_matches(['{', '}']).split(',').filter_map(|field| {
            let (name, value) = field.split_once(':')?;
            Some((name.trim_matches('"').to_owned(), value.parse().ok()?))
        });
        let id = line.split_once("\"snapshot_id\":\"").map_or("", |(_, rest)| &rest[..64]);
        Self(fields.collect(), id.to_owned())
    }

    /// One number.
    pub(crate) fn get(&self, name: &str) -> u64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no {name} in the summary"))
    }
}

/// Waits until every file of a tree is older than what counts as just changed.
pub(crate) fn let_it_age(tree: &Tree) {
    let changed = std::fs::metadata(tree.root()).unwrap();
    use std::os::unix::fs::MetadataExt;
    let changed = changed.ctime().max(newest(tree.root()));
    holdfast_testkit::process::must_happen("the tree grows older", || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_secs() as i64 > changed + 4
    });
}

fn newest(dir: &Path) -> i64 {
    use std::os::unix::fs::MetadataExt;
    let newest = std::fs::read_dir(dir).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let metadata = entry.path().symlink_metadata();
        let Ok(metadata) = metadata else { return 0 };
        // Deeper than a path can say is as old as what lies above it.
        let beneath =
            if metadata.is_dir() && entry.path().as_os_str().len() < 1000 { newest_of(&entry.path()) } else { 0 };
        metadata.ctime().max(beneath)
    });
    newest.max().unwrap_or(0)
}

fn newest_of(dir: &Path) -> i64 {
    newest(dir)
}
