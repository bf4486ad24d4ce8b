//! Why a request was not carried out: `application/problem+json` of RFC 9457.

use serde::{Deserialize, Serialize};

use crate::Code;

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// The code once more, as RFC 9457 wants it: `urn:holdfast:problem:CODE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wrong, in a few words.
    pub title: String,
    /// The status of HTTP.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong, for programs.
    pub code: Code,
    /// What is wrong with this very request, and what to do, in one sentence.
    pub detail: String,
    /// The fields that are wrong, where some are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What needs the object, some of it, where something does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed_by: Vec<String>,
    /// By what the request is found in the server's log.
    pub request_id: String,
}

/// A field of a body that is wrong, or a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where it stands, as `spec.connection.port`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// The known name that is nearest to it, where one is near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl FieldError {
    /// A field that is wrong, and what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), suggestion: None }
    }
}

impl Problem {
    /// What the type of each problem begins with.
    pub const KIND: &str = "urn:holdfast:problem:";

    /// A problem of this code, whatever the request.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{}{}", Self::KIND, code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            errors: Vec::new(),
            needed_by: Vec::new(),
            request_id: String::new(),
        }
    }

    /// The same, with a field that is wrong.
    #[must_use]
    pub fn with_field(mut self, error: FieldError) -> Self {
        self.errors.push(error);
        self
    }
}
