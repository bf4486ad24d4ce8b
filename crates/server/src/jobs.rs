//! Jobs: listed, the newest first, and read. They are made and ended elsewhere.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Job, JobPage, Page};
use holdfast_db::JobFilter;
use holdfast_model::job::{JobKind, JobStatus, Launch};
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, RunUid, TenantUid, Time};

use crate::actor::Actor;
use crate::answer::json;
use crate::by_time::{self, ByTime};
use crate::cursor;
use crate::failure::Failure;
use crate::id::Id;
use crate::part::Part;
use crate::query::Query;
use crate::server::Server;

/// What the list of jobs can be asked for. The handler reads the parameters one by one; this describes them.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is there to be described")]
pub(crate) struct JobParameters {
    /// Of this tenant.
    #[param(value_type = Option<String>, format = "uuid")]
    tenant: Option<TenantUid>,
    /// With this client.
    #[param(value_type = Option<String>, format = "uuid")]
    client: Option<ClientUid>,
    /// Of this policy.
    #[param(value_type = Option<String>, format = "uuid")]
    policy: Option<PolicyUid>,
    /// With this repository.
    #[param(value_type = Option<String>, format = "uuid")]
    repository: Option<RepositoryUid>,
    /// Of this run.
    #[param(value_type = Option<String>, format = "uuid")]
    run: Option<RunUid>,
    /// Of one of these kinds; can be given several times.
    #[param(style = Form, explode)]
    kind: Option<Vec<JobKind>>,
    /// With one of these statuses; can be given several times.
    #[param(style = Form, explode)]
    status: Option<Vec<JobStatus>>,
    /// Made so; can be given several times.
    #[param(style = Form, explode)]
    launch: Option<Vec<Launch>>,
    /// With a client that has this in its hostname, in any case.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Made at this time or later.
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<Time>,
    /// Made before this time.
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

const KNOWN: [&str; 14] = [
    "tenant",
    "client",
    "policy",
    "repository",
    "run",
    "kind",
    "status",
    "launch",
    "q",
    "since",
    "until",
    "sort",
    "limit",
    "cursor",
];

#[utoipa::path(
    get, path = "/api/v1/jobs", operation_id = "list_jobs", summary = "List jobs",
    description = "Filtered by what is said, all of which must hold; sorted; page by page.",
    params(JobParameters),
    responses((status = 200, description = "A page of the list.", body = JobPage))
)]
pub(crate) async fn list(_: Actor, State(server): State<Server>, RawQuery(raw): RawQuery) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let (since, until) = by_time::span(&query)?;
    let sort = ByTime::of(&query)?;
    let filter = JobFilter {
        tenant: query.one("tenant")?,
        policy: query.one("policy")?,
        client: query.one("client")?,
        repository: query.one("repository")?,
        run: query.one("run")?,
        kinds: query.words("kind", &JobKind::ALL, JobKind::as_str)?,
        statuses: query.words("status", &JobStatus::ALL, JobStatus::as_str)?,
        launches: query.words("launch", &Launch::ALL, Launch::as_str)?,
        client_contains: query.one::<Part>("q")?.map(|part| part.0),
        since,
        until,
    };
    let limit = query.number("limit", 1, 500)?.unwrap_or(50);
    let after = query.one::<String>("cursor")?.map(|cursor| position(&list_name(sort), &cursor)).transpose()?;
    // One more than asked for shows whether there are more.
    let page = holdfast_db::JobPage { oldest_first: sort.is_oldest_first(), limit: limit as u32 + 1, after };
    let mut found = server.database().read().await?.jobs(&filter, &page).await?;
    let has_more = found.len() as u64 > limit;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|job| cursor::write(&list_name(sort), "", &job.uid.to_string()));
    let items = found.into_iter().map(|job| server.standings().shown(job)).collect();
    let page: JobPage = Page { items, next_cursor };
    Ok(json(StatusCode::OK, &page))
}

/// How the list is called in a cursor.
fn list_name(sort: ByTime) -> String {
    format!("job {}", sort.as_str())
}

fn position(list: &str, cursor: &str) -> Result<JobUid, Failure> {
    let (_, uid) = cursor::read(list, cursor)?;
    uid.parse().map_err(|_| cursor::wrong())
}

#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", operation_id = "read_job", summary = "Read a job",
    params(("id" = JobUid, Path, description = "Its id.")),
    responses((status = 200, description = "All that is known of it.", body = Job))
)]
pub(crate) async fn read(_: Actor, State(server): State<Server>, Id(uid): Id<JobUid>) -> Result<Response, Failure> {
    let job = server.database().read().await?.job(uid).await?;
    Ok(json(StatusCode::OK, &server.standings().shown(job)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_that_is_described_is_read() {
        use utoipa::IntoParams;
        let described: Vec<String> = JobParameters::into_params(|| None).into_iter().map(|one| one.name).collect();
        assert_eq!(described, KNOWN);
    }
}
