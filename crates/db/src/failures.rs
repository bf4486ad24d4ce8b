//! Why the newest backup of a client by a policy failed, as long as none has ended well since.

use std::collections::BTreeMap;

use holdfast_model::job::Cause;
use holdfast_model::{ClientUid, PolicyUid, Time};

use crate::codec::{Columns, micros};
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};

impl Writer {
    /// Notes that a backup failed, or with no cause that it ended well.
    pub async fn note_end(
        &mut self,
        client: ClientUid,
        policy: PolicyUid,
        at: Time,
        cause: Option<Cause>,
    ) -> Result<(), DbError> {
        let query = match cause {
            Some(cause) => sqlx::query(
                "INSERT INTO failures (client, policy, at, cause) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (client, policy) DO UPDATE SET at = $3, cause = $4",
            )
            .bind(client.to_string())
            .bind(policy.to_string())
            .bind(micros(at))
            .bind(cause.as_str()),
            None => sqlx::query("DELETE FROM failures WHERE client = $1 AND policy = $2")
                .bind(client.to_string())
                .bind(policy.to_string()),
        };
        query.execute(self.sql()).await.during("noting how a backup ended").map(drop)
    }
}

impl Reader {
    /// When the newest backup of each client and policy failed, and why.
    pub async fn failures(&mut self) -> Result<BTreeMap<(ClientUid, PolicyUid), (Time, Cause)>, DbError> {
        let rows = sqlx::query("SELECT client, policy, at, cause FROM failures").fetch_all(self.sql()).await;
        let failure = |row| {
            let columns = Columns { table: "failures", row };
            let cause = columns.word("cause", &Cause::ALL, Cause::as_str)?;
            Ok(((columns.parsed("client")?, columns.parsed("policy")?), (columns.time("at")?, cause)))
        };
        rows.during("reading how backups failed")?.iter().map(failure).collect()
    }
}
