//! What happens, told to those who watch: over a WebSocket as it happens, or as a list of what has happened.
//!
//! Events are read from the database by their numbers, so that none is missed however slow or broken the connection was.
//! What passes, as how far a job is, is told if there is time for it.

mod live;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Event, EventList, Told};
use holdfast_db::{DbError, Reader};
use holdfast_model::{JobUid, TenantUid};

use crate::actor::Actor;
use crate::answer::json;
use crate::failure::Failure;
use crate::query::Query;
use crate::server::Server;

/// The last number that every reader of JSON can tell from its neighbours.
const LAST: u64 = (1 << 53) - 1;
/// So many events are read at once.
const AT_ONCE: u32 = 500;

/// All that is told of.
const TOPICS: [&str; 10] =
    ["job", "progress", "snapshot", "tenant", "client", "repository", "schedule", "policy", "setting", "secret"];

/// What somebody wants to hear of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// These topics; all, if there are none.
    topics: Vec<&'static str>,
    tenant: Option<TenantUid>,
    /// The job whose log is wanted too, from this line on.
    log: Option<JobUid>,
}

impl Wanted {
    fn topic(&self, topic: &str) -> bool {
        self.topics.is_empty() || self.topics.contains(&topic)
    }

    /// Whether progress of a job of this tenant is wanted.
    fn progress(&self, of: Option<TenantUid>) -> bool {
        self.topic("progress") && self.tenant.is_none_or(|tenant| of == Some(tenant))
    }

    fn wants(&self, event: &holdfast_db::NewEvent) -> bool {
        self.topic(&event.topic) && self.tenant.is_none_or(|tenant| tenant == event.tenant)
    }
}

#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "watch_events", summary = "Watch what happens",
    description = "As a WebSocket: each message is one of what Told describes; first a hello, then all events after the number \
                   that was given, then each as it happens, and how far jobs are, a few times a second. Come back with the \
                   last number after a broken connection. Without an upgrade: a list of what has happened.",
    params(
        ("after" = Option<u64>, Query, description = "The number of the last event that is known; only what comes from now on, if nothing is said.", minimum = 0, maximum = 9007199254740991i64),
        ("topic" = Option<Vec<String>>, Query, style = Form, explode, description = "Only these: job, progress, snapshot, tenant, client, repository, schedule, policy, setting, secret; can be given several times."),
        ("tenant" = Option<String>, Query, format = "uuid", description = "Only what is this tenant's."),
        ("log" = Option<String>, Query, format = "uuid", description = "Over a WebSocket, the lines of this job's log too.")
    ),
    responses(
        (status = 101, description = "The WebSocket."),
        (status = 200, description = "What has happened.", body = EventList)
    )
)]
pub(crate) async fn watch(
    _: Actor,
    State(server): State<Server>,
    RawQuery(raw): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &["after", "topic", "tenant", "log"])?;
    let topics = query.words("topic", &TOPICS, |topic| topic)?;
    let wanted = Wanted { topics, tenant: query.one("tenant")?, log: query.one("log")? };
    let after = query.number("after", 0, LAST)?;
    if let Ok(upgrade) = upgrade {
        let upgrade = upgrade.max_message_size(64 << 10).max_frame_size(64 << 10);
        return Ok(upgrade.on_upgrade(move |socket| live::tell(server, wanted, after, socket)));
    }
    let mut reader = server.database().read_at_one_time().await?;
    let Begun { after, is_incomplete, .. } = begin(&mut reader, after).await?;
    let (events, last) = read(&mut reader, &wanted, after).await?;
    Ok(json(StatusCode::OK, &EventList { events, last, is_incomplete }))
}

/// Where telling begins.
struct Begun {
    /// What comes after this number is told.
    after: u64,
    newest: u64,
    /// Whether some of what is wanted is no longer kept.
    is_incomplete: bool,
}

async fn begin(reader: &mut Reader, after: Option<u64>) -> Result<Begun, DbError> {
    let (oldest, newest) = reader.event_numbers().await?;
    let Some(after) = after.map(|after| after.min(newest)) else {
        return Ok(Begun { after: newest, newest, is_incomplete: false });
    };
    let first_kept = if oldest == 0 { newest + 1 } else { oldest };
    Ok(Begun { after, newest, is_incomplete: after + 1 < first_kept })
}

/// The next events that are wanted, and the number up to which was looked.
async fn read(reader: &mut Reader, wanted: &Wanted, after: u64) -> Result<(Vec<Event>, u64), DbError> {
    let found = reader.events_after(after, AT_ONCE).await?;
    let last = found.last().map_or(after, |event| event.number);
    let events = found.into_iter().filter(|event| wanted.wants(&event.event)).map(shown).collect();
    Ok((events, last))
}

fn shown(holdfast_db::Event { number, event }: holdfast_db::Event) -> Event {
    let holdfast_db::NewEvent { at, topic, tenant, subject, body } = event;
    Event { number, at, topic, tenant, subject, body }
}

fn message(told: &Told) -> String {
    serde_json::to_string(told).expect("what is told has text for keys")
}
