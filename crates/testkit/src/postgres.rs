//! A real PostgreSQL on a socket of its own, for the length of one test.
//!
//! Nothing of the machine's own PostgreSQL is read or changed. What is stored is not safe from a power cut, which no test
//! needs. On drop the server is killed; it does not outlive the test either if that is.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{TempDir, process, runs_as_root, skip};

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    dir: TempDir,
    programs: PathBuf,
    server: Child,
}

/// The user that Debian's packages make for it: it does not run as root.
const USER: &str = "postgres";

impl Postgres {
    /// Starts a server and waits until it answers. Where there is none, the test is skipped and must return.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            skip("needs PostgreSQL");
            return None;
        };
        let dir = crate::temp_dir();
        if runs_as_root() {
            let status = Command::new("chown").arg(USER).arg(dir.path()).status().expect("chown is there");
            assert!(status.success(), "cannot give {} to {USER}", dir.path().display());
        }
        let data = dir.path().join("data");
        let made = as_user(&programs.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username=holdfast", "-D"])
            .arg(&data)
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let server = as_user(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "full_page_writes=off",
                "-c",
                "max_connections=60",
                // In its own folder: what is killed leaves nothing behind elsewhere.
                "-c",
                "dynamic_shared_memory_type=mmap",
            ])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", dir.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres starts");
        let postgres = Self { dir, programs, server };
        process::must_happen("PostgreSQL answers", || postgres.answers());
        Some(postgres)
    }

    /// The address of a new, empty database.
    pub fn new_database(&self, name: &str) -> String {
        let made = self.client("createdb").arg(name).output().expect("createdb starts");
        assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
        format!("postgres://holdfast@localhost/{name}?host={}", self.dir.path().display())
    }

    /// Kills the server as a power cut would, and starts it again.
    pub fn crash(&mut self) {
        self.kill();
        let data = self.dir.path().join("data");
        // It would refuse to start beside one that may still run.
        let _ = std::fs::remove_file(data.join("postmaster.pid"));
        self.server = as_user(&self.programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60", "-c"])
            .arg(format!("unix_socket_directories={}", self.dir.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres starts");
        process::must_happen("PostgreSQL answers again", || self.answers());
    }

    fn answers(&self) -> bool {
        self.client("pg_isready").arg("--quiet").status().is_ok_and(|status| status.success())
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("--host").arg(self.dir.path()).args(["--username", "holdfast"]).stdin(Stdio::null());
        command
    }

    fn kill(&mut self) {
        process::kill_tree(self.server.id());
        let _ = self.server.wait();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The folder with the programs of the newest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.flatten().map(|entry| entry.path()).max_by_key(|path| number(path))?;
    Some(newest.join("bin")).filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

/// The program as an ordinary user, which ends when we do.
fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if runs_as_root() {
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]);
    }
    command.arg(program).current_dir("/").stdin(Stdio::null());
    command
}
