//! What is asked for of jobs.

use axum::extract::State;
use axum::response::Response;
use holdfast_api::Job;
use holdfast_model::JobUid;

use super::{accepted, asker};
use crate::actor::Actor;
use crate::failure::Failure;
use crate::id::Id;
use crate::server::Server;

#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/cancel", operation_id = "cancel_job", summary = "Cancel a job",
    description = "At once, if nobody works on it; else whoever does is asked to end it in order. What it has stored is not \
                   sent again.",
    params(("id" = JobUid, Path, description = "Its id.")),
    responses((
        status = 202, description = "The job.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn cancel(_: Actor, State(server): State<Server>, Id(uid): Id<JobUid>) -> Result<Response, Failure> {
    Ok(accepted(server.control().cancel_job(uid).await?))
}

#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/retry", operation_id = "retry_job", summary = "Do a job again",
    description = "As another job. A backup brings with it what goes before and follows.",
    params(("id" = JobUid, Path, description = "The id of a job that has ended.")),
    responses((
        status = 202, description = "The new job.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn retry(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<JobUid>,
) -> Result<Response, Failure> {
    Ok(accepted(server.control().do_again(uid, asker(&actor)).await?))
}
