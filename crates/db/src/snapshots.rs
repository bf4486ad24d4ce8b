//! Snapshots that were seen in repositories. They are what protects a client; jobs only tell how they came about.

use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, SnapshotId, TenantUid, Time};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::codec::{Columns, json, micros};
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};
use crate::statement::{Statement, containing};

/// A snapshot as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownSnapshot {
    /// Where it lies.
    pub repository: RepositoryUid,
    /// Its id.
    pub id: SnapshotId,
    /// Whose it is.
    pub tenant: TenantUid,
    /// The client that it is of, if that is known.
    pub client: Option<ClientUid>,
    /// The policy that made it, if one did.
    pub policy: Option<PolicyUid>,
    /// The job that made it, if one did.
    pub job: Option<JobUid>,
    /// When it was begun, by the clock of the server that made it.
    pub at: Time,
    /// Whether nothing was missing.
    pub complete: bool,
    /// The host that it is stamped with.
    pub hostname: String,
    /// What else it says of itself.
    pub details: SnapshotDetails,
}

/// What a snapshot says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SnapshotDetails {
    /// Its paths.
    pub paths: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Files in it.
    pub files: Option<u64>,
    /// Bytes of those.
    pub bytes: Option<u64>,
    /// Bytes that making it added to the repository.
    pub added: Option<u64>,
}

/// Which snapshots. All that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct SnapshotQuery {
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// In this repository.
    pub repository: Option<RepositoryUid>,
    /// Of this client.
    pub client: Option<ClientUid>,
    /// Made by this policy.
    pub policy: Option<PolicyUid>,
    /// Complete, or not.
    pub complete: Option<bool>,
    /// Of a host that has this in its name, in any case.
    pub hostname_contains: Option<String>,
    /// Begun at this time or later.
    pub since: Option<Time>,
    /// Begun before this time.
    pub until: Option<Time>,
    /// Whether the oldest come first.
    pub oldest_first: bool,
    /// Behind this one, in the list.
    pub after: Option<(Time, SnapshotId)>,
    /// At most so many.
    pub limit: u32,
}

pub(crate) const COLUMNS: &str = "repository, id, tenant, client, policy, job, at, complete, hostname, document";

impl Writer {
    /// Notes a snapshot that was seen, if it is not known: whoever made it knows more of it.
    pub async fn add_seen_snapshot(&mut self, snapshot: &KnownSnapshot) -> Result<(), DbError> {
        if self.insert_snapshot(snapshot, "NOTHING").await?
            && let Some(pair) = snapshot.pair()
        {
            self.note_newest(pair, snapshot.at).await?;
        }
        Ok(())
    }

    /// Notes a snapshot that was made.
    pub async fn add_snapshot(&mut self, snapshot: &KnownSnapshot) -> Result<(), DbError> {
        let update = "UPDATE SET tenant = $3, client = $4, policy = $5, job = $6, at = $7, complete = $8, hostname = $9, \
                      document = $10";
        let before = self.snapshot(snapshot.repository, snapshot.id).await?;
        let lost = before.as_ref().and_then(KnownSnapshot::pair).filter(|pair| snapshot.pair() != Some(*pair));
        if let Some(pair) = lost {
            self.lock_newest(pair).await?;
        }
        self.insert_snapshot(snapshot, update).await?;
        if let Some(pair) = snapshot.pair() {
            self.note_newest(pair, snapshot.at).await?;
        }
        match lost {
            Some(pair) => self.find_newest(pair).await,
            None => Ok(()),
        }
    }

    /// Tells whether it is there as it was given.
    async fn insert_snapshot(&mut self, snapshot: &KnownSnapshot, if_known: &'static str) -> Result<bool, DbError> {
        let insert = format!(
            "INSERT INTO snapshots ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (repository, id) DO {if_known}"
        );
        sqlx::query(AssertSqlSafe(insert))
            .bind(snapshot.repository.to_string())
            .bind(snapshot.id.to_string())
            .bind(snapshot.tenant.to_string())
            .bind(snapshot.client.map(|uid| uid.to_string()))
            .bind(snapshot.policy.map(|uid| uid.to_string()))
            .bind(snapshot.job.map(|uid| uid.to_string()))
            .bind(micros(snapshot.at))
            .bind(i64::from(snapshot.complete))
            .bind(snapshot.hostname.clone())
            .bind(json(&snapshot.details))
            .execute(self.sql())
            .await
            .during("noting a snapshot")
            .map(|done| done.rows_affected() > 0)
    }

    /// Notes that a snapshot is no longer there.
    pub async fn remove_snapshot(&mut self, repository: RepositoryUid, id: SnapshotId) -> Result<(), DbError> {
        let pair = self.snapshot(repository, id).await?.and_then(|known| known.pair());
        if let Some(pair) = pair {
            self.lock_newest(pair).await?;
        }
        sqlx::query("DELETE FROM snapshots WHERE repository = $1 AND id = $2")
            .bind(repository.to_string())
            .bind(id.to_string())
            .execute(self.sql())
            .await
            .during("noting that a snapshot is gone")?;
        match pair {
            Some(pair) => self.find_newest(pair).await,
            None => Ok(()),
        }
    }
}

