//! Secrets that are handed over, to be sealed in the database. What they hold is never shown again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use holdfast_api::{Code, NewSecret, SecretList};
use holdfast_db::ObjectFilter;
use holdfast_model::SecretSource;
use holdfast_model::repository::RepositorySpec;

use crate::actor::Actor;
use crate::answer::json;
use crate::body::Body;
use crate::failure::Failure;
use crate::id::Id;
use crate::server::Server;
use crate::tenant::tell_of_server;

/// The name of a secret, as it stands behind `sealed:`.
#[derive(Debug, Clone)]
pub(crate) struct SecretName(String);

impl std::str::FromStr for SecretName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match format!("sealed:{text}").parse() {
            Ok(SecretSource::Sealed(name)) if name.len() <= 100 => Ok(Self(name)),
            _ => {
                Err("a secret's name has 1 to 100 letters, digits, `_`, `-` and `.`, and begins with no dot".to_owned())
            }
        }
    }
}

#[utoipa::path(
    get, path = "/api/v1/secrets", operation_id = "list_secrets", summary = "List secrets by name",
    responses((status = 200, description = "Their names.", body = SecretList))
)]
pub(crate) async fn list(_: Actor, State(server): State<Server>) -> Result<Response, Failure> {
    let secrets = server.database().read().await?.sealed_names().await?;
    Ok(json(StatusCode::OK, &SecretList { secrets }))
}

#[utoipa::path(
    put, path = "/api/v1/secrets/{name}", operation_id = "hand_over_secret", summary = "Hand a secret over",
    description = "It is sealed under the server's master key, in place of any of its name, and is named by sealed:NAME.",
    params(("name" = String, Path, description = "What it is called.", pattern = "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$")),
    request_body = NewSecret,
    responses((status = 204, description = "It is sealed."))
)]
pub(crate) async fn put(
    actor: Actor,
    State(server): State<Server>,
    Id(SecretName(name)): Id<SecretName>,
    Body(NewSecret { secret }): Body<NewSecret>,
) -> Result<Response, Failure> {
    if secret.is_empty() || secret.len() > 4000 || secret.contains(['\0', '\n', '\r']) {
        return Err(Failure::field("secret", "it must be one line of 1 to 4000 bytes"));
    }
    let sealed = server.secrets().seal(&name, secret.as_bytes());
    let mut writer = server.database().write().await?;
    writer.set_sealed(&name, &sealed).await?;
    tell_of_server(&mut writer, &server, &actor, ("secret", &name), "handed over").await?;
    writer.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[utoipa::path(
    delete, path = "/api/v1/secrets/{name}", operation_id = "forget_secret", summary = "Forget a secret",
    description = "Only if no repository needs it.",
    params(("name" = String, Path, description = "What it is called.", pattern = "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$")),
    responses((status = 204, description = "It is gone."))
)]
pub(crate) async fn delete(
    actor: Actor,
    State(server): State<Server>,
    Id(SecretName(name)): Id<SecretName>,
) -> Result<Response, Failure> {
    let mut writer = server.database().write().await?;
    if writer.sealed(&name).await?.is_none() {
        return Err(Failure::new(Code::NotFound, format!("there is no secret {name}")));
    }
    let source = SecretSource::Sealed(name.clone());
    let needs = |spec: &RepositorySpec| spec.password == source || spec.credentials.values().any(|of| *of == source);
    let all = writer.all_objects::<RepositorySpec>(&ObjectFilter::default()).await?.objects;
    let by: Vec<String> =
        all.iter().filter(|one| needs(&one.spec)).map(|one| format!("repository {}", one.spec.name)).collect();
    if !by.is_empty() {
        return Err(Failure::in_use(format!("the secret {name} is needed by {}", by.join(", ")), by));
    }
    writer.remove_sealed(&name).await?;
    tell_of_server(&mut writer, &server, &actor, ("secret", &name), "removed").await?;
    writer.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
