//! When a schedule is due next, or would be: the way to see what an expression means before it counts.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Occurrence, SchedulePreview, Upcoming};
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::{ScheduleUid, Time};

use crate::actor::Actor;
use crate::answer::json;
use crate::body::Body;
use crate::failure::Failure;
use crate::id::Id;
use crate::query::Query;
use crate::server::Server;

#[utoipa::path(
    get, path = "/api/v1/schedules/{id}/upcoming", operation_id = "list_upcoming",
    summary = "When a schedule is due next",
    description = "Whether it is enabled or not, with a word where a change of the clock matters.",
    params(
        ("id" = ScheduleUid, Path, description = "Its id."),
        ("count" = Option<u32>, Query, description = "How many times; 10 if nothing is said.", minimum = 1, maximum = 50)
    ),
    responses((status = 200, description = "The next times.", body = Upcoming))
)]
pub(crate) async fn of_schedule(
    _: Actor,
    State(server): State<Server>,
    Id(uid): Id<ScheduleUid>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &["count"])?;
    let count = query.number("count", 1, SchedulePreview::MOST.into())?.unwrap_or(SchedulePreview::COUNT.into());
    let schedule = server.database().read().await?.object::<ScheduleSpec>(uid).await?;
    Ok(json(StatusCode::OK, &upcoming(&schedule.spec, server.now(), count as usize)))
}

#[utoipa::path(
    post, path = "/api/v1/schedules/preview", operation_id = "preview_schedule",
    summary = "When a schedule would be due",
    description = "Of a draft. Nothing is kept.",
    request_body = SchedulePreview,
    responses((status = 200, description = "The next times.", body = Upcoming))
)]
pub(crate) async fn of_draft(
    _: Actor,
    State(server): State<Server>,
    Body(draft): Body<SchedulePreview>,
) -> Result<Response, Failure> {
    if !(1..=SchedulePreview::MOST).contains(&draft.count) {
        let message = format!("it must be a whole number from 1 to {}", SchedulePreview::MOST);
        return Err(Failure::field("count", message));
    }
    Ok(json(StatusCode::OK, &upcoming(&draft.spec, server.now(), draft.count as usize)))
}

fn upcoming(spec: &ScheduleSpec, now: Time, count: usize) -> Upcoming {
    let zone = spec.time_zone.time_zone();
    let local = |due: Time| due.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let occurrences = spec.upcoming(now, count).into_iter();
    let occurrences =
        occurrences.map(|next| Occurrence { due: next.due, local: local(next.due), clock_change: next.clock_change });
    Upcoming { in_words: spec.cron.describe(), time_zone: spec.time_zone.clone(), occurrences: occurrences.collect() }
}
