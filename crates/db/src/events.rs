//! What happened, numbered without gaps: whoever has seen a number has seen all before it.
//!
//! Numbers are given out one transaction after another. A sequence of the database would do it faster, but could show a
//! number before a lower one.

use holdfast_model::{TenantUid, Time};

use crate::codec::{Columns, json, micros};
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When.
    pub at: Time,
    /// What it is about, as `job` or `client`.
    pub topic: String,
    /// Whose it is.
    pub tenant: TenantUid,
    /// The id of what it happened to.
    pub subject: String,
    /// All that is to be told.
    pub body: serde_json::Value,
}

/// Something that happened, with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number.
    pub number: u64,
    /// What happened.
    pub event: NewEvent,
}

impl Writer {
    /// Notes that something happened. Gives back its number.
    pub async fn add_event(&mut self, event: &NewEvent) -> Result<u64, DbError> {
        // The row is locked until this transaction ends: nobody else gets a number meanwhile.
        let row = sqlx::query(
            "INSERT INTO counters (name, value) VALUES ('events', 1) \
             ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value",
        )
        .fetch_one(self.sql())
        .await
        .during("numbering an event")?;
        let number = Columns { table: "counters", row: &row }.integer("value")?;
        sqlx::query("INSERT INTO events (number, at, topic, tenant, subject, body) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(number)
            .bind(micros(event.at))
            .bind(event.topic.clone())
            .bind(event.tenant.to_string())
            .bind(event.subject.clone())
            .bind(json(&event.body))
            .execute(self.sql())
            .await
            .during("keeping an event")?;
        self.told = number as u64;
        Ok(number as u64)
    }

    /// Forgets events from before this time. Gives back how many.
    pub async fn forget_events(&mut self, before: Time) -> Result<u64, DbError> {
        let done = sqlx::query("DELETE FROM events WHERE at < $1")
            .bind(micros(before))
            .execute(self.sql())
            .await
            .during("forgetting old events")?;
        Ok(done.rows_affected())
    }
}

impl Reader {
    /// Events after this number, at most so many.
    pub async fn events_after(&mut self, number: u64, limit: u32) -> Result<Vec<Event>, DbError> {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let rows = sqlx::query(
            "SELECT number, at, topic, tenant, subject, body FROM events WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(number)
        .bind(i64::from(limit))
        .fetch_all(self.sql())
        .await
        .during("reading events")?;
        rows.iter().map(|row| event(&Columns { table: "events", row })).collect()
    }

    /// The numbers of the oldest event that is kept and of the newest that ever was; 0 where there is none.
    pub async fn event_numbers(&mut self) -> Result<(u64, u64), DbError> {
        let row = sqlx::query(
            "SELECT COALESCE((SELECT MIN(number) FROM events), 0) AS oldest, \
             COALESCE((SELECT value FROM counters WHERE name = 'events'), 0) AS newest",
        )
        .fetch_one(self.sql())
        .await
        .during("reading events")?;
        let columns = Columns { table: "events", row: &row };
        Ok((columns.number("oldest")?, columns.number("newest")?))
    }
}

fn event(columns: &Columns<'_>) -> Result<Event, DbError> {
    let event = NewEvent {
        at: columns.time("at")?,
        topic: columns.text("topic")?,
        tenant: columns.parsed("tenant")?,
        subject: columns.text("subject")?,
        body: columns.document("body")?,
    };
    Ok(Event { number: columns.number("number")?, event })
}
