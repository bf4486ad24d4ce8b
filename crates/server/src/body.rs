//! The body of a request: JSON, bounded, every field of it known.
//!
//! What is wrong with it is told by the name of the field.

mod error;
mod node;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use holdfast_api::Code;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::server::Server;

pub(crate) use error::BodyError;
pub(crate) use node::Node;

/// More bytes are not taken.
pub(crate) const LARGEST: usize = 1 << 20;

/// A body.
#[derive(Debug, Clone)]
pub(crate) struct Body<T>(pub(crate) T);

/// A body that can be left out, as all that it may say can be.
#[derive(Debug, Clone)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Server> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Failure> {
        check_type(request.headers())?;
        parse(&bytes_of(request, server).await?).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<Server> for OptionalBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Failure> {
        let checked = check_type(request.headers());
        let bytes = bytes_of(request, server).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        checked?;
        parse(&bytes).map(Self)
    }
}

async fn bytes_of(request: Request, server: &Server) -> Result<Bytes, Failure> {
    Bytes::from_request(request, server).await.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Failure::new(Code::BodyTooLarge, format!("a body may have {LARGEST} bytes at most"))
        }
        _ => Failure::new(Code::MalformedBody, "the body did not come to its end"),
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let value = serde_json::from_slice(bytes).map_err(|error| {
        Failure::new(
            Code::MalformedBody,
            format!("the body is not JSON, as line {} column {} shows", error.line(), error.column()),
        )
    })?;
    read(value)
}

/// Reads a value, each field of which must be known.
pub(crate) fn read<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Failure> {
    T::deserialize(Node(value)).map_err(|error: BodyError| Failure::fields(vec![error.into()]))
}

/// JSON must be said to be JSON. A form of a page from elsewhere cannot say that (a browser would ask first).
fn check_type(headers: &HeaderMap) -> Result<(), Failure> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = name == "application/json" || (name.starts_with("application/") && name.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    Err(Failure::new(Code::UnsupportedMediaType, "the body must be JSON, and content-type say application/json"))
}
