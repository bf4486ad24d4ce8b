//! Copies of snapshots, from one repository of a tenant to another.

use axum::extract::State;
use axum::response::Response;
use holdfast_api::{Code, CopyRepository, Job};
use holdfast_control::Care;
use holdfast_db::{DbError, DbErrorKind, Reader};
use holdfast_model::client::ClientSpec;
use holdfast_model::repository::{Repository, RepositorySpec};
use holdfast_model::{Name, RepositoryUid, TenantUid};

use super::{accepted, asker};
use crate::actor::Actor;
use crate::body::Body;
use crate::failure::Failure;
use crate::id::Id;
use crate::server::Server;

#[utoipa::path(
    post, path = "/api/v1/repositories/{id}/copy", operation_id = "copy_repository",
    summary = "Copy a repository's snapshots to another one",
    description = "Snapshots that are there already are left out, so that the next copy goes on where one ended. In the \
                   outcome of the job `files` counts the snapshots that were meant, `files_new` those that were copied.",
    params(("id" = RepositoryUid, Path, description = "The id of the repository that is copied from.")),
    request_body = CopyRepository,
    responses((
        status = 202, description = "The job that does it.", body = Job,
        headers(("location" = String, description = "Where the job is."))
    ))
)]
pub(crate) async fn copy(
    actor: Actor,
    State(server): State<Server>,
    Id(uid): Id<RepositoryUid>,
    Body(CopyRepository { to, client, newest }): Body<CopyRepository>,
) -> Result<Response, Failure> {
    let mut reader = server.database().read().await?;
    let tenant = reader.object::<RepositorySpec>(uid).await?.tenant;
    let to = target(&mut reader, tenant, &to).await?;
    if to.uid == uid {
        return Err(Failure::field("to", "it is the repository that is copied from: name another one"));
    }
    if let Some(client) = client {
        let found = reader.object::<ClientSpec>(client).await;
        if found.map_err(dangling)?.tenant != tenant {
            return Err(Failure::new(Code::Dangling, format!("the tenant has no client {client}")));
        }
    }
    drop(reader);
    let care = Care::Copy { to: to.uid, client, newest };
    Ok(accepted(server.control().care_for(uid, care, asker(&actor)).await?))
}

/// The repository that is copied to, by id or name. Nothing goes from one tenant to another.
async fn target(reader: &mut Reader, tenant: TenantUid, said: &Name) -> Result<Repository, Failure> {
    let found = match said.as_str().parse::<RepositoryUid>() {
        Ok(uid) => reader.object::<RepositorySpec>(uid).await,
        Err(_) => reader.object_named::<RepositorySpec>(tenant, said).await,
    };
    match found {
        Ok(repository) if repository.tenant == tenant => Ok(repository),
        Err(error) if error.kind() != DbErrorKind::NotFound => Err(error.into()),
        _ => Err(Failure::new(Code::Dangling, format!("the tenant has no repository {said} to copy to"))),
    }
}

/// What a body names must be there.
fn dangling(error: DbError) -> Failure {
    match error.kind() {
        DbErrorKind::NotFound => Failure::new(Code::Dangling, error.to_string()),
        _ => error.into(),
    }
}
