//! What holds for every request and every answer: the id of the request, problems in one form, panics that end one request
//! alone.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::failure::Failure;
use crate::host;
use crate::server::Server;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Carries a request in and its answer out.
pub(crate) async fn envelope(State(server): State<Server>, request: Request, next: Next) -> Response {
    let id = request_id(&server, &request);
    let mut response = match host::check(request.headers()) {
        Err(failure) => failure.into_response(),
        Ok(()) => match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => Failure::internal(said(&*panic)).into_response(),
        },
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        if let Some(cause) = failure.cause() {
            server.note_failure(&id, cause);
        }
        failure.render(&id, &mut response);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The one that was given, if it is fit for a log, or a new one.
fn request_id(server: &Server, request: &Request) -> String {
    let is_fit = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(is_fit);
    given.map_or_else(|| server.random().iter().map(|byte| format!("{byte:02x}")).collect(), str::to_owned)
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a handler panicked: {}", text.unwrap_or("it did not say why"))
}
