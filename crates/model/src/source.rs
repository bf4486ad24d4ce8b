//! What to back up, as people write it: a local path, `[USER@]HOST:PATH`, or `ssh://[USER@]HOST[:PORT]/PATH`.
//!
//! A remote host that exists can be given to `ssh` as an argument: it is no option and has nothing that a shell or
//! `ssh_config` could take for something else. Nothing is looked up here, neither hosts nor files.

mod host;
mod set;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fmt;
use std::net::Ipv6Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

pub use host::{HostError, RemoteHost};
pub use set::{SourceSet, SourceSetError};

/// One path to back up, here or on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path on this machine, as given.
    Local {
        /// Absolute, or relative to the working directory.
        path: PathBuf,
    },
    /// A path on another machine.
    Remote {
        /// The machine.
        host: RemoteHost,
        /// As given: absolute, or relative to the user's home there; empty if there is none, for commands.
        path: Vec<u8>,
    },
}

/// A text that is not a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nothing.
    #[error("a source is empty: give a path, or HOST:PATH")]
    Empty,
    /// A NUL byte, which no path can have.
    #[error("{source_text:?} has a NUL byte in it, which no path can have")]
    Nul {
        /// The source as given.
        source_text: String,
    },
    /// An IPv6 address without brackets.
    #[error(
        "in {source_text:?} the address cannot be told from the path: put an IPv6 address in brackets, as in \
         [fe80::1]:/path, and begin a relative path that has a colon with ./"
    )]
    Colons {
        /// The source as given.
        source_text: String,
    },
    /// Some other kind of URL.
    #[error("{source_text:?} cannot be backed up: sources are paths, HOST:PATH or ssh://HOST/PATH")]
    Scheme {
        /// The source as given.
        source_text: String,
    },
    /// Something else than a path after the host.
    #[error("in {source_text:?} the host must end with : and a path, or for ssh:// with /PATH or :PORT/PATH")]
    AfterHost {
        /// The source as given.
        source_text: String,
    },
    /// No good host.
    #[error("{source_text:?} names no host that can be connected to")]
    Host {
        /// The source as given.
        source_text: String,
        /// What is wrong with it.
        #[source]
        source: HostError,
    },
}

impl Source {
    /// Reads a source. As with rsync and scp, it is local if there is a `/` before the first `:`, or no `:` at all; so
    /// `./a:b` is a file here. Paths of URLs are taken as they are, without percent-decoding.
    pub fn parse(text: &OsStr) -> Result<Self, SourceError> {
        let bytes = text.as_bytes();
        let source_text = || shown(bytes);
        if bytes.is_empty() {
            return Err(SourceError::Empty);
        }
        if bytes.contains(&0) {
            return Err(SourceError::Nul { source_text: source_text() });
        }
        if let Some(rest) = bytes.strip_prefix(b"ssh://") {
            return url(rest).map_err(|problem| problem.of(source_text()));
        }
        let colon = bytes.iter().take_while(|&&byte| byte != b'/').position(|&byte| byte == b':');
        let Some(colon) = colon else {
            return Ok(Self::Local { path: PathBuf::from(text) });
        };
        if bytes[colon..].starts_with(b"://") {
            return Err(SourceError::Scheme { source_text: source_text() });
        }
        host_and_path(bytes).map_err(|problem| problem.of(source_text()))
    }
}

/// What is wrong, before the whole text is added.
enum Problem {
    Colons,
    AfterHost,
    Host(HostError),
}

impl Problem {
    fn of(self, source_text: String) -> SourceError {
        match self {
            Self::Colons => SourceError::Colons { source_text },
            Self::AfterHost => SourceError::AfterHost { source_text },
            Self::Host(source) => SourceError::Host { source_text, source },
        }
    }
}

/// `[USER@]HOST:PATH`
fn host_and_path(bytes: &[u8]) -> Result<Source, Problem> {
    let Authority { user, host, bracketed, rest } = authority(bytes, b":")?;
    let path = rest.strip_prefix(b":").ok_or(Problem::AfterHost)?;
    // Either an IPv6 address without brackets, or something that looks too much like it.
    let address = |end: usize| std::str::from_utf8(&bytes[..end]).is_ok_and(|text| is_ipv6(text, user));
    let colons = bytes.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(at, _)| at);
    if !bracketed && (path.starts_with(b":") || colons.chain([bytes.len()]).any(address)) {
        return Err(Problem::Colons);
    }
    let host = RemoteHost::new(user, host, None).map_err(Problem::Host)?;
    Ok(Source::Remote { host, path: path.to_vec() })
}

/// `[USER@]HOST[:PORT][/PATH]`
fn url(bytes: &[u8]) -> Result<Source, Problem> {
    let Authority { user, host, rest, .. } = authority(bytes, b":/")?;
    let (port, path) = rest.split_at(rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len()));
    let port = match port {
        b"" => None,
        _ => Some(port.strip_prefix(b":").ok_or(Problem::AfterHost)?),
    };
    let port = port.map(|digits| host::parse_port(digits).map_err(Problem::Host)).transpose()?;
    let host = RemoteHost::new(user, host, port).map_err(Problem::Host)?;
    Ok(Source::Remote { host, path: path.to_vec() })
}

struct Authority<'a> {
    user: Option<&'a [u8]>,
    /// Without brackets.
    host: &'a [u8],
    bracketed: bool,
    rest: &'a [u8],
}

/// User, host, and what follows: from one of `ends` on, unless the host is in brackets.
fn authority<'a>(bytes: &'a [u8], ends: &[u8]) -> Result<Authority<'a>, Problem> {
    let is_end = |byte: &u8| ends.contains(byte);
    // A user may have an @ in it, but neither of the ends.
    let before = bytes.iter().position(is_end).unwrap_or(bytes.len());
    let at = bytes[..before].iter().rposition(|&byte| byte == b'@');
    let (user, rest) = match at {
        Some(at) => (Some(&bytes[..at]), &bytes[at + 1..]),
        None => (None, bytes),
    };
    if let Some(inner) = rest.strip_prefix(b"[") {
        let end = inner.iter().position(|&byte| byte == b']').ok_or(Problem::AfterHost)?;
        return Ok(Authority { user, host: &inner[..end], bracketed: true, rest: &inner[end + 1..] });
    }
    let (host, rest) = rest.split_at(rest.iter().position(is_end).unwrap_or(rest.len()));
    Ok(Authority { user, host, bracketed: false, rest })
}

/// Whether the text, behind the user, is an IPv6 address, with or without a zone.
fn is_ipv6(text: &str, user: Option<&[u8]>) -> bool {
    let host = user.map_or(text, |user| text.get(user.len() + 1..).unwrap_or_default());
    host.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// As it is written, with a path that is not UTF-8 made readable.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { path } => path.display().fmt(f),
            Self::Remote { host, path } if host.port.is_some() => write!(f, "ssh://{host}{}", shown(path)),
            Self::Remote { host, path } => write!(f, "{host}:{}", shown(path)),
        }
    }
}
