//! How a client is reached: what `ssh` is told.
//!
//! Nothing of it can make `ssh` run a program on the server, forward anything, or believe a host more easily: the options
//! that may be said are listed.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::source::{HostError, RemoteHost};

/// How a client is reached. What is not said is left to `ssh` and its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Connection {
    /// Where, if not under the hostname: a name, an alias of `ssh_config`, or an address.
    pub address: Option<String>,
    /// Whom to log in as.
    pub user: Option<String>,
    /// Which port.
    #[cfg_attr(feature = "schema", schema(value_type = Option<u16>, minimum = 1, maximum = 65535))]
    pub port: Option<NonZeroU16>,
    /// The file on the server with the private key to log in with.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub identity_file: Option<PathBuf>,
    /// A host to go through, as `[USER@]HOST[:PORT]`: the hostname of another client of the same tenant, whose connection and
    /// accepted host keys are used. That client may be disabled.
    pub jump_host: Option<String>,
    /// Whether to become root there with `sudo`, without a password.
    pub sudo: bool,
    /// Where the agent comes from.
    pub agent: AgentMode,
    /// What else `ssh` is told.
    pub ssh_options: SshOptions,
}

/// Where the agent on a client comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgentMode {
    /// It is brought along, and kept there until a newer one comes.
    #[default]
    Cached,
    /// It is brought along each time and leaves nothing behind.
    Ephemeral,
    /// It is installed there, and all that the key may start.
    ForcedCommand,
}

/// What a connection cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// No good host, user or port.
    #[error("{text:?} names no host that can be connected to")]
    Host {
        /// As given.
        text: String,
        /// What is wrong with it.
        #[source]
        source: HostError,
    },
    /// An option that is not among those that may be said.
    #[error("the ssh option {option} cannot be set here; these can: {}", SshOptions::ALLOWED.join(", "))]
    Option {
        /// The option.
        option: String,
    },
    /// A value that would not stay one.
    #[error("the value of the ssh option {option} must be one line of printable characters")]
    Value {
        /// The option.
        option: String,
    },
}

impl Connection {
    /// The host that `ssh` is given, for a client of this hostname.
    pub fn host(&self, hostname: &str) -> Result<RemoteHost, ConnectionError> {
        let address = self.address.as_deref().unwrap_or(hostname);
        let user = self.user.as_deref().map(str::as_bytes);
        RemoteHost::new(user, address.as_bytes(), self.port)
            .map_err(|source| ConnectionError::Host { text: address.to_owned(), source })
    }

    /// Whether `ssh` can be told all of it.
    pub fn check(&self, hostname: &str) -> Result<(), ConnectionError> {
        self.host(hostname)?;
        if let Some(jump) = &self.jump_host {
            jump_host(jump)?;
        }
        self.ssh_options.check()
    }

    /// The host to go through.
    pub fn jump(&self) -> Result<Option<RemoteHost>, ConnectionError> {
        self.jump_host.as_deref().map(jump_host).transpose()
    }
}

/// `[USER@]HOST[:PORT]`, an IPv6 address in brackets.
fn jump_host(text: &str) -> Result<RemoteHost, ConnectionError> {
    let error = |source| ConnectionError::Host { text: text.to_owned(), source };
    let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
    let (host, port) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, after)) => (host, after.strip_prefix(':')),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|digits| digits.parse().map_err(|_| error(HostError::Port { port: digits.to_owned() })));
    RemoteHost::new(user.map(str::as_bytes), host.as_bytes(), port.transpose()?).map_err(error)
}

/// Options of `ssh` by their names, in the spelling of `ssh_config(5)`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct SshOptions(pub BTreeMap<String, String>);

impl SshOptions {
    /// Those that may be said. None of them runs a program, opens a way in, or weakens what is known of the host.
    pub const ALLOWED: [&str; 18] = [
        "AddressFamily",
        "BindAddress",
        "BindInterface",
        "CASignatureAlgorithms",
        "CertificateFile",
        "Ciphers",
        "Compression",
        "ConnectTimeout",
        "ConnectionAttempts",
        "HostKeyAlgorithms",
        "IPQoS",
        "KexAlgorithms",
        "MACs",
        "PubkeyAcceptedAlgorithms",
        "RekeyLimit",
        "ServerAliveCountMax",
        "ServerAliveInterval",
        "TCPKeepAlive",
    ];

    fn check(&self) -> Result<(), ConnectionError> {
        for (option, value) in &self.0 {
            if !Self::ALLOWED.contains(&option.as_str()) {
                return Err(ConnectionError::Option { option: option.clone() });
            }
            let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
            if value.trim().is_empty() || value.len() > 1000 || !value.chars().all(is_plain) {
                return Err(ConnectionError::Value { option: option.clone() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_options(options: &[(&str, &str)]) -> Connection {
        let options = options.iter().map(|(option, value)| ((*option).to_owned(), (*value).to_owned()));
        Connection { ssh_options: SshOptions(options.collect()), ..Connection::default() }
    }

    #[test]
    fn no_option_runs_a_program_or_believes_a_host_more_easily() {
        for option in [
            "ProxyCommand",
            "LocalCommand",
            "PermitLocalCommand",
            "StrictHostKeyChecking",
            "UserKnownHostsFile",
            "KnownHostsCommand",
            "PKCS11Provider",
            "ForwardAgent",
            "LocalForward",
            "Include",
            "ciphers",
            "RemoteCommand",
        ] {
            let error = with_options(&[(option, "x")]).check("web1").unwrap_err();
            assert!(matches!(error, ConnectionError::Option { .. }), "{option}");
        }
        assert_eq!(
            with_options(&[("ConnectTimeout", "10"), ("Ciphers", "aes128-gcm@openssh.com")]).check("web1"),
            Ok(())
        );
        assert!(with_options(&[("Ciphers", "x\nProxyCommand y")]).check("web1").is_err());
    }

    #[test]
    fn what_ssh_would_take_for_an_option_is_no_host() {
        let connection = |address: &str, jump: &str| Connection {
            address: Some(address.to_owned()),
            jump_host: Some(jump.to_owned()),
            ..Connection::default()
        };
        for (address, jump) in
            [("-oProxyCommand=x", "gate"), ("web1", "-x"), ("web1", "a,b@c;d"), ("web1", "gate:0"), ("", "gate")]
        {
            assert!(connection(address, jump).check("web1").is_err(), "{address} {jump}");
        }
        for jump in ["gate", "ann@gate:2222", "ann@[fe80::1]:22", "[fe80::1]"] {
            assert_eq!(connection("fe80::2", jump).check("web1"), Ok(()), "{jump}");
        }
    }
}