impl Reader {
    /// Snapshots, the newest first.
    pub async fn snapshots(&mut self, query: &SnapshotQuery) -> Result<Vec<KnownSnapshot>, DbError> {
        let mut statement = Statement::new(&format!("SELECT {COLUMNS} FROM snapshots"));
        let ids = [
            ("tenant = ", query.tenant.map(|uid| uid.to_string())),
            ("repository = ", query.repository.map(|uid| uid.to_string())),
            ("client = ", query.client.map(|uid| uid.to_string())),
            ("policy = ", query.policy.map(|uid| uid.to_string())),
        ];
        for (condition, uid) in ids {
            if let Some(uid) = uid {
                statement.and(condition).bind(uid);
            }
        }
        if let Some(complete) = query.complete {
            statement.and("complete = ").bind(i64::from(complete));
        }
        if let Some(part) = &query.hostname_contains {
            statement.and("LOWER(hostname) LIKE ").bind(containing(part)).push(" ESCAPE '\\'");
        }
        for (condition, time) in [("at >= ", query.since), ("at < ", query.until)] {
            if let Some(time) = time {
                statement.and(condition).bind(micros(time));
            }
        }
        let (sign, direction) = if query.oldest_first { (">", "ASC") } else { ("<", "DESC") };
        if let Some((at, id)) = query.after {
            statement.and(&format!("(at, id) {sign} (")).bind(micros(at)).push(", ").bind(id.to_string()).push(")");
        }
        statement.push(&format!(" ORDER BY at {direction}, id {direction} LIMIT ")).bind(i64::from(query.limit));
        let rows = statement.query().fetch_all(self.sql()).await.during("listing snapshots")?;
        rows.iter().map(|row| snapshot(&Columns { table: "snapshots", row })).collect()
    }

    /// The snapshot of this id, if it was seen in that repository.
    pub async fn snapshot(
        &mut self,
        repository: RepositoryUid,
        id: SnapshotId,
    ) -> Result<Option<KnownSnapshot>, DbError> {
        let mut statement = Statement::new(&format!("SELECT {COLUMNS} FROM snapshots"));
        statement.and("repository = ").bind(repository.to_string()).and("id = ").bind(id.to_string());
        let row = statement.query().fetch_optional(self.sql()).await.during("looking for a snapshot")?;
        row.map(|row| snapshot(&Columns { table: "snapshots", row: &row })).transpose()
    }

    /// The ids of all snapshots in a repository.
    pub async fn snapshot_ids(&mut self, repository: RepositoryUid) -> Result<Vec<SnapshotId>, DbError> {
        let rows = sqlx::query("SELECT id FROM snapshots WHERE repository = $1 ORDER BY id")
            .bind(repository.to_string())
            .fetch_all(self.sql())
            .await
            .during("listing snapshots")?;
        rows.iter().map(|row| Columns { table: "snapshots", row }.parsed("id")).collect()
    }

    /// Bytes that the snapshots of a client added to a repository, as far as they say.
    pub async fn bytes_added(&mut self, repository: RepositoryUid, client: ClientUid) -> Result<u64, DbError> {
        let rows = sqlx::query("SELECT document FROM snapshots WHERE client = $1 AND repository = $2")
            .bind(client.to_string())
            .bind(repository.to_string())
            .fetch_all(self.sql())
            .await
            .during("adding up what snapshots have added")?;
        rows.iter().try_fold(0_u64, |sum, row| {
            let details: SnapshotDetails = Columns { table: "snapshots", row }.document("document")?;
            Ok(sum.saturating_add(details.added.unwrap_or_default()))
        })
    }

    /// The snapshot that a job made, if it was seen.
    pub async fn snapshot_of(&mut self, job: JobUid) -> Result<Option<KnownSnapshot>, DbError> {
        let mut statement = Statement::new(&format!("SELECT {COLUMNS} FROM snapshots"));
        statement.and("job = ").bind(job.to_string());
        let row = statement.query().fetch_optional(self.sql()).await.during("looking for a job's snapshot")?;
        row.map(|row| snapshot(&Columns { table: "snapshots", row: &row })).transpose()
    }

    /// The newest snapshot of each client by each policy, and of those that no policy has made, in a repository.
    pub async fn newest_of_clients(
        &mut self,
        repository: RepositoryUid,
    ) -> Result<Vec<(ClientUid, SnapshotId)>, DbError> {
        let rows = sqlx::query(
            "SELECT client, id FROM (SELECT client, id, ROW_NUMBER() OVER (PARTITION BY client, policy ORDER BY at DESC, id DESC) \
             AS place FROM snapshots WHERE repository = $1 AND client IS NOT NULL) AS newest WHERE place = 1 ORDER BY client, id",
        )
        .bind(repository.to_string())
        .fetch_all(self.sql())
        .await
        .during("looking for the newest snapshots")?;
        let newest = |row| {
            let columns = Columns { table: "snapshots", row };
            Ok((columns.parsed("client")?, columns.parsed("id")?))
        };
        rows.iter().map(newest).collect()
    }
}

pub(crate) fn snapshot(columns: &Columns<'_>) -> Result<KnownSnapshot, DbError> {
    Ok(KnownSnapshot {
        repository: columns.parsed("repository")?,
        id: columns.parsed("id")?,
        tenant: columns.parsed("tenant")?,
        client: columns.optional_parsed("client")?,
        policy: columns.optional_parsed("policy")?,
        job: columns.optional_parsed("job")?,
        at: columns.time("at")?,
        complete: columns.flag("complete")?,
        hostname: columns.text("hostname")?,
        details: columns.document("document")?,
    })
}
