//! How large a repository was, day by day: how it grows.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Page, RepositorySizePage};
use holdfast_db::SizeQuery;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{RepositoryUid, Time};

use crate::actor::Actor;
use crate::answer::json;
use crate::by_time::{self, ByTime};
use crate::cursor;
use crate::failure::Failure;
use crate::id::Id;
use crate::query::Query;
use crate::server::Server;

/// What the list of sizes can be asked for. The handler reads the parameters one by one; this describes them.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is there to be described")]
pub(crate) struct SizeParameters {
    /// Measured at this time or later.
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<Time>,
    /// Measured before this time.
    #[param(value_type = Option<String>, format = "date-time")]
    until: Option<Time>,
    /// By when they were measured; the newest first if nothing is said.
    #[param(inline)]
    sort: Option<ByTime>,
    /// How many come at once; 50 if nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

const KNOWN: [&str; 5] = ["since", "until", "sort", "limit", "cursor"];

#[utoipa::path(
    get, path = "/api/v1/repositories/{id}/sizes", operation_id = "list_repository_sizes",
    summary = "How large a repository was",
    description = "One size for each day (in UTC) on which it was looked into, the last of that day.",
    params(("id" = RepositoryUid, Path, description = "Its id."), SizeParameters),
    responses((status = 200, description = "A page of the list.", body = RepositorySizePage))
)]
pub(crate) async fn list(
    _: Actor,
    State(server): State<Server>,
    Id(uid): Id<RepositoryUid>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let limit = query.number("limit", 1, 500)?.unwrap_or(50);
    let (since, until) = by_time::span(&query)?;
    let sort = ByTime::of(&query)?;
    let list = format!("sizes {}", sort.as_str());
    let wanted = SizeQuery {
        since,
        until,
        after: query.one::<String>("cursor")?.map(|cursor| position(&list, &cursor)).transpose()?,
        oldest_first: sort.is_oldest_first(),
        // One more than asked for shows whether there are more.
        limit: limit as u32 + 1,
    };
    let mut reader = server.database().read().await?;
    reader.object::<RepositorySpec>(uid).await?;
    let mut items = reader.sizes(uid, &wanted).await?;
    let has_more = items.len() as u64 > limit;
    items.truncate(limit as usize);
    let last = items.last().filter(|_| has_more);
    let next_cursor = last.map(|last| cursor::write(&list, &last.measured.as_microsecond().to_string(), ""));
    let page: RepositorySizePage = Page { items, next_cursor };
    Ok(json(StatusCode::OK, &page))
}

fn position(list: &str, cursor: &str) -> Result<Time, Failure> {
    let (measured, _) = cursor::read(list, cursor)?;
    measured.parse().ok().and_then(|micros| Time::from_microsecond(micros).ok()).ok_or_else(cursor::wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_that_is_described_is_read() {
        use utoipa::IntoParams;
        let described: Vec<String> = SizeParameters::into_params(|| None).into_iter().map(|one| one.name).collect();
        assert_eq!(described, KNOWN);
    }
}
