//! The clock that all processes over one database go by: the database's, carried on by the machine's own.
//!
//! Leases say until when a job is somebody's. Two machines whose clocks differ by more than a lease would take each other's
//! jobs, so neither goes by its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_db::{Database, DbError};
use holdfast_model::{Clock, Time, Timestamp};
use jiff::SignedDuration;
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::drive::Journal;

/// So often the database is asked: well within a lease.
const ASK: Duration = Duration::from_secs(5);
/// What comes from the way of question and answer moves no clock: it would go back and forth.
const SAME: SignedDuration = SignedDuration::from_millis(250);
/// An answer that took longer says too little.
const SLOW: Duration = Duration::from_secs(2);
/// Somebody should know of a machine's clock that is wrong by more.
const WRONG: SignedDuration = SignedDuration::from_secs(5);

/// What the database's clock showed when it was asked last, carried on by the machine's monotonic time: whoever sets the
/// machine's clock moves nothing here.
pub struct DatabaseClock {
    own: Arc<dyn Clock>,
    seen: Mutex<Option<(Time, Instant)>>,
}

impl DatabaseClock {
    /// Asks a database that other processes share what time it is; a database of this process alone has no other clock.
    pub async fn over(own: Arc<dyn Clock>, database: &Database) -> Result<Arc<Self>, DbError> {
        let clock = Arc::new(Self { own, seen: Mutex::new(None) });
        clock.ask(database).await?;
        Ok(clock)
    }

    /// By how much the database's clock is ahead of the machine's.
    pub fn ahead(&self) -> SignedDuration {
        self.now().to_time().duration_since(self.own.now().to_time())
    }

    /// Asks again and again until `stop`, and notes when the machine's clock is found to be wrong.
    pub async fn follow(&self, database: &Database, journal: &dyn Journal, stop: impl Future<Output = ()>) {
        let mut asks = interval(ASK);
        asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_noted = false;
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                // Whether the database answers is told by those who want something of it.
                _ = asks.tick() => drop(self.ask(database).await),
            }
            let ahead = self.ahead().abs();
            if ahead > WRONG && !is_noted {
                journal.note(&format!(
                    "this machine's clock differs from the database's by {} seconds: the database's is gone by; set this \
                     one right, for instance with chrony",
                    ahead.as_secs()
                ));
            }
            is_noted = ahead > WRONG;
        }
    }

    /// Asks once.
    pub async fn ask(&self, database: &Database) -> Result<(), DbError> {
        let asked = self.own.instant();
        let Some(theirs) = database.time().await? else { return Ok(()) };
        let took = self.own.instant().saturating_duration_since(asked);
        let seen = (theirs, asked + took / 2);
        let mut before = self.seen.lock();
        // A slow answer says too little, but more than none.
        let differs = |now: Time| took <= SLOW && (seen.0.duration_since(now)).abs() > SAME;
        if before.is_none_or(|before| differs(carried_on(before, seen.1))) {
            *before = Some(seen);
        }
        Ok(())
    }
}

fn carried_on((time, since): (Time, Instant), instant: Instant) -> Time {
    time.checked_add(instant.saturating_duration_since(since)).unwrap_or(time)
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        match *self.seen.lock() {
            Some(seen) => Timestamp::from(carried_on(seen, self.own.instant())),
            None => self.own.now(),
        }
    }

    fn instant(&self) -> Instant {
        self.own.instant()
    }
}

impl std::fmt::Debug for DatabaseClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseClock").field("seen", &*self.seen.lock()).finish_non_exhaustive()
    }
}
