//! Whether the server lives, and whether it can do its work. For whoever starts it anew, and for who sends it requests.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::Health;

use crate::actor::Actor;
use crate::answer::json;
use crate::failure::Failure;
use crate::server::Server;

#[utoipa::path(
    get, path = "/health/live", operation_id = "read_liveness", summary = "Whether the server lives",
    responses((status = 200, description = "It does.", body = Health))
)]
pub(crate) async fn live(_: Actor) -> Response {
    json(StatusCode::OK, &Health::Ok)
}

#[utoipa::path(
    get, path = "/health/ready", operation_id = "read_readiness", summary = "Whether the server can do its work",
    description = "Asks the database.",
    responses((status = 200, description = "It can.", body = Health))
)]
pub(crate) async fn ready(_: Actor, State(server): State<Server>) -> Result<Response, Failure> {
    server.database().ping().await?;
    Ok(json(StatusCode::OK, &Health::Ok))
}
