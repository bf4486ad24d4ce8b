//! Why a request was not carried out: the problem that is answered, and what only the server's log may know.
//!
//! A problem of the database is decided about by its kind. What is our defect is not shown, but found by the request's id.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_api::{Code, FieldError, Problem};
use holdfast_control::ControlError;
use holdfast_db::{DbError, DbErrorKind};

/// Why a request was not carried out.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    problem: Box<Problem>,
    /// What belongs into the server's log.
    cause: Option<String>,
}

impl Failure {
    /// A problem that whoever asked can do something about.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(code, detail)), cause: None }
    }

    /// Fields of a body that are wrong.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let sentences: Vec<String> = errors.iter().map(sentence).collect();
        let mut failure = Self::new(Code::InvalidBody, sentences.join("; "));
        failure.problem.errors = errors;
        failure
    }

    /// One field of a body that is wrong.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError::new(field, message)])
    }

    /// A parameter that is wrong.
    pub(crate) fn parameter(code: Code, error: FieldError) -> Self {
        let problem = Problem::new(code, sentence(&error)).with_field(error);
        Self { problem: Box::new(problem), cause: None }
    }

    /// A defect of ours.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let detail = "this is a defect in Holdfast: the server's log has more of it, under the id of the request";
        Self { cause: Some(cause.into()), ..Self::new(Code::Internal, detail) }
    }

    /// Something that is still needed, and by what.
    pub(crate) fn in_use(detail: impl Into<String>, by: Vec<String>) -> Self {
        let mut failure = Self::new(Code::InUse, detail);
        failure.problem.needed_by = by;
        failure
    }

    #[cfg(test)]
    pub(crate) fn problem(&self) -> &Problem {
        &self.problem
    }

    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Fills the body of the answer, which may have headers already.
    pub(crate) fn render(mut self, request_id: &str, response: &mut Response) {
        self.problem.request_id = request_id.to_owned();
        let body = serde_json::to_vec(&self.problem).expect("a problem has text for keys");
        *response.body_mut() = Body::from(body);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    }
}

fn sentence(error: &FieldError) -> String {
    let FieldError { field, message, suggestion } = error;
    let suggestion = suggestion.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
    format!("{field}{message}{suggestion}")
}

/// The body is written when the request's id is known.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        let code = match error.kind() {
            DbErrorKind::NotFound => Code::NotFound,
            DbErrorKind::Exists => Code::NameTaken,
            DbErrorKind::Changed => Code::Changed,
            DbErrorKind::InUse => Code::InUse,
            DbErrorKind::Dangling => Code::Dangling,
            DbErrorKind::Unavailable => {
                let detail = "the database does not answer now: try again a little later";
                return Self { cause: Some(chain(&error)), ..Self::new(Code::Unavailable, detail) };
            }
            DbErrorKind::Corrupt | DbErrorKind::Version | DbErrorKind::Other => return Self::internal(chain(&error)),
        };
        match &error {
            DbError::InUse { by, .. } => Self::in_use(error.to_string(), by.clone()),
            _ => Self::new(code, error.to_string()),
        }
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Database(error) => error.into(),
            ControlError::Transition(_)
            | ControlError::NotEnded(_)
            | ControlError::NothingToDo(_)
            | ControlError::Idle(_) => Self::new(Code::WrongState, error.to_string()),
            ControlError::SamePlace(job) => Self::in_use(error.to_string(), vec![job.to_string()]),
            ControlError::WrongToken => Self::new(Code::WrongToken, error.to_string()),
            ControlError::NotOurs(_) | ControlError::Random(_) => Self::internal(chain(&error)),
        }
    }
}

/// An error with all that led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
