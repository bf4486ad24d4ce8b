//! Lets in who may do what is asked, and nobody else.
//!
//! It stands before every handler, so that none can forget to ask. What the actor is then, a handler is told.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::actor::Actor;
use crate::permission::Permission;

/// Finds out who asks, and whether they may.
pub(crate) async fn admit(mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // What has no row goes on without an actor: a wrong method is told so, and a handler refuses to do without one.
    let permission = path.and_then(|path| Permission::of(request.method(), path));
    if let Some(permission) = permission {
        let actor = Actor::local_administrator();
        if let Err(failure) = actor.require(permission) {
            return failure.into_response();
        }
        request.extensions_mut().insert(actor);
    }
    next.run(request).await
}
