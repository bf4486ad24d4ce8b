//! Why a call gave no answer. Whoever decides by it asks for its kind, or for the code of the server's problem.

use std::io;

use holdfast_model::object::Kind;

use crate::{Code, Problem};

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The text is no address.
    #[error("{address:?} is not the address of a server: write it as http://127.0.0.1:8420")]
    Address {
        /// As given.
        address: String,
    },
    /// Nobody answers there.
    #[error("no server answers at {server}")]
    Unreachable {
        /// Where it should be.
        server: String,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// It takes too long to answer.
    #[error("the server at {server} did not answer in time")]
    Timeout {
        /// Where it is.
        server: String,
    },
    /// It does not answer as this version of Holdfast does.
    #[error("what answers at {server} is no server of Holdfast, or one of another version: {what}")]
    Foreign {
        /// Where it is.
        server: String,
        /// What is wrong with the answer.
        what: String,
    },
    /// It did not carry out the request, and says why.
    #[error("{}", told(.0))]
    Refused(Box<Problem>),
    /// It did not carry out the request, for a reason that this version does not know.
    #[error("{detail}")]
    RefusedOtherwise {
        /// The status of HTTP.
        status: u16,
        /// What it says about it.
        detail: String,
    },
    /// There is nothing of this name.
    #[error("there is no {kind} named {name}{}", meant(.near.as_deref()))]
    NoSuch {
        /// What was looked for.
        kind: Kind,
        /// By which name.
        name: String,
        /// The only one that has this in its name.
        near: Option<String>,
    },
    /// Several tenants have one of this name.
    #[error("{count} tenants have a {kind} named {name}: say with --tenant whose is meant, or give its id")]
    Ambiguous {
        /// What was looked for.
        kind: Kind,
        /// By which name.
        name: String,
        /// How many there are.
        count: usize,
    },
}

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// The call itself makes no sense.
    Address,
    /// The server cannot be reached, or not now.
    Unavailable,
    /// What answers is not what it should be.
    Foreign,
    /// What was asked for is not there.
    NotFound,
    /// Somebody else was faster: reading again and deciding anew may help.
    Changed,
    /// The server refuses.
    Refused,
}

impl ApiError {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ApiErrorKind {
        match self {
            Self::Address { .. } => ApiErrorKind::Address,
            Self::Unreachable { .. } | Self::Timeout { .. } => ApiErrorKind::Unavailable,
            Self::Foreign { .. } => ApiErrorKind::Foreign,
            Self::NoSuch { .. } => ApiErrorKind::NotFound,
            Self::Ambiguous { .. } | Self::RefusedOtherwise { .. } => ApiErrorKind::Refused,
            Self::Refused(problem) => match problem.code {
                Code::NotFound | Code::NoSuchPath => ApiErrorKind::NotFound,
                Code::Changed => ApiErrorKind::Changed,
                Code::Unavailable => ApiErrorKind::Unavailable,
                _ => ApiErrorKind::Refused,
            },
        }
    }

    /// The code of the server's problem, where it had one.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }
}

/// The server's sentence, with what needs the object where that is why.
fn told(problem: &Problem) -> String {
    match problem.code {
        Code::Internal => format!("{} ({})", problem.detail, problem.request_id),
        _ => problem.detail.clone(),
    }
}

fn meant(near: Option<&str>) -> String {
    near.map(|name| format!("; is {name} meant?")).unwrap_or_default()
}
