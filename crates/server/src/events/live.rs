//! One WebSocket, from its hello to its end.
//!
//! Whoever does not read fast enough gets fewer words about progress, but all events; whoever does not read at all is left.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use holdfast_api::Told;
use holdfast_db::DbError;
use holdfast_model::job::JobProgress;
use holdfast_model::{JobUid, TenantUid};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{interval, timeout};

use super::{Wanted, begin, message, read};
use crate::log::shown as shown_line;
use crate::server::Server;

/// So often it is seen whether somebody is still there.
const BEAT: Duration = Duration::from_secs(20);
/// So long somebody may take to read.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines of a log that are told at once.
const LINES: u32 = 500;

/// Why it ended.
enum Left {
    /// Whoever listened is gone, or does not read.
    Gone,
    /// The database does not answer: whoever listened comes back.
    Database,
}

impl From<DbError> for Left {
    fn from(_: DbError) -> Self {
        Self::Database
    }
}

/// Tells until somebody leaves.
pub(super) async fn tell(server: Server, wanted: Wanted, after: Option<u64>, socket: WebSocket) {
    let mut teller = Teller { server, wanted, socket, after: 0, next_line: 1 };
    if matches!(teller.run(after).await, Err(Left::Database)) {
        let _ = teller.socket.send(Message::Close(None)).await;
    }
}

struct Teller {
    server: Server,
    wanted: Wanted,
    socket: WebSocket,
    /// What was told up to this number.
    after: u64,
    /// The next line of the log that is wanted.
    next_line: u64,
}

/// Words that pass.
#[derive(Deserialize)]
struct Passing {
    topic: String,
    #[serde(default)]
    tenant: Option<TenantUid>,
    job: JobUid,
    #[serde(default)]
    progress: JobProgress,
}

impl Teller {
    async fn run(&mut self, after: Option<u64>) -> Result<(), Left> {
        // Before anything is read: what happens meanwhile is heard of.
        let mut events = self.server.database().watch_events();
        let mut passing = self.server.database().listen();
        let begun = begin(&mut self.server.database().read().await?, after).await?;
        self.after = begun.after;
        self.send(&Told::Hello { newest: begun.newest, is_incomplete: begun.is_incomplete }).await?;
        let mut beat = interval(BEAT);
        self.tell_events().await?;
        self.tell_log().await?;
        loop {
            tokio::select! {
                changed = events.changed() => {
                    changed.map_err(|_| Left::Gone)?;
                    self.tell_events().await?;
                }
                words = passing.recv() => match words {
                    Ok(words) => self.pass_on(&words).await?,
                    Err(RecvError::Lagged(_)) => self.tell_log().await?,
                    Err(RecvError::Closed) => return Err(Left::Gone),
                },
                _ = beat.tick() => {
                    self.put(Message::Ping(Vec::new().into())).await?;
                    // Another process may not have been heard.
                    self.tell_events().await?;
                    self.tell_log().await?;
                }
                heard = self.socket.recv() => match heard {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Left::Gone),
                    // Nothing that is said here is understood, and nothing of it matters.
                    Some(Ok(_)) => {}
                },
            }
        }
    }

    /// Tells all that has happened.
    async fn tell_events(&mut self) -> Result<(), Left> {
        loop {
            let mut reader = self.server.database().read().await?;
            let (events, last) = read(&mut reader, &self.wanted, self.after).await?;
            drop(reader);
            for event in events {
                self.send(&Told::Event(event)).await?;
            }
            if std::mem::replace(&mut self.after, last) == last {
                return Ok(());
            }
        }
    }

    /// Tells all that stands in the log that is wanted.
    async fn tell_log(&mut self) -> Result<(), Left> {
        let Some(job) = self.wanted.log else { return Ok(()) };
        loop {
            let lines = self.server.database().read().await?.log(job, self.next_line, LINES).await?;
            let Some((last, _)) = lines.last() else { return Ok(()) };
            self.next_line = last + 1;
            let lines = lines.into_iter().map(|(number, line)| shown_line(number, line)).collect();
            self.send(&Told::Log { job, lines }).await?;
        }
    }

    async fn pass_on(&mut self, words: &str) -> Result<(), Left> {
        let Ok(passing) = serde_json::from_str::<Passing>(words) else { return Ok(()) };
        match passing.topic.as_str() {
            "log" if self.wanted.log == Some(passing.job) => self.tell_log().await,
            "progress" if self.wanted.progress(passing.tenant) => {
                self.send(&Told::Progress { job: passing.job, progress: passing.progress }).await
            }
            _ => Ok(()),
        }
    }

    async fn send(&mut self, told: &Told) -> Result<(), Left> {
        self.put(Message::Text(message(told).into())).await
    }

    async fn put(&mut self, message: Message) -> Result<(), Left> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Left::Gone),
        }
    }
}
