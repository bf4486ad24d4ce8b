//! Leases: of all servers and workers, one at a time does what only one may do.

use holdfast_model::Time;
use holdfast_model::job::Job;

use crate::codec::micros;
use crate::connection::Writer;
use crate::database::Engine;
use crate::error::{DbError, During};

impl Writer {
    /// Takes a lease, or keeps it, until a time. Gives back whether it is the holder's now: not if somebody else's has not run
    /// out yet.
    pub async fn hold(&mut self, name: &str, holder: &str, now: Time, until: Time) -> Result<bool, DbError> {
        let done = sqlx::query(
            "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $4) ON CONFLICT (name) DO UPDATE \
             SET holder = $2, until = $4 WHERE leases.holder = $2 OR leases.until < $3 OR leases.until > $5",
        )
        .bind(name.to_owned())
        .bind(holder.to_owned())
        .bind(micros(now))
        .bind(micros(until))
        // Whoever has it for so much longer has written that by a clock that was ahead.
        .bind(micros(until.checked_add(Job::LONGEST_LEASE).unwrap_or(Time::MAX)))
        .execute(self.sql())
        .await
        .during("taking a lease")?;
        Ok(done.rows_affected() > 0)
    }

    /// Gives a lease back.
    pub async fn let_go(&mut self, name: &str, holder: &str) -> Result<(), DbError> {
        sqlx::query("DELETE FROM leases WHERE name = $1 AND holder = $2")
            .bind(name.to_owned())
            .bind(holder.to_owned())
            .execute(self.sql())
            .await
            .during("giving a lease back")
            .map(drop)
    }

    /// Waits until this transaction alone decides which jobs begin. It stays so until the transaction ends.
    pub async fn lock_queue(&mut self) -> Result<(), DbError> {
        // SQLite has one transaction that writes.
        if self.engine() == Engine::Postgres {
            sqlx::query(
                "INSERT INTO leases (name, holder, until) VALUES ('queue', '', 0) \
                         ON CONFLICT (name) DO UPDATE SET holder = ''",
            )
            .execute(self.sql())
            .await
            .during("locking the queue")?;
        }
        Ok(())
    }
}
