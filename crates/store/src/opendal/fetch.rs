//! OpenDAL's requests through our own HTTP client.
//!
//! A request blocks the thread that polls it: that thread is a caller's own, which has nothing else to do. Answers are
//! read whole and their length is checked before OpenDAL sees them. No address gets into an error: it may be signed.

use bytes::Bytes;
use futures_util::stream;
use opendal::layers::HttpClientLayer;
use opendal::raw::{HttpBody, HttpClient, HttpFetch};
use opendal::{Buffer, Error, ErrorKind as Theirs};
use ureq::http::{Method, Request, Response, StatusCode};

use super::MAX_FILE;
use crate::ErrorKind;
use crate::http::{Http, HttpError, some_body, whole_body, whole_chain};

/// Our client as a layer of OpenDAL's.
pub(super) fn layer(http: Http) -> HttpClientLayer {
    HttpClientLayer::new(HttpClient::with(Fetch(http)))
}

struct Fetch(Http);

impl HttpFetch for Fetch {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let is_head = request.method() == Method::HEAD;
        let (head, body) = request.into_parts();
        let pieces: Vec<Bytes> = body.collect();
        let slices: Vec<&[u8]> = pieces.iter().map(AsRef::as_ref).collect();
        let response = self.0.send(Request::from_parts(head, ()), &slices).map_err(failed)?;
        if is_clear(response.status()) {
            return Err(failed(HttpError::of_status(response)));
        }
        let (status, mut answer) = (response.status(), Response::new(()));
        *answer.status_mut() = status;
        *answer.headers_mut() = response.headers().clone();
        let empty = is_head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        let content = match () {
            () if empty => Bytes::new(),
            () if status.is_success() => whole_body(response, MAX_FILE).map_err(failed)?,
            () => some_body(response),
        };
        let length = (!empty).then_some(content.len() as u64);
        Ok(answer.map(|()| HttpBody::new(stream::iter([Ok(Buffer::from(content))]), length)))
    }
}

/// Statuses that mean the same everywhere, though not all of OpenDAL's services know them: the login is wrong, the storage
/// is full.
fn is_clear(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 407 | 413 | 507)
}

fn failed(error: HttpError) -> Error {
    let transient = error.kind() == ErrorKind::Transient;
    Error::new(Theirs::Unexpected, error.to_string()).with_temporary(transient).set_source(error)
}

/// Kind and words of an error that came from our client.
pub(super) fn ours(error: &Error) -> Option<(ErrorKind, String)> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(ours) = cause.downcast_ref::<HttpError>() {
            return Some((ours.kind(), whole_chain(ours)));
        }
        next = cause.source();
    }
    None
}
