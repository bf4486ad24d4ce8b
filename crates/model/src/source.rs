//! What a person writes to name a source or a target: a path of this machine, or a path on a host.
//!
//! As rsync and scp read it: what has a colon before the first slash is on a host. Nothing that is read here can be
//! mistaken for an option by `ssh`: neither a host nor a user begins with a dash or holds a blank or a control
//! character.

use std::fmt;
use std::str::FromStr;

/// One source or target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path of this machine.
    Local {
        /// As it was written.
        path: String,
    },
    /// A path on a host.
    Remote {
        /// The host.
        host: RemoteHost,
        /// As it was written: absolute, or relative to the user's home; may be empty.
        path: String,
    },
}

/// A host as `ssh` is to be told of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteHost {
    user: Option<String>,
    name: String,
    port: Option<u16>,
}

/// Sources that belong into one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSet {
    /// Paths of this machine.
    Local(Vec<String>),
    /// Paths of one host.
    Remote(RemoteHost, Vec<String>),
}

/// Why a text names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nothing is named.
    #[error("no source is given; name paths like /etc or root@web1:/etc")]
    Empty,
    /// No host before the colon.
    #[error("{0:?} names no host before the colon; write [USER@]HOST:PATH, or ./{0} for a file of that name")]
    NoHost(String),
    /// A host or user that can't be one.
    #[error(
        "{text:?} is no valid {what}: it must not be empty, begin with '-' or hold blanks, slashes or control characters"
    )]
    Invalid {
        /// `host name` or `user name`.
        what: &'static str,
        /// What was written.
        text: String,
    },
    /// Not a port.
    #[error("{0:?} is no port: ports are numbers from 1 to 65535")]
    Port(String),
    /// A `ssh://` address without a path, or with an open bracket.
    #[error("{0:?} is no address; write ssh://[USER@]HOST[:PORT]/PATH")]
    Address(String),
    /// Several hosts at once.
    #[error("{0} and {1} are different hosts: a snapshot holds one host, so call holdfast once for each")]
    SeveralHosts(String, String),
    /// Hosts and this machine at once.
    #[error(
        "some sources are on this machine and some on {0}: a snapshot holds one host, so call holdfast once for each"
    )]
    Mixed(String),
}

impl RemoteHost {
    /// A host by its parts.
    pub fn new(user: Option<&str>, name: &str, port: Option<u16>) -> Result<Self, SourceError> {
        check("host name", name)?;
        user.map_or(Ok(()), |user| check("user name", user))?;
        Ok(Self { user: user.map(str::to_owned), name: name.to_owned(), port })
    }

    /// The user to log in as, if one was named.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The name or address, without brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if one was named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Reads `[USER@]HOST` with or without brackets around the host.
    fn parse(text: &str, port: Option<u16>) -> Result<Self, SourceError> {
        let (user, host) = text.rsplit_once('@').map_or((None, text), |(user, host)| (Some(user), host));
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Self::new(user, bare, port)
    }
}

impl fmt::Display for RemoteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, " port {port}"))
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if text.is_empty() {
            return Err(SourceError::Empty);
        }
        if let Some(address) = text.strip_prefix("ssh://") {
            return address_of(text, address);
        }
        // The colon that ends a host: the first, but one within brackets belongs to an address of IPv6.
        let brackets = text.find('[').filter(|open| text[..*open].chars().all(|c| c != '/' && c != ':'));
        let from = brackets.and_then(|open| text[open..].find(']').map(|close| open + close)).unwrap_or(0);
        let colon = text[from..].find(':').map(|at| from + at);
        match colon {
            Some(colon) if !text[..colon].contains('/') => {
                if colon == 0 {
                    return Err(SourceError::NoHost(text.to_owned()));
                }
                let host = RemoteHost::parse(&text[..colon], None)?;
                Ok(Self::Remote { host, path: text[colon + 1..].to_owned() })
            }
            _ => Ok(Self::Local { path: text.to_owned() }),
        }
    }
}

/// Reads what follows `ssh://`.
fn address_of(text: &str, address: &str) -> Result<Source, SourceError> {
    let bad = || SourceError::Address(text.to_owned());
    let (host, path) = address.find('/').map(|at| address.split_at(at)).ok_or_else(bad)?;
    let after_brackets = host.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match host[after_brackets..].rfind(':') {
        None => (host, None),
        Some(colon) => {
            let digits = &host[after_brackets + colon + 1..];
            let port = digits.parse().ok().filter(|port| *port > 0);
            (&host[..after_brackets + colon], Some(port.ok_or_else(|| SourceError::Port(digits.to_owned()))?))
        }
    };
    Ok(Source::Remote { host: RemoteHost::parse(host, port)?, path: path.to_owned() })
}

