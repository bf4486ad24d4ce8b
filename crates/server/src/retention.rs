//! What a retention keeps, before it counts: of real snapshots, or of some that are made up.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{ForeseenSnapshot, RetentionForecast, RetentionPreview};
use holdfast_db::SnapshotQuery;
use holdfast_model::policy::PolicySpec;
use holdfast_model::retention::{Candidate, Retention, foresee};
use holdfast_model::schedule::{ScheduleSpec, Zone};
use holdfast_model::{Id, SnapshotId, Time};
use jiff::{SignedDuration, Zoned};

use crate::actor::Actor;
use crate::answer::json;
use crate::body::Body;
use crate::failure::Failure;
use crate::server::Server;

/// So many snapshots are looked at.
const MOST_SNAPSHOTS: u32 = 2000;
/// So many runs are looked ahead: two years of nights.
const MOST_RUNS: usize = 730;

#[utoipa::path(
    post, path = "/api/v1/retention/preview", operation_id = "preview_retention",
    summary = "What a retention keeps",
    description = "Of the snapshots that a policy has made of a client, or of snapshots that are made up by a schedule: which \
                   stay and why, which go at once, and when the others go if backups go on as planned. Nothing is removed.",
    request_body = RetentionPreview,
    responses((status = 200, description = "What becomes of each snapshot.", body = RetentionForecast))
)]
pub(crate) async fn preview(
    _: Actor,
    State(server): State<Server>,
    Body(draft): Body<RetentionPreview>,
) -> Result<Response, Failure> {
    let asked = Asked::read(&server, draft).await?;
    let now = server.timestamp();
    let runs = asked.schedule.iter().flat_map(|schedule| {
        let zone = asked.zone.time_zone().clone();
        schedule.times_after(now.to_time()).take(MOST_RUNS).map(move |at| at.to_zoned(zone.clone()))
    });
    let is_made_up = asked.is_made_up;
    // Years of snapshots take their time.
    let runs: Vec<Zoned> = runs.collect();
    let (retention, candidates) = (asked.retention.clone(), asked.candidates);
    let foreseen = tokio::task::spawn_blocking(move || foresee(&retention, candidates, now, runs));
    let foreseen = foreseen.await.map_err(|error| Failure::internal(error.to_string()))?;
    let foreseen = foreseen.map_err(|error| Failure::field("retention", error.to_string()))?;
    let snapshots: Vec<ForeseenSnapshot> = foreseen
        .into_iter()
        .map(|one| ForeseenSnapshot {
            snapshot: Some(one.id).filter(|_| !is_made_up),
            time: one.time.timestamp(),
            reasons: one.reasons.iter().map(ToString::to_string).collect(),
            goes: one.goes,
        })
        .collect();
    let kept = snapshots.iter().filter(|one| !one.reasons.is_empty()).count() as u32;
    let removed = snapshots.len() as u32 - kept;
    let forecast = RetentionForecast { in_words: asked.retention.to_string(), kept, removed, snapshots };
    Ok(json(StatusCode::OK, &forecast))
}

/// What is to be foreseen.
struct Asked {
    retention: Retention,
    schedule: Option<ScheduleSpec>,
    zone: Zone,
    candidates: Vec<Candidate>,
    is_made_up: bool,
}

impl Asked {
    async fn read(server: &Server, draft: RetentionPreview) -> Result<Self, Failure> {
        let mut reader = server.database().read_at_one_time().await?;
        let settings = reader.settings().await?;
        let policy = match draft.policy {
            Some(uid) => Some(reader.object::<PolicySpec>(uid).await?),
            None => None,
        };
        let mut schedule = match policy.as_ref().and_then(|policy| Some((policy.tenant, policy.spec.schedule.clone()?)))
        {
            Some((tenant, name)) => Some(reader.object_named::<ScheduleSpec>(tenant, &name).await?.spec),
            None => None,
        };
        let zone = draft.time_zone.or_else(|| Some(schedule.as_ref()?.time_zone.clone()));
        let zone = zone.unwrap_or(settings.time_zone);
        if let Some(cron) = draft.cron {
            schedule = Some(drafted(cron, &zone));
        }
        let own = policy.as_ref().and_then(|policy| policy.spec.retention.clone());
        let retention = draft.retention.or(own).unwrap_or(settings.retention);
        let now = server.now();
        let candidates = match (draft.client, &policy) {
            (Some(client), Some(policy)) => {
                let query = SnapshotQuery {
                    client: Some(client),
                    policy: Some(policy.uid),
                    limit: MOST_SNAPSHOTS,
                    ..SnapshotQuery::default()
                };
                let found = reader.snapshots(&query).await?;
                found.into_iter().map(|one| candidate(one.id, one.at, &zone, one.details.tags)).collect()
            }
            (Some(_), None) => return Err(Failure::field("policy", "say by which policy too")),
            (None, _) => made_up(schedule.as_ref(), draft.days, now, &zone)?,
        };
        Ok(Self { retention, schedule, zone, candidates, is_made_up: draft.client.is_none() })
    }
}

fn drafted(cron: holdfast_model::schedule::Cron, zone: &Zone) -> ScheduleSpec {
    let name = "draft".parse().expect("it is a good name");
    ScheduleSpec { name, cron, time_zone: zone.clone(), jitter_seconds: 0, enabled: true }
}

/// One snapshot for each time at which a schedule was due.
fn made_up(schedule: Option<&ScheduleSpec>, days: u32, now: Time, zone: &Zone) -> Result<Vec<Candidate>, Failure> {
    if !(1..=3660).contains(&days) {
        return Err(Failure::field("days", "it must be a whole number from 1 to 3660"));
    }
    let Some(schedule) = schedule else {
        let message = "say when snapshots are made, as 30 2 * * *, or name a client and a policy that has some";
        return Err(Failure::field("cron", message));
    };
    let from = now.checked_sub(SignedDuration::from_hours(i64::from(days) * 24)).unwrap_or(Time::MIN);
    let times: Vec<Time> =
        schedule.times_after(from).take_while(|at| *at <= now).take(MOST_SNAPSHOTS as usize + 1).collect();
    if times.len() > MOST_SNAPSHOTS as usize {
        let message = format!("that would be more than {MOST_SNAPSHOTS} snapshots: look back fewer days");
        return Err(Failure::field("days", message));
    }
    let id = |number: u64| {
        let mut bytes = [0; Id::LEN];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        SnapshotId::from(Id::new(bytes))
    };
    Ok((1..).zip(times).map(|(number, at)| candidate(id(number), at, zone, Vec::new())).collect())
}

fn candidate(id: SnapshotId, at: Time, zone: &Zone, tags: Vec<String>) -> Candidate {
    let time: Zoned = at.to_zoned(zone.time_zone().clone());
    Candidate { id, time, host: String::new(), paths: Vec::new(), tags }
}
