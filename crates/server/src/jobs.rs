//! Jobs: listed, the newest first, and read. They are made and ended elsewhere.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Job, JobPage, Page};
use holdfast_db::JobFilter;
use holdfast_model::job::{JobKind, JobStatus};
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, RunUid, TenantUid};

use crate::actor::Actor;
use crate::answer::json;
use crate::cursor;
use crate::failure::Failure;
use crate::id::Id;
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
    /// How many come at once; 50 if nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

const KNOWN: [&str; 9] = ["tenant", "client", "policy", "repository", "run", "kind", "status", "limit", "cursor"];

const LIST: &str = "job";

#[utoipa::path(
    get, path = "/api/v1/jobs", operation_id = "list_jobs", summary = "List jobs",
    description = "The newest first, filtered by what is said, all of which must hold; page by page.",
    params(JobParameters),
    responses((status = 200, description = "A page of the list.", body = JobPage))
)]
pub(crate) async fn list(_: Actor, State(server): State<Server>, RawQuery(raw): RawQuery) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let filter = JobFilter {
        tenant: query.one("tenant")?,
        policy: query.one("policy")?,
        client: query.one("client")?,
        repository: query.one("repository")?,
        run: query.one("run")?,
        kinds: query.words("kind", &JobKind::ALL, JobKind::as_str)?,
        statuses: query.words("status", &JobStatus::ALL, JobStatus::as_str)?,
        since: None,
        until: None,
    };
    let limit = query.number("limit", 1, 500)?.unwrap_or(50);
    let after = query.one::<String>("cursor")?.map(|cursor| position(&cursor)).transpose()?;
    // One more than asked for shows whether there are more.
    let page = holdfast_db::JobPage { oldest_first: false, limit: limit as u32 + 1, after };
    let mut found = server.database().read().await?.jobs(&filter, &page).await?;
    let has_more = found.len() as u64 > limit;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|job| cursor::write(LIST, "", &job.uid.to_string()));
    let page: JobPage = Page { items: found.into_iter().map(Job::from).collect(), next_cursor };
    Ok(json(StatusCode::OK, &page))
}

fn position(cursor: &str) -> Result<JobUid, Failure> {
    let (_, uid) = cursor::read(LIST, cursor)?;
    uid.parse().map_err(|_| cursor::wrong())
}

#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", operation_id = "read_job", summary = "Read a job",
    params(("id" = JobUid, Path, description = "Its id.")),
    responses((status = 200, description = "All that is known of it.", body = Job))
)]
pub(crate) async fn read(_: Actor, State(server): State<Server>, Id(uid): Id<JobUid>) -> Result<Response, Failure> {
    let job = server.database().read().await?.job(uid).await?;
    Ok(json(StatusCode::OK, &Job::from(job)))
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