fn check(what: &'static str, text: &str) -> Result<(), SourceError> {
    let bad = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '[' | ']' | '\'' | '"' | '`' | '$' | ';')
    };
    if text.is_empty() || text.starts_with('-') || text.len() > 255 || text.contains(bad) {
        return Err(SourceError::Invalid { what, text: text.to_owned() });
    }
    Ok(())
}

impl SourceSet {
    /// Reads sources that belong into one snapshot.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, SourceError> {
        let mut set: Option<Self> = None;
        for text in texts {
            let source = text.parse()?;
            match (&mut set, source) {
                (None, Source::Local { path }) => set = Some(Self::Local(vec![path])),
                (None, Source::Remote { host, path }) => set = Some(Self::Remote(host, vec![path])),
                (Some(Self::Local(paths)), Source::Local { path }) => paths.push(path),
                (Some(Self::Remote(host, paths)), Source::Remote { host: other, path }) if *host == other => {
                    paths.push(path);
                }
                (Some(Self::Remote(host, _)), Source::Remote { host: other, .. }) => {
                    return Err(SourceError::SeveralHosts(host.to_string(), other.to_string()));
                }
                (Some(Self::Local(_)), Source::Remote { host, .. }) => {
                    return Err(SourceError::Mixed(host.to_string()));
                }
                (Some(Self::Remote(host, _)), Source::Local { .. }) => {
                    return Err(SourceError::Mixed(host.to_string()));
                }
            }
        }
        set.ok_or(SourceError::Empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(user: Option<&str>, name: &str, port: Option<u16>, path: &str) -> Source {
        Source::Remote { host: RemoteHost::new(user, name, port).unwrap(), path: path.into() }
    }

    #[test]
    fn a_colon_before_the_first_slash_names_a_host() {
        for (text, source) in [
            ("root@web1:/etc", remote(Some("root"), "web1", None, "/etc")),
            ("web1:www", remote(None, "web1", None, "www")),
            ("db1:", remote(None, "db1", None, "")),
            ("root@[2001:db8::7]:/srv", remote(Some("root"), "2001:db8::7", None, "/srv")),
            ("ssh://root@web1:2222/etc", remote(Some("root"), "web1", Some(2222), "/etc")),
            ("ssh://[::1]:22/", remote(None, "::1", Some(22), "/")),
            ("ssh://web1/etc", remote(None, "web1", None, "/etc")),
        ] {
            assert_eq!(text.parse::<Source>().unwrap(), source, "{text}");
        }
        for local in ["/etc", "./a:b", "a/b:c", "etc", "/srv/x:y"] {
            assert_eq!(local.parse::<Source>().unwrap(), Source::Local { path: local.into() });
        }
    }

    #[test]
    fn no_host_or_user_can_be_taken_for_an_option_or_a_command() {
        for text in [
            "-oProxyCommand=x:/etc",
            "-l@web1:/",
            "a b:/etc",
            "web1\n:/etc",
            "ssh://-x/y",
            "$(x):/",
            "`x`:/etc",
            "a;b:/",
            ":/etc",
        ] {
            assert!(text.parse::<Source>().is_err(), "{text}");
        }
        assert!(matches!("ssh://web1:0/".parse::<Source>(), Err(SourceError::Port(_))));
        assert!(matches!("ssh://web1".parse::<Source>(), Err(SourceError::Address(_))));
    }

    #[test]
    fn a_snapshot_holds_one_host() {
        assert_eq!(SourceSet::parse(["/a", "/b"]).unwrap(), SourceSet::Local(vec!["/a".into(), "/b".into()]));
        assert!(matches!(SourceSet::parse(["w:/a", "w:/b"]).unwrap(), SourceSet::Remote(_, paths) if paths.len() == 2));
        assert!(matches!(SourceSet::parse(["w:/a", "v:/b"]), Err(SourceError::SeveralHosts(..))));
        assert!(matches!(SourceSet::parse(["w:/a", "/b"]), Err(SourceError::Mixed(_))));
        assert!(matches!(SourceSet::parse([]), Err(SourceError::Empty)));
    }
}
