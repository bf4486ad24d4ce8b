//! What can be wrong with a request, or with the server, in words that programs decide by.
//!
//! The list is closed: a code that is new is a change of the API.

use serde::{Deserialize, Serialize};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is not JSON.
    MalformedBody,
    /// The text in the path is not an id.
    InvalidId,
    /// A parameter behind the `?` is unknown or not what it should be.
    InvalidQuery,
    /// The cursor is not one that this list gave out.
    InvalidCursor,
    /// A header is not what it should be.
    InvalidHeader,
    /// The actor may not do this.
    Forbidden,
    /// The token is not good, too old, or was used before.
    WrongToken,
    /// There is no such object.
    NotFound,
    /// There is no such address.
    NoSuchPath,
    /// The address is there, but does not take this method.
    MethodNotAllowed,
    /// None of the forms in which the answer exists is accepted.
    NotAcceptable,
    /// The name is taken.
    NameTaken,
    /// Something else needs the object.
    InUse,
    /// The job does not stand where this could be done.
    WrongState,
    /// It was changed since it was read.
    Changed,
    /// The body is larger than is taken.
    BodyTooLarge,
    /// The body is of another type than is taken.
    UnsupportedMediaType,
    /// The request was sent to another name than this server has.
    Misdirected,
    /// The body is JSON, but does not say what it should.
    InvalidBody,
    /// The body names something that is not there.
    Dangling,
    /// The key of the request was given to another one before.
    KeyReused,
    /// The request must say which revision it is about.
    PreconditionRequired,
    /// A defect in Holdfast, or a database that cannot be read.
    Internal,
    /// The database does not answer now.
    Unavailable,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::MalformedBody,
        Self::InvalidId,
        Self::InvalidQuery,
        Self::InvalidCursor,
        Self::InvalidHeader,
        Self::Forbidden,
        Self::WrongToken,
        Self::NotFound,
        Self::NoSuchPath,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::NameTaken,
        Self::InUse,
        Self::WrongState,
        Self::Changed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::Misdirected,
        Self::InvalidBody,
        Self::Dangling,
        Self::KeyReused,
        Self::PreconditionRequired,
        Self::Internal,
        Self::Unavailable,
    ];

    /// As it stands in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedBody => "malformed_body",
            Self::InvalidId => "invalid_id",
            Self::InvalidQuery => "invalid_query",
            Self::InvalidCursor => "invalid_cursor",
            Self::InvalidHeader => "invalid_header",
            Self::Forbidden => "forbidden",
            Self::WrongToken => "wrong_token",
            Self::NotFound => "not_found",
            Self::NoSuchPath => "no_such_path",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotAcceptable => "not_acceptable",
            Self::NameTaken => "name_taken",
            Self::InUse => "in_use",
            Self::WrongState => "wrong_state",
            Self::Changed => "changed",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Misdirected => "misdirected",
            Self::InvalidBody => "invalid_body",
            Self::Dangling => "dangling",
            Self::KeyReused => "key_reused",
            Self::PreconditionRequired => "precondition_required",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// The status of HTTP that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedBody | Self::InvalidId | Self::InvalidQuery | Self::InvalidCursor | Self::InvalidHeader => {
                400
            }
            Self::Forbidden | Self::WrongToken => 403,
            Self::NotFound | Self::NoSuchPath => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::NameTaken | Self::InUse | Self::WrongState => 409,
            Self::Changed => 412,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Misdirected => 421,
            Self::InvalidBody | Self::Dangling | Self::KeyReused => 422,
            Self::PreconditionRequired => 428,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// The same in a few words, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedBody => "The body is not JSON",
            Self::InvalidId => "Not an id",
            Self::InvalidQuery => "A parameter is wrong",
            Self::InvalidCursor => "Not a cursor of this list",
            Self::InvalidHeader => "A header is wrong",
            Self::Forbidden => "Not allowed",
            Self::WrongToken => "The token is not good",
            Self::NotFound => "Not found",
            Self::NoSuchPath => "No such address",
            Self::MethodNotAllowed => "Method not allowed",
            Self::NotAcceptable => "No form that is accepted",
            Self::NameTaken => "The name is taken",
            Self::InUse => "Still in use",
            Self::WrongState => "Not at this time",
            Self::Changed => "Changed meanwhile",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is of another type",
            Self::Misdirected => "Sent to another server",
            Self::InvalidBody => "The body does not say what it should",
            Self::Dangling => "It names what is not there",
            Self::KeyReused => "The key belongs to another request",
            Self::PreconditionRequired => "Say which revision",
            Self::Internal => "Something went wrong in the server",
            Self::Unavailable => "Not available now",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_word_everywhere_and_stands_for_an_error() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!((400..600).contains(&code.status()), "{code:?}");
        }
    }
}
