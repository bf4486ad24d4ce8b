//! Restores: asked for here, planned and done as jobs.

use axum::extract::State;
use axum::response::Response;
use holdfast_api::{Code, Job, NewRestore};
use holdfast_control::{ControlError, RestoreAsked, RestoreRefused, RestoreSource};
use holdfast_db::DbErrorKind;

use crate::actions::{accepted, asker};
use crate::actor::Actor;
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
    Ok(accepted(server.control().launch_restore(asked, asker(&actor)).await?))
}

impl From<RestoreRefused> for Failure {
    fn from(refused: RestoreRefused) -> Self {
        let message = refused.to_string();
        match refused {
            // What a body names must be there.
            RestoreRefused::Control(ControlError::Database(error)) if error.kind() == DbErrorKind::NotFound => {
                Self::new(Code::Dangling, message)
            }
            RestoreRefused::Control(error) => error.into(),
            RestoreRefused::NoSnapshot => Self::new(Code::Dangling, message),
            other => Self::field(other.field().unwrap_or_default(), message),
        }
    }
}
