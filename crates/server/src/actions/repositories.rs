//! What is asked for of repositories.

use axum::extract::State;
use axum::response::Response;
use holdfast_api::{CheckRepository, Chunker, Job, PrepareRepository};
use holdfast_control::Care;
use holdfast_model::RepositoryUid;

use super::{accepted, asker};
use crate::actor::Actor;
use crate::body::OptionalBody;
use crate::failure::Failure;
use crate::id::Id;
use crate::server::Server;

#[utoipa::path(
    post, path = "/api/v1/repositories/{id}/prepare", operation_id = "prepare_repository",
    summary = "Prepare a repository",
    description = "Opens it and takes note of its snapshots, whoever made them: so one that restic has written is adopted.",
    params(("id" = RepositoryUid, Path, description = "Its id.")),
    request_body = PrepareRepository,
    responses((
        status = 202, description = "The job that does it.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn prepare(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<RepositoryUid>,
    OptionalBody(PrepareRepository { create, chunker }): OptionalBody<PrepareRepository>,
) -> Result<Response, Failure> {
    let care = Care::Prepare { create, as_restic: chunker == Chunker::Rabin };
    Ok(accepted(server.control().care_for(uid, care, asker(&actor)).await?))
}

#[utoipa::path(
    post, path = "/api/v1/repositories/{id}/check", operation_id = "check_repository", summary = "Check a repository",
    params(("id" = RepositoryUid, Path, description = "Its id.")),
    request_body = CheckRepository,
    responses((
        status = 202, description = "The job that does it.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn check(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<RepositoryUid>,
    OptionalBody(CheckRepository { read_data }): OptionalBody<CheckRepository>,
) -> Result<Response, Failure> {
    Ok(accepted(server.control().care_for(uid, Care::Check { read_data }, asker(&actor)).await?))
}

#[utoipa::path(
    post, path = "/api/v1/repositories/{id}/prune", operation_id = "prune_repository", summary = "Prune a repository",
    description = "Deletes what no snapshot needs.",
    params(("id" = RepositoryUid, Path, description = "Its id.")),
    responses((
        status = 202, description = "The job that does it.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn prune(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<RepositoryUid>,
) -> Result<Response, Failure> {
    Ok(accepted(server.control().care_for(uid, Care::Prune, asker(&actor)).await?))
}

#[utoipa::path(
    post, path = "/api/v1/repositories/{id}/catalog", operation_id = "catalog_repository",
    summary = "Make the names in a repository searchable",
    description = "Looks which snapshots the repository has, and catalogs those that are not cataloged yet: after it was \
                   adopted, or when the database was lost. What a policy backs up is cataloged by itself.",
    params(("id" = RepositoryUid, Path, description = "Its id.")),
    responses((
        status = 202, description = "The job that does it.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn catalog(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<RepositoryUid>,
) -> Result<Response, Failure> {
    Ok(accepted(server.control().care_for(uid, Care::Catalog, asker(&actor)).await?))
}

#[utoipa::path(
    post, path = "/api/v1/repositories/{id}/verify", operation_id = "verify_repository", summary = "Verify a repository",
    description = "Restores some files, drawn by lot, of the newest snapshot of each client, and compares them with what was \
                   recorded. What was proven stands with the clients.",
    params(("id" = RepositoryUid, Path, description = "Its id.")),
    responses((
        status = 202, description = "The job that does it.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn verify(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<RepositoryUid>,
) -> Result<Response, Failure> {
    Ok(accepted(server.control().care_for(uid, Care::Verify, asker(&actor)).await?))
}
