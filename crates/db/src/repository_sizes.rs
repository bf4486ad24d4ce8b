//! How large repositories were, day by day: what was measured last on each, so that how they grow can be told.
//!
//! A repository that goes takes its sizes along.

use holdfast_model::repository::RepositorySize;
use holdfast_model::{RepositoryUid, Time};

use crate::codec::{Columns, micros};
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};
use crate::statement::Statement;

const MICROS_OF_A_DAY: i64 = 86_400_000_000;

/// Which sizes of a repository.
#[derive(Debug, Clone, Default)]
pub struct SizeQuery {
    /// Measured at this time or later.
    pub since: Option<Time>,
    /// Measured before this time.
    pub until: Option<Time>,
    /// Behind the one of this time, in the order of the list.
    pub after: Option<Time>,
    /// The oldest first.
    pub oldest_first: bool,
    /// At most so many.
    pub limit: u32,
}

impl Writer {
    /// Notes how large a repository is. Of a day, what was measured last counts.
    pub async fn note_size(&mut self, repository: RepositoryUid, size: &RepositorySize) -> Result<(), DbError> {
        let measured = micros(size.measured);
        sqlx::query(
            "INSERT INTO repository_sizes (repository, day, measured, stored_bytes, snapshots) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (repository, day) DO UPDATE SET measured = excluded.measured, \
             stored_bytes = excluded.stored_bytes, snapshots = excluded.snapshots",
        )
        .bind(repository.to_string())
        .bind(measured.div_euclid(MICROS_OF_A_DAY))
        .bind(measured)
        .bind(count(size.stored_bytes))
        .bind(count(size.snapshots))
        .execute(self.sql())
        .await
        .during("noting the size of a repository")
        .map(drop)
    }

    /// An object goes, which may be a repository.
    pub(crate) async fn forget_sizes_of(&mut self, uid: &str) -> Result<(), DbError> {
        sqlx::query("DELETE FROM repository_sizes WHERE repository = $1")
            .bind(uid.to_owned())
            .execute(self.sql())
            .await
            .during("forgetting the sizes of a repository")
            .map(drop)
    }
}

impl Reader {
    /// How large a repository was, the newest first if nothing else is said.
    pub async fn sizes(
        &mut self,
        repository: RepositoryUid,
        wanted: &SizeQuery,
    ) -> Result<Vec<RepositorySize>, DbError> {
        let mut statement = Statement::new("SELECT measured, stored_bytes, snapshots FROM repository_sizes");
        statement.and("repository = ").bind(repository.to_string());
        if let Some(since) = wanted.since {
            statement.and("measured >= ").bind(micros(since));
        }
        if let Some(until) = wanted.until {
            statement.and("measured < ").bind(micros(until));
        }
        let (behind, order) = if wanted.oldest_first { ("day > ", "day") } else { ("day < ", "day DESC") };
        if let Some(after) = wanted.after {
            statement.and(behind).bind(micros(after).div_euclid(MICROS_OF_A_DAY));
        }
        statement.push(&format!(" ORDER BY {order} LIMIT ")).bind(i64::from(wanted.limit));
        let rows = statement.query().fetch_all(self.sql()).await.during("reading the sizes of a repository")?;
        let size = |row| {
            let columns = Columns { table: "repository_sizes", row };
            Ok(RepositorySize {
                measured: columns.time("measured")?,
                stored_bytes: columns.number("stored_bytes")?,
                snapshots: columns.number("snapshots")?,
            })
        };
        rows.iter().map(size).collect()
    }
}

/// Storage that claims to hold more than there is anywhere must not make a row that nobody can read.
fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
