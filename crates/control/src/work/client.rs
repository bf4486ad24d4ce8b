//! Calls a client: `ssh` as the client's connection says, and no other key than those that are believed.
//!
//! What the server's own administrator has in `ssh_config` goes on to apply, but for which keys of hosts are known: that is
//! the server's to say, and a person's who accepted them.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use holdfast_model::client::{AgentMode, ClientSpec, ConnectionError, HostKey};
use holdfast_model::source::RemoteHost;
use holdfast_model::{CancelToken, ClientUid};
use holdfast_pull::ssh::{OfferedError, SshFailure, SshProgram, offered_keys};
use holdfast_pull::{LinkError, Rate, Remote, RemoteLink, Start, greet};

use super::Workplace;
use crate::fingerprint::fingerprint;

/// A client, as it is to be called.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its id, under which its keys are known.
    pub uid: ClientUid,
    /// How it is reached.
    pub spec: ClientSpec,
    /// The keys that are believed.
    pub accepted: Vec<HostKey>,
    /// How fast it may send; set anew while it does.
    pub rate: Rate,
    /// The way to it.
    pub way: Way,
}

/// The way to a client.
#[derive(Debug, Clone)]
pub enum Way {
    /// There is nothing between that the server knows of.
    Direct,
    /// Another client, by its own connection and keys.
    Through(Box<Caller>),
    /// A host of this name, which is no client, or lies behind so many others that they must go round in a circle.
    Nowhere(String),
}

