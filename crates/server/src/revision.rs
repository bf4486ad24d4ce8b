//! Which revision of an object a request is about: `ETag` and `If-Match` of RFC 9110.
//!
//! A tag is the revision in quotes. A tag that was never given out matches nothing.

use axum::http::{HeaderMap, HeaderValue, header};
use holdfast_api::Code;

use crate::failure::Failure;

/// What a request says of the revision that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Nothing.
    None,
    /// Any will do.
    Any,
    /// This one.
    Revision(u64),
}

impl Precondition {
    /// Reads `If-Match`.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut values = headers.get_all(header::IF_MATCH).iter();
        let Some(value) = values.next() else { return Ok(Self::None) };
        let text = value.to_str().unwrap_or_default().trim();
        if values.next().is_some() {
            return Err(wrong());
        }
        if text == "*" {
            return Ok(Self::Any);
        }
        // A weak tag is one that nothing can be changed by.
        let (text, is_weak) = text.strip_prefix("W/").map_or((text, false), |text| (text, true));
        let tag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|tag| !tag.contains('"'));
        let tag = tag.ok_or_else(wrong)?;
        let revision = tag.parse().ok().filter(|revision: &u64| !is_weak && revision.to_string() == tag);
        // No object has a revision 0.
        Ok(Self::Revision(revision.unwrap_or(0)))
    }

    /// The revision, for an operation that must be told.
    pub(crate) fn required(self) -> Result<Option<u64>, Failure> {
        match self {
            Self::None => Err(Failure::new(
                Code::PreconditionRequired,
                "say in If-Match which revision is to be replaced: its ETag, as reading it gives it, or * for any",
            )),
            other => Ok(other.optional()),
        }
    }

    /// The revision, if one is said.
    pub(crate) fn optional(self) -> Option<u64> {
        match self {
            Self::None | Self::Any => None,
            Self::Revision(revision) => Some(revision),
        }
    }
}

/// The tag of a revision.
pub(crate) fn etag(revision: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{revision}\"")).expect("digits in quotes can stand in a header")
}

fn wrong() -> Failure {
    Failure::new(Code::InvalidHeader, "If-Match must be one ETag, as \"3\" with its quotes, or *")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Precondition, Code> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, HeaderValue::from_str(text).unwrap());
        Precondition::read(&headers).map_err(|failure| failure.problem().code)
    }

    #[test]
    fn a_tag_is_read_as_it_was_given_out_and_no_other_matches() {
        assert_eq!(read("\"3\""), Ok(Precondition::Revision(3)));
        assert_eq!(read("*"), Ok(Precondition::Any));
        for other in ["W/\"3\"", "\"03\"", "\"abc\"", "\"\"", "\"99999999999999999999\""] {
            assert_eq!(read(other), Ok(Precondition::Revision(0)), "{other}");
        }
        for wrong in ["3", "\"3", "\"1\", \"2\"", ""] {
            assert_eq!(read(wrong), Err(Code::InvalidHeader), "{wrong}");
        }
    }
}
