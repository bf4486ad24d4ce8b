//! `sftp:USER@HOST:PATH`, `sftp://USER@HOST:PORT/PATH` and `USER@HOST:PATH`: a directory reached by SSH.
//!
//! As with restic, the path of the URL form is relative to the home directory unless two slashes precede it.

use std::fmt;

use super::{PlaceError, authority, clean, form, percent_decoded};

/// A directory on another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpPlace {
    /// The user to log in as, if not the one that ssh's configuration says.
    pub user: Option<String>,
    /// Host name, address or alias in ssh's configuration.
    pub host: String,
    /// The port, if not the one that ssh's configuration says.
    pub port: Option<u16>,
    /// The directory; relative to the home directory unless it starts with a slash.
    pub path: String,
}

const FORM: &str = "sftp:USER@HOST:/PATH or sftp://USER@HOST:PORT//PATH";

/// What follows `sftp:`.
pub(super) fn parse(text: &str) -> Result<SftpPlace, PlaceError> {
    match text.strip_prefix("//") {
        Some(url) => parse_url(url),
        None => parse_scp(text),
    }
}

fn parse_url(url: &str) -> Result<SftpPlace, PlaceError> {
    let wrong = |problem| form("sftp", problem, FORM);
    let (place, path) = url.split_once('/').ok_or(wrong("the directory is missing"))?;
    let parts = authority(place).ok_or(wrong("host or port is wrong"))?;
    if parts.password.is_some() {
        return Err(wrong("a password cannot be given here, SSH keys serve"));
    }
    let decoded = |text| percent_decoded(text).ok_or(wrong("a % sequence is malformed"));
    checked(SftpPlace {
        user: parts.user.map(decoded).transpose()?,
        host: parts.host.to_owned(),
        port: parts.port,
        path: decoded(path)?,
    })
}

/// `USER@HOST:PATH`, also without `sftp:` before it. A user's name may hold an `@`, a host may be an IPv6 address in brackets.
pub(super) fn parse_scp(text: &str) -> Result<SftpPlace, PlaceError> {
    let wrong = |problem| form("sftp", problem, FORM);
    let bracket = text.find('[').and_then(|start| text[start..].find(']').map(|length| start + length)).unwrap_or(0);
    let colon = bracket + text[bracket..].find(':').ok_or(wrong("host or directory is missing"))?;
    let (place, path) = (&text[..colon], &text[colon + 1..]);
    let (user, host) = place.rsplit_once('@').map_or((None, place), |(user, host)| (Some(user.to_owned()), host));
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    checked(SftpPlace { user, host: host.to_owned(), port: None, path: path.to_owned() })
}

fn checked(place: SftpPlace) -> Result<SftpPlace, PlaceError> {
    let wrong = |problem| Err(form("sftp", problem, FORM));
    // ssh would take it for an option.
    if place.host.is_empty() || place.host.starts_with('-') {
        return wrong("the host is missing");
    }
    if place.user.as_ref().is_some_and(|user| user.is_empty() || user.starts_with('-')) {
        return wrong("the user's name is wrong");
    }
    if place.path.starts_with('~') {
        return wrong("~ means nothing to SFTP servers; a path without a slash before it starts in the home directory");
    }
    let path = match clean(&place.path) {
        path if path.is_empty() => ".".to_owned(),
        path => path,
    };
    Ok(SftpPlace { path, ..place })
}

impl fmt::Display for SftpPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match self.port {
            Some(port) => write!(f, "//{user}{host}:{port}/{}", self.path),
            None => write!(f, "{user}{host}:{}", self.path),
        }
    }
}