/// Why a client could not be called.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody has said which key of the host is to be believed.
    #[error("nobody has accepted a host key of {0} yet")]
    NoHostKey(String),
    /// It shows another key than those that are believed.
    #[error(
        "{host} shows {}, and {} is expected: `holdfast client accept-key {host}` is where that is decided",
        shown.as_ref().map_or_else(|| "another host key".to_owned(), |shown| format!("the host key {shown}")),
        expected.join(" or ")
    )]
    OtherHostKey {
        /// What the client is called.
        host: String,
        /// The fingerprints that are believed.
        expected: Vec<String>,
        /// The one that was shown.
        shown: Option<String>,
    },
    /// The jump host cannot be called.
    #[error("the jump host {host} cannot be called")]
    JumpHost {
        /// The jump host.
        host: String,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// Nothing is known of the jump host.
    #[error(
        "the jump host {0} is no client of this server, or jump hosts name each other: add it as a client, which may be \
         disabled, prepare it and accept its host key"
    )]
    NoJumpHost(String),
    /// The connection makes no sense.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The keys that are believed cannot be written down for `ssh`.
    #[error("cannot write {}", path.display())]
    KnownHosts {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `ssh` or the puller cannot be started.
    #[error("cannot call {host}")]
    Start {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The session broke before the agent was there.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// A session whose agent has said hello.
pub struct Session {
    /// The session.
    pub link: RemoteLink,
    /// What the agent has said.
    pub hello: holdfast_pull::AgentHello,
    /// The fingerprint of the key that the host has proven.
    pub host_key: Option<String>,
}

impl Caller {
    /// Starts a session.
    pub fn call(&self, place: &Workplace, cancel: &CancelToken) -> Result<Session, CallError> {
        let host = self.host()?;
        let ssh = self.pinned(place)?;
        let remote = Remote {
            host: &host,
            ssh: &ssh,
            start: self.start(),
            agents: &place.agents,
            puller: &place.program,
            rate: self.rate.clone(),
        };
        let start = |source| CallError::Start { host: host.to_string(), source };
        let mut link = RemoteLink::connect(&remote, cancel).map_err(start)?;
        let hello = greet(&mut link).map_err(|error| self.explained(error))?;
        let host_key = link.host_key();
        Ok(Session { link, hello, host_key })
    }

    /// What `ssh` says of a key that it does not expect is long, and names a file that is not a person's to change.
    fn explained(&self, error: LinkError) -> CallError {
        match error {
            LinkError::Ssh { failure: SshFailure::HostKeyChanged, said } => CallError::OtherHostKey {
                host: self.spec.hostname.to_string(),
                expected: self.accepted.iter().filter_map(fingerprint).collect(),
                shown: fingerprint_in(&said),
            },
            error => error.into(),
        }
    }

    /// The keys that the host shows now, whether they are believed or not.
    pub fn offered_keys(&self, place: &Workplace) -> Result<Vec<HostKey>, AskError> {
        let keys = offered_keys(&self.ssh(place, &[])?, &self.host().map_err(CallError::from)?)?;
        Ok(keys.iter().filter_map(|key| key.parse().ok()).collect())
    }

    /// `ssh` that believes the keys that are accepted, and no others.
    fn pinned(&self, place: &Workplace) -> Result<SshProgram, CallError> {
        if self.accepted.is_empty() {
            return Err(CallError::NoHostKey(self.spec.hostname.to_string()));
        }
        let known_hosts = self.write_known_hosts(&place.state)?;
        let alias = self.uid.to_string();
        self.ssh(
            place,
            &[
                ("HostKeyAlias", &alias),
                ("UserKnownHostsFile", &quoted(&known_hosts)),
                ("GlobalKnownHostsFile", "none"),
                ("StrictHostKeyChecking", "yes"),
                ("UpdateHostKeys", "no"),
                ("CheckHostIP", "no"),
                // No other way to believe a key, whatever else is configured.
                ("VerifyHostKeyDNS", "no"),
                ("KnownHostsCommand", "none"),
                ("NoHostAuthenticationForLocalhost", "no"),
            ],
        )
    }

    fn host(&self) -> Result<RemoteHost, ConnectionError> {
        self.spec.connection.check(self.spec.hostname.as_str())?;
        self.spec.connection.host(self.spec.hostname.as_str())
    }

    fn start(&self) -> Start {
        let connection = &self.spec.connection;
        Start {
            sudo: connection.sudo,
            ephemeral: connection.agent == AgentMode::Ephemeral,
            installed: connection.agent == AgentMode::ForcedCommand,
        }
    }

    /// `ssh` with these options, which go before all others, and those of the connection.
    fn ssh(&self, place: &Workplace, first: &[(&str, &str)]) -> Result<SshProgram, CallError> {
        let connection = &self.spec.connection;
        let mut ssh = first.iter().fold(SshProgram::default(), |ssh, (name, value)| ssh.with_option(name, value));
        if let Some(file) = &connection.identity_file {
            ssh = ssh.with_option("IdentityFile", &quoted(file)).with_option("IdentitiesOnly", "yes");
        } else if let Some(file) = &place.identity {
            ssh = ssh.with_option("IdentityFile", &quoted(file));
        }
        let ssh = connection.ssh_options.0.iter().fold(ssh, |ssh, (name, value)| ssh.with_option(name, value));
        match &self.way {
            Way::Direct => Ok(ssh),
            Way::Through(jump) => {
                let failed =
                    |source| CallError::JumpHost { host: jump.spec.hostname.to_string(), source: Box::new(source) };
                let (program, host) =
                    (jump.pinned(place).map_err(failed)?, jump.host().map_err(|error| failed(error.into()))?);
                Ok(ssh.through(program, host))
            }
            Way::Nowhere(name) => Err(CallError::NoJumpHost(name.clone())),
        }
    }

    fn write_known_hosts(&self, state: &Path) -> Result<PathBuf, CallError> {
        let path = state.join("known-hosts").join(self.uid.to_string());
        let mut text = String::new();
        for key in &self.accepted {
            let _ = writeln!(text, "{} {key}", self.uid);
        }
        let folder = path.parent().unwrap_or(state);
        let written = fs::create_dir_all(folder).and_then(|()| replace(&path, &text));
        written.map_err(|source| CallError::KnownHosts { path: path.clone(), source })?;
        Ok(path)
    }
}

/// Why a host could not be asked for its keys.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It cannot be called at all.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It did not answer.
    #[error(transparent)]
    Offered(#[from] OfferedError),
}

/// Two jobs may write the same file at once: each reads a whole one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.persist(path).map_err(|error| error.error).map(drop)
}

/// The first fingerprint in a text.
fn fingerprint_in(text: &str) -> Option<String> {
    const BEGIN: &str = "SHA256:";
    let (_, rest) = text.split_once(BEGIN)?;
    let is_base64 = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/');
    let digest: String = rest.chars().take_while(is_base64).collect();
    Some(format!("{BEGIN}{digest}")).filter(|_| digest.len() == 43)
}

/// A path as `ssh_config` takes it, where blanks separate files and `%` begins a token.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::fingerprint_in;

    #[test]
    fn the_key_that_was_shown_is_found_in_the_words_of_ssh() {
        let said = "ssh to web1 failed: WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!; The fingerprint for the ED25519 key \
                    sent by the remote host is; SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU.; Please contact";
        let shown = Some("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
        assert_eq!(fingerprint_in(said).as_deref(), shown);
        assert_eq!(fingerprint_in("SHA256:short."), None);
        assert_eq!(fingerprint_in("nothing"), None);
    }
}
