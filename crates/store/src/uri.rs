//! Where a repository is, spelled as restic spells it, as rustic spells OpenDAL's services, or as `scp` does.
//!
//! Sources: restic's manual, "Preparing a new repository"; rustic's "opendal:" back ends. What this shows of a place
//! ([`fmt::Display`], errors) holds no password. Nothing is opened or looked up here.

mod object;
mod rest;
mod sftp;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use object::{BucketPlace, S3Place};
pub use rest::RestPlace;
pub use sftp::SftpPlace;

/// A place that may hold a repository.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// `/srv/backup`, `local:PATH`
    Local(PathBuf),
    /// `rest:https://USER:PASSWORD@HOST:PORT/PATH/`
    Rest(RestPlace),
    /// `rclone:REMOTE:PATH`: what follows the scheme
    Rclone(String),
    /// `sftp:USER@HOST:PATH`, `sftp://USER@HOST:PORT/PATH`, `USER@HOST:PATH`
    Sftp(SftpPlace),
    /// `s3:HOST/BUCKET/PREFIX`, `s3:http://HOST:PORT/BUCKET/PREFIX`
    S3(S3Place),
    /// `b2:BUCKET:PREFIX`
    B2(BucketPlace),
    /// `azure:CONTAINER:/PREFIX`
    Azure(BucketPlace),
    /// `gs:BUCKET:/PREFIX`
    Gcs(BucketPlace),
    /// `swift:CONTAINER:/PREFIX`
    Swift(BucketPlace),
    /// `opendal:SERVICE`, all else given by options
    OpenDal(String),
}

/// A text that names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Nothing was given.
    #[error("the repository's name is empty; give a directory or a place such as sftp:user@host:/path")]
    Empty,
    /// The scheme is known, the rest is not of its form.
    #[error("{scheme}: {problem}; write it as {form}")]
    Form {
        /// What stands before the colon.
        scheme: &'static str,
        /// What is wrong.
        problem: &'static str,
        /// How it should look.
        form: &'static str,
    },
    /// Neither a known scheme nor clearly a path or another machine.
    #[error(
        "\"{scheme}:\" is no kind of storage that is known here; write local:PATH for a directory with a colon in its name, \
         sftp:HOST:PATH for a machine reached by SSH"
    )]
    UnknownScheme {
        /// What stands before the first colon.
        scheme: String,
    },
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if text.is_empty() {
            return Err(PlaceError::Empty);
        }
        let Some((scheme, rest)) = text.split_once(':') else { return Ok(Self::Local(text.into())) };
        match scheme {
            "local" if rest.is_empty() => Err(form("local", "the directory is missing", "local:/srv/backup")),
            "local" => Ok(Self::Local(rest.into())),
            "rest" => rest::parse(rest).map(Self::Rest),
            "rclone" if rest.is_empty() => Err(form("rclone", "the remote is missing", "rclone:REMOTE:PATH")),
            "rclone" => Ok(Self::Rclone(rest.to_owned())),
            "sftp" => sftp::parse(rest).map(Self::Sftp),
            "s3" => object::parse_s3(rest).map(Self::S3),
            "b2" => object::parse_b2(rest).map(Self::B2),
            "azure" => object::parse_bucket("azure", "azure:CONTAINER:/PREFIX", rest).map(Self::Azure),
            "gs" => object::parse_bucket("gs", "gs:BUCKET:/PREFIX", rest).map(Self::Gcs),
            "swift" => object::parse_bucket("swift", "swift:CONTAINER:/PREFIX", rest).map(Self::Swift),
            "opendal" if rest.is_empty() => Err(form("opendal", "the service is missing", "opendal:s3")),
            "opendal" => Ok(Self::OpenDal(rest.to_owned())),
            // A colon behind a slash belongs to a name, one behind an @ ends a host's.
            _ if scheme.contains('/') || scheme.starts_with('.') => Ok(Self::Local(text.into())),
            _ if scheme.contains('@') => sftp::parse_scp(text).map(Self::Sftp),
            _ => Err(PlaceError::UnknownScheme { scheme: scheme.to_owned() }),
        }
    }
}

fn form(scheme: &'static str, problem: &'static str, form: &'static str) -> PlaceError {
    PlaceError::Form { scheme, problem, form }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An rclone remote may hold passwords.
        write!(f, "Place({self})")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Rest(place) => write!(f, "rest:{place}"),
            Self::Rclone(remote) => write!(f, "rclone:{}", rclone_without_secrets(remote)),
            Self::Sftp(place) => write!(f, "sftp:{place}"),
            Self::S3(place) => write!(f, "s3:{place}"),
            Self::B2(place) => write!(f, "b2:{}:{}", place.bucket, place.prefix),
            Self::Azure(place) => write!(f, "azure:{}:/{}", place.bucket, place.prefix),
            Self::Gcs(place) => write!(f, "gs:{}:/{}", place.bucket, place.prefix),
            Self::Swift(place) => write!(f, "swift:{}:/{}", place.bucket, place.prefix),
            Self::OpenDal(service) => write!(f, "opendal:{service}"),
        }
    }
}

/// An rclone remote may carry its options, passwords too, in a connection string: `:sftp,host=h,pass=p:path`.
fn rclone_without_secrets(remote: &str) -> String {
    match (remote.split_once(','), remote.rsplit_once(':')) {
        (Some((name, _)), Some((_, path))) => format!("{name},***:{path}"),
        (Some((name, _)), None) => format!("{name},***"),
        _ => remote.to_owned(),
    }
}

/// The parts of `USER:PASSWORD@HOST:PORT`.
struct Authority<'a> {
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
}

/// Takes an authority apart; `None` if the host is missing or the port is no port.
fn authority(text: &str) -> Option<Authority<'_>> {
    let (login, address) = text.rsplit_once('@').map_or((None, text), |(login, address)| (Some(login), address));
    let (user, password) = match login.map(|login| login.split_once(':').ok_or(login)) {
        None => (None, None),
        Some(Ok((user, password))) => (Some(user), Some(password)),
        Some(Err(user)) => (Some(user), None),
    };
    let (host, port) = match address.strip_prefix('[').map(|bracketed| bracketed.split_once(']')) {
        Some(Some((host, rest))) => {
            (host, rest.strip_prefix(':').map_or((rest.is_empty()).then_some(None), |p| Some(Some(p)))?)
        }
        Some(None) => return None,
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return None;
    }
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    Some(Authority { user, password, host, port })
}

/// Text with `%41` and the like decoded; `None` if that is malformed or no UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let digit = |at: usize| tail.get(at).and_then(|byte| (*byte as char).to_digit(16));
            bytes.push((digit(0)? * 16 + digit(1)?) as u8);
            rest = &tail[2..];
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A path in its shortest form, as Go's `path.Clean`: without empty parts and `.`, with `..` resolved; empty if nothing
/// is left of a relative one.
fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            ("..", None) if absolute => {}
            _ => parts.push(part),
        }
    }
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}
