//! How each client stands with each policy: when its newest snapshot was begun, and why the newest backup failed, as long as
//! none has ended well since.
//!
//! It follows from the snapshots that are kept, and is written with each of them, so that it costs the same to read however
//! many are kept. Of two who note snapshots of the same pair at once, the second waits for the first.

use std::collections::HashMap;

use holdfast_model::job::Cause;
use holdfast_model::{ClientUid, PolicyUid, Time};

use crate::codec::{Columns, micros};
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};
use crate::snapshots::KnownSnapshot;
use crate::statement::Statement;

/// How a client stands with a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastBackup {
    /// When the newest snapshot was begun.
    pub newest: Option<Time>,
    /// When the newest backup failed, and why, if none has ended well since.
    pub failed: Option<(Time, Cause)>,
}

/// How clients stand with policies.
pub type LastBackups = HashMap<PolicyUid, HashMap<ClientUid, LastBackup>>;

/// Whose snapshots: of a client by a policy.
pub(crate) type Pair = (ClientUid, PolicyUid);

impl Writer {
    /// Notes that a backup failed, or with no cause that it ended well.
    pub async fn note_end(
        &mut self,
        client: ClientUid,
        policy: PolicyUid,
        at: Time,
        cause: Option<Cause>,
    ) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO last_backups (policy, client, failed, cause) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (policy, client) DO UPDATE SET failed = $3, cause = $4",
        )
        .bind(policy.to_string())
        .bind(client.to_string())
        .bind(cause.map(|_| micros(at)))
        .bind(cause.map(Cause::as_str))
        .execute(self.sql())
        .await
        .during("noting how a backup ended")
        .map(drop)
    }

    /// A snapshot has come: it may be the newest.
    pub(crate) async fn note_newest(&mut self, (client, policy): Pair, at: Time) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO last_backups (policy, client, newest) VALUES ($1, $2, $3) ON CONFLICT (policy, client) DO UPDATE \
             SET newest = CASE WHEN last_backups.newest > $3 THEN last_backups.newest ELSE $3 END",
        )
        .bind(policy.to_string())
        .bind(client.to_string())
        .bind(micros(at))
        .execute(self.sql())
        .await
        .during("noting the newest snapshot")
        .map(drop)
    }

    /// Keeps others from noting snapshots of a pair until this transaction ends: what they note is not seen before.
    pub(crate) async fn lock_newest(&mut self, (client, policy): Pair) -> Result<(), DbError> {
        sqlx::query("UPDATE last_backups SET newest = newest WHERE policy = $1 AND client = $2")
            .bind(policy.to_string())
            .bind(client.to_string())
            .execute(self.sql())
            .await
            .during("locking the newest snapshot")
            .map(drop)
    }

    /// A snapshot of a locked pair has gone, or is another's: looks again which is the newest.
    pub(crate) async fn find_newest(&mut self, (client, policy): Pair) -> Result<(), DbError> {
        sqlx::query(
            "UPDATE last_backups SET newest = (SELECT MAX(at) FROM snapshots WHERE client = $2 AND policy = $1) \
             WHERE policy = $1 AND client = $2",
        )
        .bind(policy.to_string())
        .bind(client.to_string())
        .execute(self.sql())
        .await
        .during("looking for the newest snapshot")
        .map(drop)
    }

    /// An object goes: with a repository its snapshots, and nobody asks how a client or a policy stands that is not there.
    pub(crate) async fn forget_last_backups_of(&mut self, uid: &str) -> Result<(), DbError> {
        let statements = [
            "DELETE FROM last_backups WHERE policy = $1 OR client = $1",
            "UPDATE last_backups SET newest = (SELECT MAX(at) FROM snapshots \
             WHERE snapshots.client = last_backups.client AND snapshots.policy = last_backups.policy \
             AND snapshots.repository <> $1) WHERE (policy, client) IN (SELECT policy, client FROM snapshots WHERE repository = $1)",
        ];
        for statement in statements {
            sqlx::query(statement).bind(uid.to_owned()).execute(self.sql()).await.during("forgetting last backups")?;
        }
        Ok(())
    }
}

impl KnownSnapshot {
    /// Whose it is, if that is known.
    pub(crate) fn pair(&self) -> Option<Pair> {
        Some((self.client?, self.policy?))
    }
}

impl Reader {
    /// How each client, or one, stands with each policy that has ever run for it.
    pub async fn last_backups(&mut self, client: Option<ClientUid>) -> Result<LastBackups, DbError> {
        // One row a policy: to be handed a row takes longer than to find it.
        let mut statement = Statement::new(
            "SELECT policy, string_agg(client || ' ' || COALESCE(CAST(newest AS TEXT), '') || ' ' || \
             COALESCE(CAST(failed AS TEXT), '') || ' ' || COALESCE(cause, ''), ',') AS clients FROM last_backups",
        );
        if let Some(client) = client {
            statement.and("client = ").bind(client.to_string());
        }
        statement.push(" GROUP BY policy");
        let rows = statement.query().fetch_all(self.sql()).await.during("looking for the last backups")?;
        let of_policy = |row| {
            let columns = Columns { table: "last_backups", row };
            let read = |text: &str| client_and_last(text).ok_or_else(|| columns.corrupt("client", text));
            let clients = columns.text("clients")?.split(',').map(read).collect::<Result<_, _>>()?;
            Ok((columns.parsed("policy")?, clients))
        };
        rows.iter().map(of_policy).collect()
    }
}

fn client_and_last(text: &str) -> Option<(ClientUid, LastBackup)> {
    let mut words = text.split(' ');
    let client = words.next()?.parse().ok()?;
    let mut time = || match words.next()? {
        "" => Some(None),
        micros => Some(Some(Time::from_microsecond(micros.parse().ok()?).ok()?)),
    };
    let (newest, failed) = (time()?, time()?);
    let cause = words.next()?;
    let failed = match failed {
        None => None,
        Some(at) => Some((at, *Cause::ALL.iter().find(|known| known.as_str() == cause)?)),
    };
    Some((client, LastBackup { newest, failed }))
}
