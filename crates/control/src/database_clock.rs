//! The clock that all processes over one database go by: the database's, carried on by the machine's own.
//!
//! Leases say until when a job is somebody's. Two machines whose clocks differ by more than a lease would take each other's
//! jobs, so neither goes by its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use holdfast_db::{Database, DbError};
use holdfast_model::{Clock, Timestamp};
use jiff::SignedDuration;
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

/// The machine's clock, moved by what the database's is ahead of it.
pub struct DatabaseClock {
    own: Arc<dyn Clock>,
    /// Microseconds.
    ahead: AtomicI64,
}

impl DatabaseClock {
    /// Asks a database that other processes share what time it is; a database of this process alone has no other clock.
    pub async fn over(own: Arc<dyn Clock>, database: &Database) -> Result<Arc<Self>, DbError> {
        let clock = Arc::new(Self { own, ahead: AtomicI64::new(0) });
        clock.ask(database).await?;
        Ok(clock)
    }

    /// By how much the database's clock is ahead of the machine's.
    pub fn ahead(&self) -> SignedDuration {
        SignedDuration::from_micros(self.ahead.load(Ordering::Relaxed))
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
            let is_wrong = self.ahead().abs() > WRONG;
            if is_wrong && !is_noted {
                journal.note(&format!(
                    "this machine's clock differs from the database's by {} seconds: the database's is gone by; set this \
                     one right, for instance with chrony",
                    self.ahead().abs().as_secs()
                ));
            }
            is_noted = is_wrong;
        }
    }

    /// Asks once.
    pub async fn ask(&self, database: &Database) -> Result<(), DbError> {
        let (asked, began) = (self.own.now().to_time(), self.own.instant());
        let Some(theirs) = database.time().await? else { return Ok(()) };
        let took = passed(&*self.own, began);
        if took > SLOW {
            return Ok(());
        }
        let ours = asked.checked_add(took / 2).unwrap_or(asked);
        let ahead = theirs.duration_since(ours);
        if (ahead - self.ahead()).abs() > SAME {
            // A clock that is ahead by more than this number can say shows no time that could be kept.
            let micros = i64::try_from(ahead.as_micros()).unwrap_or(0);
            self.ahead.store(micros, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn passed(clock: &dyn Clock, since: Instant) -> Duration {
    clock.instant().saturating_duration_since(since)
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        let own = self.own.now();
        match own.to_time().checked_add(self.ahead()) {
            Ok(time) => Timestamp::from(time),
            Err(_) => own,
        }
    }

    fn instant(&self) -> Instant {
        self.own.instant()
    }
}

impl std::fmt::Debug for DatabaseClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseClock").field("ahead", &self.ahead()).finish_non_exhaustive()
    }
}
