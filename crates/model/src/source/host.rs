//! A host to connect to by SSH.
//!
//! Whatever is in it can be given to `ssh`: the same texts are refused as OpenSSH 9.6 and later refuse, and a few more.

use std::fmt;
use std::num::NonZeroU16;

/// User, host and port, where given; `ssh` and its configuration know the rest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteHost {
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<NonZeroU16>,
}

/// Why a host cannot be connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No host or no user where there should be one.
    #[error("the {part} is empty")]
    Empty {
        /// What it is a part of.
        part: &'static str,
    },
    /// `ssh` would take it for an option.
    #[error("the {part} begins with a hyphen, which ssh would take for an option")]
    Option {
        /// What it is a part of.
        part: &'static str,
    },
    /// A character that has no place in a name.
    #[error("the {part} has {character:?} in it, which no {part} can have")]
    Character {
        /// What it is a part of.
        part: &'static str,
        /// The first bad character; U+FFFD for what is not UTF-8.
        character: char,
    },
    /// Not a port.
    #[error("the port {port:?} is not a number from 1 to 65535")]
    Port {
        /// As given.
        port: String,
    },
}

impl RemoteHost {
    /// A host from its parts. An IPv6 address comes without brackets.
    ///
    /// # Errors
    /// Fails for anything that `ssh` could take for something else than a name.
    pub fn new(user: Option<&[u8]>, host: &[u8], port: Option<NonZeroU16>) -> Result<Self, HostError> {
        // Brackets, slashes and a second @ would make it another host when read again; a user may have a backslash
        // (DOMAIN\user) and an @ (user@realm).
        let user = user.map(|user| check("user", user, "[]/:")).transpose()?;
        let host = check("host", host, "[]/@\\")?;
        if user.as_deref().is_some_and(|user| user.ends_with('\\')) {
            return Err(HostError::Character { part: "user", character: '\\' });
        }
        Ok(Self { user, host, port })
    }

    /// Whom to log in as.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// A name, an alias of `ssh_config` or an address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Which port, if one is given.
    pub fn port(&self) -> Option<NonZeroU16> {
        self.port
    }
}

fn check(part: &'static str, bytes: &[u8], also_refused: &str) -> Result<String, HostError> {
    let text = String::from_utf8_lossy(bytes);
    if text.is_empty() {
        return Err(HostError::Empty { part });
    }
    if text.starts_with('-') {
        return Err(HostError::Option { part });
    }
    let bad = |c: &char| {
        let special = "'`\"$;&<>|(){}#*?!~^\u{fffd}".contains(*c) || also_refused.contains(*c);
        special || c.is_control() || c.is_whitespace()
    };
    match text.chars().find(bad) {
        Some(character) => Err(HostError::Character { part, character }),
        None => Ok(text.into_owned()),
    }
}

pub(super) fn parse_port(digits: &[u8]) -> Result<NonZeroU16, HostError> {
    let text = String::from_utf8_lossy(digits);
    let port = if digits.iter().all(u8::is_ascii_digit) { text.parse().ok() } else { None };
    port.ok_or_else(|| HostError::Port { port: text.into_owned() })
}

/// As in a URL: an address with colons in brackets.
impl fmt::Display for RemoteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?
        } else {
            f.write_str(&self.host)?
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}
