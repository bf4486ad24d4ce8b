//! A real OpenSSH server on a free loopback port, with keys of its own, for the length of one test.
//!
//! Nothing of the machine's own SSH set-up is read or changed. Sessions get a home directory of their own, so that
//! what a program caches there is seen, and gone afterwards. Each fixture has its own port and keys, so any number
//! may run at once. On drop the server and everything its sessions started are killed.

mod config;
mod namespace;
mod start;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use crate::{TempDir, process};

/// How the server is set up; ends with [`SshdBuilder::start`].
#[derive(Debug, Default)]
pub struct SshdBuilder {
    forced_command: Option<String>,
    config_lines: Vec<String>,
    environment: Vec<(String, String)>,
    user: Option<User>,
    setup: Vec<String>,
}

impl SshdBuilder {
    /// Whatever a client asks to run, this command runs (`SSH_ORIGINAL_COMMAND` holds what it asked for), and the
    /// key is restricted as in `restrict,command="..."`.
    #[must_use]
    pub fn forced_command(mut self, command: impl Into<String>) -> Self {
        self.forced_command = Some(command.into());
        self
    }

    /// One more line of `sshd_config`.
    #[must_use]
    pub fn config(mut self, line: impl Into<String>) -> Self {
        self.config_lines.push(line.into());
        self
    }

    /// A variable in the environment of every session.
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sessions log in as an ordinary user, [`Sshd::UNPRIVILEGED`], who exists only for this server (in a mount
    /// namespace of its own). Needs root.
    #[must_use]
    pub fn unprivileged_user(self) -> Self {
        self.user(Sshd::UNPRIVILEGED, namespace::USER_ID)
    }

    /// The same, with a user of this name and this id and group, which the machine should not have.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, id: u32) -> Self {
        self.user = Some(User { name: name.into(), id });
        self
    }

    /// A line of shell that runs as root in the server's own mount namespace before it starts, with the sessions'
    /// home in `$HOME`: `mount -t tmpfs -o noexec none "$HOME"`. What it mounts is seen by the sessions only.
    /// Needs root.
    #[must_use]
    pub fn before(mut self, line: impl Into<String>) -> Self {
        self.setup.push(line.into());
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// Where there is no sshd, or no right to a mount namespace that was asked for, the test is skipped and must
    /// return.
    pub fn start(self) -> Option<Sshd> {
        start::start(&self)
    }

    fn needs_namespace(&self) -> bool {
        self.user.is_some() || !self.setup.is_empty()
    }
}

/// An ordinary user who exists for one server only.
#[derive(Debug)]
struct User {
    name: String,
    id: u32,
}

/// A running server.
#[derive(Debug)]
pub struct Sshd {
    dir: TempDir,
    server: Child,
    port: u16,
    user: String,
}

impl Sshd {
    /// The name of the ordinary user of [`SshdBuilder::unprivileged_user`].
    pub const UNPRIVILEGED: &str = "holdfast-test";

    /// A server for the user that runs the test.
    pub fn start() -> Option<Self> {
        SshdBuilder::default().start()
    }

    /// A server with more to be said about it.
    pub fn builder() -> SshdBuilder {
        SshdBuilder::default()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who logs in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// `USER@127.0.0.1`.
    pub fn destination(&self) -> String {
        format!("{}@127.0.0.1", self.user)
    }

    /// `USER@127.0.0.1:PATH`.
    pub fn source(&self, path: impl AsRef<Path>) -> String {
        let path = path.as_ref().to_str().expect("a path to write on a command line");
        format!("{}:{path}", self.destination())
    }

    /// The ssh command that reaches this server and trusts no other, for `--ssh`. Has no quotes and needs none.
    pub fn ssh_command(&self) -> String {
        format!("ssh {}", self.ssh_arguments().join(" "))
    }

    /// The arguments of [`Sshd::ssh_command`].
    pub fn ssh_arguments(&self) -> Vec<String> {
        let (key, hosts) = (self.client_key(), self.known_hosts());
        let options = [
            format!("IdentityFile={}", key.display()),
            format!("UserKnownHostsFile={}", hosts.display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "BatchMode=yes".to_owned(),
        ];
        let mut arguments = vec!["-F".to_owned(), "none".to_owned(), "-p".to_owned(), self.port.to_string()];
        arguments.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option]));
        arguments
    }

    /// Runs a command in a session of its own.
    pub fn run(&self, command: &str) -> Output {
        let mut ssh = Command::new("ssh");
        ssh.args(self.ssh_arguments()).arg(self.destination()).arg(command);
        ssh.output().unwrap_or_else(|error| panic!("cannot start ssh: {error}"))
    }

    /// The private key that the server lets in. Remove or replace it to be refused.
    pub fn client_key(&self) -> PathBuf {
        self.dir.path().join("client_key")
    }

    /// The file with the server's host key. Empty it and the host is unknown; replace the key in it
    /// The fingerprint of its host key, as `ssh-keygen` shows it.
    pub fn fingerprint(&self) -> Option<String> {
        let output = Command::new("ssh-keygen").arg("-lf").arg(self.known_hosts()).output().ok()?;
        let said = String::from_utf8(output.stdout).ok()?;
        said.split_whitespace().find(|word| word.starts_with("SHA256:")).map(str::to_owned)
    }

    /// ([`Sshd::expect_another_host_key`]) and the host is an impostor.
    pub fn known_hosts(&self) -> PathBuf {
        self.dir.path().join("known_hosts")
    }

    /// Lets clients expect a host key that this server does not have.
    pub fn expect_another_host_key(&self) {
        let other = self.dir.path().join("other_host_key");
        config::generate_key(&other);
        config::write_known_hosts(&self.known_hosts(), self.port, &other.with_extension("pub"));
    }

    /// The home directory of sessions.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Every process of every session now, `sshd`'s own included, parents first.
    pub fn session_processes(&self) -> Vec<u32> {
        process::descendants(self.pid())
    }

    /// Cuts all connections, as when the host loses power: everything that sessions run is killed, the server stays.
    pub fn cut(&self) {
        for session in process::children(self.pid()) {
            process::kill_tree(session);
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        process::kill_tree(self.pid());
        let _ = self.server.wait();
    }
}

#[cfg(test)]
mod tests;
