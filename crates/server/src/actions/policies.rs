//! What is asked for of policies.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_api::{Job, JobList, RunRequest};
use holdfast_model::PolicyUid;

use super::asker;
use crate::actor::Actor;
use crate::answer::json;
use crate::body::OptionalBody;
use crate::failure::Failure;
use crate::id::Id;
use crate::server::Server;

#[utoipa::path(
    post, path = "/api/v1/policies/{id}/run", operation_id = "run_policy", summary = "Run a policy now",
    description = "For all of its clients that are enabled, or for some. A client whose last run has not ended is skipped, \
                   and its job says so.",
    params(("id" = PolicyUid, Path, description = "Its id.")),
    request_body = RunRequest,
    responses((
        status = 202, description = "The jobs that do it.", body = JobList,
        headers(("location" = String, description = "The list of them."))
    ))
)]
pub(crate) async fn run(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<PolicyUid>,
    OptionalBody(RunRequest { clients }): OptionalBody<RunRequest>,
) -> Result<Response, Failure> {
    let asker = asker(&actor);
    let jobs = server.control().launch_policy(uid, clients.as_ref(), asker.launch, asker.name).await?;
    if jobs.is_empty() {
        let message = match clients {
            Some(_) => "none of these is a client of the policy, and enabled",
            None => "the policy has no client that is enabled",
        };
        return Err(Failure::field("clients", message));
    }
    let location = jobs.first().map(|job| format!("/api/v1/jobs?run={}", job.run)).unwrap_or_default();
    let answer = json(StatusCode::ACCEPTED, &JobList { jobs: jobs.into_iter().map(Job::from).collect() });
    Ok(([(header::LOCATION, location)], answer).into_response())
}
