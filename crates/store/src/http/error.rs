//! What can go wrong between us and an HTTP server, and what it means for a store.
//!
//! A server's own words are shown, but only the first of them and only printable ones.

use std::io::{self, Read};
use std::path::PathBuf;

use ureq::Body;
use ureq::http::{Response, StatusCode};

use crate::ErrorKind;

/// A request that did not get the answer it needs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// No answer came, or not all of it.
    #[error("no answer from the server")]
    Transport(#[source] ureq::Error),
    /// The server refused or failed.
    #[error("the server answers {status}{}{text}", if text.is_empty() { "" } else { ": " })]
    Status {
        /// The status.
        status: StatusCode,
        /// What it said about it.
        text: String,
    },
    /// The server's answer makes no sense.
    #[error("the server's answer makes no sense: {0}")]
    Nonsense(String),
    /// More than fits into memory.
    #[error("the answer is too large")]
    TooLarge,
    /// A certificate file is not readable.
    #[error("cannot read the certificates in {path}")]
    ReadCertificates {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A certificate file does not hold what it should.
    #[error("the certificates in {path} cannot be used: {problem}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
}

impl HttpError {
    /// An error of an answer's status, with the first words of its body.
    pub(crate) fn of_status(response: Response<Body>) -> Self {
        let status = response.status();
        let mut bytes = Vec::new();
        // The words are only for people: what cannot be read is left out.
        let _ = response.into_body().into_reader().take(4096).read_to_end(&mut bytes);
        let text: String =
            String::from_utf8_lossy(&bytes).chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
        Self::Status { status, text: text.trim().to_owned() }
    }

    /// What this means for the caller of a store.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Status { status, .. } => kind_of_status(*status),
            Self::Nonsense(_) => ErrorKind::Corrupt,
            Self::Transport(error) => kind_of_transport(error),
            Self::TooLarge | Self::ReadCertificates { .. } | Self::Certificates { .. } => ErrorKind::Permanent,
        }
    }
}

fn kind_of_status(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        404 | 410 => ErrorKind::NotFound,
        401 | 403 | 407 => ErrorKind::Denied,
        // A conflict with whatever it may be: whether the file is there, who writes it asks.
        409 => ErrorKind::Transient,
        413 | 507 => ErrorKind::Full,
        416 => ErrorKind::Corrupt,
        501 | 505 => ErrorKind::Permanent,
        408 | 425 | 429 | 500..=599 => ErrorKind::Transient,
        _ => ErrorKind::Permanent,
    }
}

fn kind_of_transport(error: &ureq::Error) -> ErrorKind {
    match error {
        ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::Protocol(_)
        | ureq::Error::BodyStalled => ErrorKind::Transient,
        ureq::Error::Io(error) => match error.kind() {
            // rustls wraps what it finds wrong with a certificate into this.
            io::ErrorKind::InvalidData => ErrorKind::Permanent,
            io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Transient,
        },
        _ => ErrorKind::Permanent,
    }
}

impl From<io::Error> for HttpError {
    fn from(error: io::Error) -> Self {
        Self::Transport(error.into())
    }
}
