//! Restores: asked for here, planned and done as jobs.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_api::{Code, FieldError, Job, NewRestore};
use holdfast_control::{ControlError, RestoreAsked, RestoreRefused, RestoreSource};

use crate::actor::Actor;
use crate::answer::json;
use crate::body::Body;
use crate::failure::Failure;
use crate::server::Server;

#[utoipa::path(
    post, path = "/api/v1/restores", operation_id = "restore", summary = "Restore a snapshot, or plan to",
    description = "Makes a job. With `dry_run` it changes nothing and its outcome says what would be done; the restore itself \
                   can name it as its `plan`.",
    request_body = NewRestore,
    responses((
        status = 202, description = "The job that was made.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn create(
    actor: Actor,
    State(server): State<Server>,
    Body(new): Body<NewRestore>,
) -> Result<Response, Failure> {
    let NewRestore { source, select, target, manner, in_place, dry_run, plan } = new;
    let holdfast_api::RestoreSource { repository, snapshot, client, policy } = source;
    let source = RestoreSource { repository, snapshot, client, policy };
    let asked = RestoreAsked { source, select, target, manner, in_place, dry_run, plan };
    let job = server.control().launch_restore(asked, actor.name()).await?;
    let location = [(header::LOCATION, format!("/api/v1/jobs/{}", job.uid))];
    Ok((location, json(StatusCode::ACCEPTED, &Job::from(job))).into_response())
}

impl From<RestoreRefused> for Failure {
    fn from(refused: RestoreRefused) -> Self {
        let message = refused.to_string();
        match refused {
            RestoreRefused::Control(error) => error.into(),
            RestoreRefused::Overlap(job) => Self::new(Code::InUse, message).needed_by(vec![job.to_string()]),
            RestoreRefused::NoSnapshot => Self::new(Code::Dangling, message),
            other => {
                let field = other.field().unwrap_or_default().to_owned();
                Self::fields(vec![FieldError { field, message, suggestion: None }])
            }
        }
    }
}

/// What a body names must be there.
impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        use holdfast_db::DbErrorKind::NotFound;
        match error {
            ControlError::Database(error) if error.kind() == NotFound => Self::new(Code::Dangling, error.to_string()),
            ControlError::Database(error) => error.into(),
            ControlError::Transition(error) => Self::new(Code::InUse, error.to_string()),
            other => Self::internal(other.to_string()),
        }
    }
}
