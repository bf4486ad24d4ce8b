//! Searching for names in all snapshots, and the versions of one file.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{FileVersion, FileVersionPage, FoundPath, FoundPathPage, Page, SnapshotAt};
use holdfast_control::find::{self, Found, Mode, Pattern, Position, Search, Version};
use holdfast_db::catalog::ChainFilter;
use holdfast_model::{ClientUid, PolicyUid, RepositoryUid, SnapshotId, TenantUid, Time};

use crate::actor::Actor;
use crate::answer::json;
use crate::cursor;
use crate::failure::Failure;
use crate::query::{Query, wrong};
use crate::server::Server;

/// What a search can be told. The handler reads the parameters one by one; this describes them.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is there to be described")]
pub(crate) struct FindParameters {
    /// What to search for in names, which are the last parts of paths. Large and small letters count only if there is a large
    /// one in it. A byte that is no UTF-8 is found as U+FFFD.
    #[param(min_length = 1, max_length = 1000)]
    q: String,
    /// How `q` is meant: `substring` if nothing is said; `glob` for the whole name with `*`, `?`, `[a-z]` and `\`; `regex`.
    #[param(inline)]
    mode: Option<ModeWord>,
    /// In snapshots of this client.
    #[param(value_type = Option<String>, format = "uuid")]
    client: Option<ClientUid>,
    /// In snapshots that this policy made.
    #[param(value_type = Option<String>, format = "uuid")]
    policy: Option<PolicyUid>,
    /// In this repository.
    #[param(value_type = Option<String>, format = "uuid")]
    repository: Option<RepositoryUid>,
    /// Of this tenant.
    #[param(value_type = Option<String>, format = "uuid")]
    tenant: Option<TenantUid>,
    /// How many come at once; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// The words for how a pattern is meant.
#[derive(Debug, utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is there to be described")]
pub(crate) enum ModeWord {
    Substring,
    Glob,
    Regex,
}

/// Which file's versions are asked for.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is there to be described")]
pub(crate) struct VersionParameters {
    /// Of this client.
    #[param(value_type = String, format = "uuid")]
    client: ClientUid,
    /// The whole path, as it was found.
    #[param(min_length = 1)]
    path: String,
    /// In snapshots that this policy made.
    #[param(value_type = Option<String>, format = "uuid")]
    policy: Option<PolicyUid>,
    /// In this repository.
    #[param(value_type = Option<String>, format = "uuid")]
    repository: Option<RepositoryUid>,
    /// How many come at once; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

const FIND_KNOWN: [&str; 8] = ["q", "mode", "client", "policy", "repository", "tenant", "limit", "cursor"];
const VERSIONS_KNOWN: [&str; 6] = ["client", "path", "policy", "repository", "limit", "cursor"];

#[utoipa::path(
    get, path = "/api/v1/find", operation_id = "find_names", summary = "Find names in all snapshots",
    description = "In the order in which names became known. An answer takes some seconds at most: a page may then have fewer \
                   items, or none, and yet a cursor to go on with.",
    params(FindParameters),
    responses((status = 200, description = "Paths with such names.", body = FoundPathPage))
)]
pub(crate) async fn find(_: Actor, State(server): State<Server>, RawQuery(raw): RawQuery) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &FIND_KNOWN)?;
    let text: String = query.one("q")?.ok_or_else(|| wrong("q", "it must say what to search for"))?;
    let mut modes = query.words("mode", &Mode::ALL, Mode::as_str)?;
    let mode = modes.pop().unwrap_or(Mode::Substring);
    if !modes.is_empty() {
        return Err(wrong("mode", "it is given more than once"));
    }
    let pattern = Pattern::new(mode, &text).map_err(|error| wrong("q", error.to_string()))?;
    let filter = ChainFilter {
        tenant: query.one("tenant")?,
        client: query.one("client")?,
        policy: query.one("policy")?,
        repository: query.one("repository")?,
    };
    let limit = query.number("limit", 1, 200)?.unwrap_or(50) as usize;
    let after = query.one::<String>("cursor")?.map(|cursor| position(&cursor)).transpose()?;
    let search = Search { pattern: &pattern, filter, limit, after };
    let mut reader = server.database().read().await?;
    let found = find::find(&mut reader, &search, server.control().clock()).await?;
    let next_cursor = found.next.map(|Position { name, place: (chain, directory) }| {
        cursor::write(FIND, &name.to_string(), &format!("{chain} {directory}"))
    });
    let page: FoundPathPage = Page { items: found.items.into_iter().map(found_path).collect(), next_cursor };
    Ok(json(StatusCode::OK, &page))
}

