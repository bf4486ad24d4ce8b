//! The whole program as a server, and the program to talk to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use holdfast_testkit::{Sshd, TempDir, agents_dir, temp_dir};
use serde_json::Value;

use super::scene::printed;

/// A running server, which ends with the test.
pub(crate) struct Running {
    process: Child,
    pub(crate) url: String,
    pub(crate) dir: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    pub(crate) fn start() -> Self {
        let dir = temp_dir();
        std::fs::write(dir.path().join("password"), "correct horse\n").unwrap();
        let (process, url) = Self::serve(&dir, "127.0.0.1:0");
        Self { process, url, dir }
    }

    fn serve(dir: &TempDir, listen: &str) -> (Child, String) {
        let mut command = Self::program(dir);
        command.args(["serve", "--json", "--listen", listen, "--data"]).arg(dir.path().join("data"));
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let first: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{error}: {first}"));
        (process, first["url"].as_str().unwrap().to_owned())
    }

    /// Kills it, and starts it where it was.
    pub(crate) fn start_anew(&mut self, meanwhile: impl FnOnce()) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        meanwhile();
        (self.process, _) = Self::serve(&self.dir, self.url.trim_start_matches("http://"));
    }

    pub(crate) fn program(dir: &TempDir) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", dir.path());
        command.env("HOLDFAST_AGENTS", agents_dir()).env("TZ", "UTC").current_dir(dir.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, line: &str) -> std::process::Output {
        let mut command = Self::program(&self.dir);
        command.env("HOLDFAST_SERVER", &self.url).args(line.split_whitespace()).output().unwrap()
    }

    pub(crate) fn ok(&self, line: &str) -> String {
        printed(0, &self.run(line))
    }

    /// Adds a repository, made of nothing.
    pub(crate) fn add_repository(&self, name: &str) {
        let place = self.dir.path().join(name).display().to_string();
        self.ok(&format!("repository add {name} {place} --init -q -p password"));
    }

    /// Adds a client and believes the key that it shows.
    pub(crate) fn enrol(&self, sshd: &Sshd, name: &str) {
        let (port, user, key) = (sshd.port(), sshd.user(), sshd.client_key().display().to_string());
        let print = fingerprint(sshd);
        let reached = format!("--address 127.0.0.1 --port {port} --user {user} --identity-file {key}");
        self.ok(&format!("client add {name} {reached} --accept-key {print}"));
    }
}

/// The fingerprint of a host's key, as the host itself shows it.
pub(crate) fn fingerprint(sshd: &Sshd) -> String {
    let shown = Command::new("ssh-keygen").arg("-lf").arg(sshd.known_hosts()).output().unwrap();
    String::from_utf8(shown.stdout).unwrap().split_whitespace().nth(1).unwrap().to_owned()
}
