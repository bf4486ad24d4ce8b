//! The id in a path. What is none is refused before anything is looked for.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use holdfast_api::Code;

use crate::failure::Failure;
use crate::server::Server;

/// The id in a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id<U>(pub(crate) U);

impl<U: FromStr<Err: Display> + Send> FromRequestParts<Server> for Id<U> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Failure> {
        let text = Path::<String>::from_request_parts(parts, server).await;
        let Path(text) = text.map_err(|_| Failure::new(Code::InvalidId, "the id in the path is not text"))?;
        text.parse().map(Self).map_err(|error| Failure::new(Code::InvalidId, error.to_string()))
    }
}
