//! `rest:URL`: a server of restic's REST protocol.
//!
//! A password in the URL is kept apart from what is shown of it.

use std::fmt;

use super::{PlaceError, authority, form, percent_decoded};
use crate::Secret;

/// A REST server and a repository on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestPlace {
    /// Scheme, host, port and path, with a slash at the end, without user and password.
    pub url: String,
    /// The socket to connect to in place of the URL's host.
    pub socket: Option<String>,
    /// The user's name, if the URL has one.
    pub user: Option<String>,
    /// The password, if the URL has one.
    pub password: Option<Secret>,
}

const FORM: &str = "rest:https://USER:PASSWORD@HOST:8000/PATH/";

/// What follows `rest:`.
pub(super) fn parse(text: &str) -> Result<RestPlace, PlaceError> {
    let wrong = |problem| form("rest", problem, FORM);
    let slash = if text.ends_with('/') { "" } else { "/" };
    if let Some(rest) = text.strip_prefix("http+unix://") {
        let (socket, path) = rest.split_once(':').unwrap_or((rest.trim_end_matches('/'), "/"));
        if !socket.starts_with('/') || !path.starts_with('/') {
            return Err(form("rest", "the socket's path is missing", "rest:http+unix:///run/rest.sock:/PATH/"));
        }
        let slash = if path.ends_with('/') { "" } else { "/" };
        let url = format!("http://localhost{path}{slash}");
        return Ok(RestPlace { url, socket: Some(socket.to_owned()), user: None, password: None });
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        _ => return Err(wrong("a URL that starts with http:// or https:// must follow")),
    };
    if rest.contains(['?', '#']) {
        return Err(wrong("the URL cannot have a query or fragment"));
    }
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let parts = authority(place).ok_or(wrong("the URL's host or port is wrong"))?;
    let decoded = |text| percent_decoded(text).ok_or(wrong("user or password hold a malformed % sequence"));
    let host = if parts.host.contains(':') { format!("[{}]", parts.host) } else { parts.host.to_owned() };
    let port = parts.port.map(|port| format!(":{port}")).unwrap_or_default();
    let slash = if path.is_empty() { "" } else { slash };
    Ok(RestPlace {
        url: format!("{scheme}://{host}{port}/{path}{slash}"),
        socket: None,
        user: parts.user.map(decoded).transpose()?,
        password: parts.password.map(decoded).transpose()?.map(Secret::new),
    })
}

impl fmt::Display for RestPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(socket) = &self.socket {
            let path = self.url.strip_prefix("http://localhost").unwrap_or("/");
            return write!(f, "http+unix://{socket}:{path}");
        }
        match (&self.user, self.url.split_once("://")) {
            (Some(user), Some((scheme, rest))) => {
                let password = if self.password.is_some() { ":***" } else { "" };
                write!(f, "{scheme}://{user}{password}@{rest}")
            }
            _ => f.write_str(&self.url),
        }
    }
}
