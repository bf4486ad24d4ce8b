//! Wakes whoever waits for something to happen, in this process and, with PostgreSQL, in all others.
//!
//! Two things go over it: that there are new events, which stand in the database and are read there; and passing words, such
//! as how far a job is, which are kept nowhere and may get lost. Nobody may rely on hearing anything: what must be seen is
//! looked for from time to time as well.

use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, watch};

use crate::database::Database;
use crate::error::{DbError, During};

/// The channels of PostgreSQL.
pub(crate) const EVENTS: &str = "holdfast_events";
pub(crate) const PASSING: &str = "holdfast_passing";
/// PostgreSQL carries no longer words.
const LONGEST: usize = 7000;
/// So many passing words are held for a listener that is slow.
const HELD: usize = 1024;

/// Carries what happens to those who listen.
#[derive(Debug)]
pub(crate) struct Bus {
    events: watch::Sender<u64>,
    passing: broadcast::Sender<String>,
}

impl Bus {
    pub(crate) fn new() -> Self {
        Self { events: watch::Sender::new(0), passing: broadcast::Sender::new(HELD) }
    }

    /// There are events up to this number.
    pub(crate) fn events_until(&self, number: u64) {
        self.events.send_if_modified(|newest| {
            let is_newer = number > *newest;
            *newest = number.max(*newest);
            is_newer
        });
    }

    fn pass_on(&self, words: String) {
        // Nobody may be listening.
        let _ = self.passing.send(words);
    }
}

impl Database {
    /// Changes whenever there are new events: the number of the newest that is known.
    pub fn watch_events(&self) -> watch::Receiver<u64> {
        self.bus.events.subscribe()
    }

    /// Hears passing words from now on.
    pub fn listen(&self) -> broadcast::Receiver<String> {
        self.bus.passing.subscribe()
    }

    /// Says something to whoever listens now. It may get lost.
    pub async fn say(&self, words: String) -> Result<(), DbError> {
        if self.is_shared() {
            if words.len() <= LONGEST {
                let query = sqlx::query("SELECT pg_notify($1, $2)").bind(PASSING).bind(words);
                query.execute(self.pool()).await.during("telling how far a job is")?;
            }
        } else {
            self.bus.pass_on(words);
        }
        Ok(())
    }

    /// Hears what other processes say, until the connection breaks. Whoever calls it calls it again then. Without other
    /// processes there is nothing to hear, and it never ends.
    pub async fn hear_others(&self) -> Result<(), DbError> {
        let Some(address) = self.shared_address() else { return std::future::pending().await };
        let mut listener = PgListener::connect(address).await.during("listening to others")?;
        listener.listen_all([EVENTS, PASSING]).await.during("listening to others")?;
        loop {
            let heard = listener.recv().await.during("listening to others")?;
            match heard.channel() {
                EVENTS => self.bus.events_until(heard.payload().parse().unwrap_or(0)),
                _ => self.bus.pass_on(heard.payload().to_owned()),
            }
        }
    }
}
