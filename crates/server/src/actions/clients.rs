//! What is asked for of clients.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_api::{AcceptHostKeys, Client, Job, SayReady};
use holdfast_control::MOST_KEYS;
use holdfast_model::ClientUid;
use holdfast_model::client;

use super::{accepted, asker};
use crate::actor::Actor;
use crate::answer::json;
use crate::body::Body;
use crate::failure::Failure;
use crate::id::Id;
use crate::revision::etag;
use crate::server::Server;

#[utoipa::path(
    post, path = "/api/v1/clients/{id}/prepare", operation_id = "prepare_client", summary = "Prepare a client",
    description = "Calls the client, to see whether it can be backed up and what it is. Which key it shows is found in its \
                   status then, if nobody has accepted it yet.",
    params(("id" = ClientUid, Path, description = "Its id.")),
    responses((
        status = 202, description = "The job that does it.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn prepare(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<ClientUid>,
) -> Result<Response, Failure> {
    Ok(accepted(server.control().prepare_client(uid, asker(&actor)).await?))
}

#[utoipa::path(
    post, path = "/api/v1/clients/{id}/accept-host-keys", operation_id = "accept_host_keys",
    summary = "Believe host keys of a client",
    description = "From now on these keys prove that the client is itself, and no others do. Compare the fingerprints with \
                   the host's own before.",
    params(("id" = ClientUid, Path, description = "Its id.")),
    request_body = AcceptHostKeys,
    responses((
        status = 200, description = "The client.", body = Client,
        headers(("etag" = String, description = "Its revision."))
    ))
)]
pub(crate) async fn accept_host_keys(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<ClientUid>,
    Body(AcceptHostKeys { keys }): Body<AcceptHostKeys>,
) -> Result<Response, Failure> {
    if keys.is_empty() {
        return Err(Failure::field("keys", "say which: at least one"));
    }
    check("keys", keys.len())?;
    Ok(shown(server.control().accept_host_keys(uid, keys, actor.name()).await?))
}

#[utoipa::path(
    post, path = "/api/v1/clients/{id}/ready", operation_id = "say_ready", summary = "Say that a client is ready",
    description = "For a client that was prepared by other means, as by configuration management or cloud-init. The log of \
                   its prepare job shows the token and the whole command.",
    params(("id" = ClientUid, Path, description = "Its id.")),
    request_body = SayReady,
    responses((status = 204, description = "It is backed up from now on."))
)]
pub(crate) async fn say_ready(
    _: Actor,
    State(server): State<Server>,
    Id(uid): Id<ClientUid>,
    Body(SayReady { token, host_keys }): Body<SayReady>,
) -> Result<Response, Failure> {
    check("host_keys", host_keys.len())?;
    server.control().set_ready(uid, &token, host_keys).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn check(field: &str, count: usize) -> Result<(), Failure> {
    if count <= MOST_KEYS {
        return Ok(());
    }
    Err(Failure::field(field, format!("a client has at most {MOST_KEYS} host keys")))
}

fn shown(client: client::Client) -> Response {
    let tag = [(header::ETAG, etag(client.revision))];
    (tag, json(StatusCode::OK, &Client::from(client))).into_response()
}
