//! Snapshots: listed as they were seen, and looked into where they lie.

mod download;
mod files;
mod outlet;
mod place;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Page, Snapshot, SnapshotPage};
use holdfast_db::{KnownSnapshot, SnapshotQuery};
use holdfast_model::{ClientUid, PolicyUid, RepositoryUid, SnapshotId, TenantUid, Time};

use crate::actor::Actor;
use crate::answer::json;
use crate::by_time::{self, ByTime};
use crate::cursor;
use crate::failure::Failure;
use crate::part::Part;
use crate::query::Query;
use crate::server::Server;

pub(crate) use download::{__path_download, download};
pub(crate) use files::{__path_files, files};

/// What the list of snapshots can be asked for. The handler reads the parameters one by one; this describes them.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is there to be described")]
pub(crate) struct SnapshotParameters {
    /// Of this tenant.
    #[param(value_type = Option<String>, format = "uuid")]
    tenant: Option<TenantUid>,
    /// Of this client.
    #[param(value_type = Option<String>, format = "uuid")]
    client: Option<ClientUid>,
    /// Made by this policy.
    #[param(value_type = Option<String>, format = "uuid")]
    policy: Option<PolicyUid>,
    /// In this repository.
    #[param(value_type = Option<String>, format = "uuid")]
    repository: Option<RepositoryUid>,
    /// Whether all was read that was to be.
    complete: Option<bool>,
    /// Of a host that has this in its name, in any case.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Begun at this time or later.
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<Time>,
    /// Begun before this time.
    #[param(value_type = Option<String>, format = "date-time")]
    until: Option<Time>,
    /// By what they are sorted; the newest first if nothing is said.
    #[param(inline)]
    sort: Option<ByTime>,
    /// How many come at once; 50 if nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

const KNOWN: [&str; 11] =
    ["tenant", "client", "policy", "repository", "complete", "q", "since", "until", "sort", "limit", "cursor"];

#[utoipa::path(
    get, path = "/api/v1/snapshots", operation_id = "list_snapshots", summary = "List snapshots",
    description = "As the server has seen them, filtered by what is said, all of which must hold; sorted; page by page.",
    params(SnapshotParameters),
    responses((status = 200, description = "A page of the list.", body = SnapshotPage))
)]
pub(crate) async fn list(_: Actor, State(server): State<Server>, RawQuery(raw): RawQuery) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let limit = query.number("limit", 1, 500)?.unwrap_or(50);
    let (since, until) = by_time::span(&query)?;
    let sort = ByTime::of(&query)?;
    let wanted = SnapshotQuery {
        tenant: query.one("tenant")?,
        client: query.one("client")?,
        policy: query.one("policy")?,
        repository: query.one("repository")?,
        after: query.one::<String>("cursor")?.map(|cursor| position(&list_name(sort), &cursor)).transpose()?,
        complete: query.truth("complete")?,
        hostname_contains: query.one::<Part>("q")?.map(|part| part.0),
        since,
        until,
        oldest_first: sort.is_oldest_first(),
        // One more than asked for shows whether there are more.
        limit: limit as u32 + 1,
    };
    let mut found = server.database().read().await?.snapshots(&wanted).await?;
    let has_more = found.len() as u64 > limit;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| has_more);
    let list = list_name(sort);
    let next_cursor =
        last.map(|last| cursor::write(&list, &last.at.as_microsecond().to_string(), &last.id.to_string()));
    let page: SnapshotPage = Page { items: found.into_iter().map(shown).collect(), next_cursor };
    Ok(json(StatusCode::OK, &page))
}

/// How the list is called in a cursor.
fn list_name(sort: ByTime) -> String {
    format!("snapshot {}", sort.as_str())
}

fn position(list: &str, cursor: &str) -> Result<(Time, SnapshotId), Failure> {
    let (at, id) = cursor::read(list, cursor)?;
    let at = at.parse().ok().and_then(|at| Time::from_microsecond(at).ok());
    at.zip(id.parse().ok()).ok_or_else(cursor::wrong)
}

fn shown(snapshot: KnownSnapshot) -> Snapshot {
    let KnownSnapshot { repository, id, tenant, client, policy, job, at, complete, hostname, details } = snapshot;
    let holdfast_db::SnapshotDetails { paths, tags, files, bytes, added: bytes_added } = details;
    Snapshot {
        repository,
        id,
        tenant,
        client,
        policy,
        job,
        at,
        complete,
        hostname,
        paths,
        tags,
        files,
        bytes,
        bytes_added,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_that_is_described_is_read() {
        use utoipa::IntoParams;
        let described: Vec<String> = SnapshotParameters::into_params(|| None).into_iter().map(|one| one.name).collect();
        assert_eq!(described, KNOWN);
    }
}