#[utoipa::path(
    get, path = "/api/v1/find/versions", operation_id = "find_versions", summary = "All versions of one file",
    description = "That of the newest snapshot first. Nothing, if no snapshot has anything at that path.",
    params(VersionParameters),
    responses((status = 200, description = "Versions.", body = FileVersionPage))
)]
pub(crate) async fn versions(
    _: Actor,
    State(server): State<Server>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &VERSIONS_KNOWN)?;
    let client = query.one("client")?.ok_or_else(|| wrong("client", "it must say of which client"))?;
    let path: String = query.one("path")?.ok_or_else(|| wrong("path", "it must say of which file"))?;
    if !path.starts_with('/') {
        return Err(wrong("path", "it must begin with a slash, as /etc/hosts"));
    }
    let (policy, repository) = (query.one("policy")?, query.one("repository")?);
    let filter = ChainFilter { client: Some(client), policy, repository, tenant: None };
    let limit = query.number("limit", 1, 200)?.unwrap_or(50) as usize;
    let after = query.one::<String>("cursor")?.map(|cursor| behind(&cursor)).transpose()?;
    let mut found = find::versions(&mut server.database().read().await?, &filter, &path).await?;
    found.retain(|version| after.is_none_or(|after| key(version) < after));
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more).map(key);
    let next_cursor = last.map(|(at, id)| cursor::write(VERSIONS, &at.as_microsecond().to_string(), &id.to_string()));
    let page: FileVersionPage = Page { items: found.into_iter().map(file_version).collect(), next_cursor };
    Ok(json(StatusCode::OK, &page))
}

const FIND: &str = "find";
const VERSIONS: &str = "versions";

fn position(cursor: &str) -> Result<Position, Failure> {
    let (name, place) = cursor::read(FIND, cursor)?;
    let place =
        place.split_once(' ').and_then(|(chain, directory)| Some((chain.parse().ok()?, directory.parse().ok()?)));
    match (name.parse(), place) {
        (Ok(name), Some(place)) => Ok(Position { name, place }),
        _ => Err(cursor::wrong()),
    }
}

/// By what versions are sorted.
fn key(version: &Version) -> (Time, SnapshotId) {
    let (id, at) = version.newest();
    (at, id)
}

fn behind(cursor: &str) -> Result<(Time, SnapshotId), Failure> {
    let (at, id) = cursor::read(VERSIONS, cursor)?;
    let at = at.parse().ok().and_then(|at| Time::from_microsecond(at).ok());
    at.zip(id.parse().ok()).ok_or_else(cursor::wrong)
}

fn snapshot((id, time): (SnapshotId, Time)) -> SnapshotAt {
    SnapshotAt { id, time }
}

fn found_path(found: Found) -> FoundPath {
    FoundPath {
        tenant: found.tenant,
        client: found.client,
        hostname: found.hostname,
        policy: found.policy,
        repository: found.repository,
        path: found.path,
        name: found.name,
        kind: found.kind,
        size: found.size,
        modified: found.modified,
        first: snapshot(found.first),
        last: snapshot(found.last),
        versions: found.versions,
    }
}

fn file_version(version: Version) -> FileVersion {
    FileVersion {
        repository: version.repository,
        policy: version.policy,
        kind: version.kind,
        size: version.size,
        modified: version.modified,
        oldest: snapshot(version.oldest()),
        newest: snapshot(version.newest()),
        snapshots: version.snapshots.into_iter().map(snapshot).collect(),
    }
}

#[cfg(test)]
mod tests {
    use utoipa::IntoParams;

    use super::*;

    #[test]
    fn every_parameter_that_is_described_is_read() {
        let names = |described: Vec<utoipa::openapi::path::Parameter>| -> Vec<String> {
            described.into_iter().map(|one| one.name).collect()
        };
        assert_eq!(names(FindParameters::into_params(|| None)), FIND_KNOWN);
        assert_eq!(names(VersionParameters::into_params(|| None)), VERSIONS_KNOWN);
    }
}
