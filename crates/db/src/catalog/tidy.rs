//! Takes out what no snapshot has any more: rows, then the names and directories that only they needed.
//!
//! Nothing of it was found any more before: what is asked for counts the snapshots that are there.

use std::collections::BTreeSet;

use holdfast_model::{EntryKind, Time};

use super::{Lease, PAIRS_AT_ONCE, ROWS_AT_ONCE, VALUES_AT_ONCE, kind_of, lock};
use crate::codec::Columns;
use crate::connection::{Reader, Writer};
use crate::database::Database;
use crate::error::{DbError, During};
use crate::statement::Statement;

/// What was taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Rows of what was in directories.
    pub rows: u64,
    /// Whether there may be more.
    pub goes_on: bool,
}

/// Numbers of a chain between two that count, none of which does.
struct Gap {
    chain: i64,
    /// The last number before that counts, 0 if there is none; and the first after, if there is one.
    from: i64,
    to: Option<i64>,
}

impl Database {
    /// Takes out some of what the snapshots that are gone have left behind. To be called again as long as there may be more.
    /// A chain on which a job works is left alone.
    pub async fn tidy_catalog(&self, holder: &str, (now, until): (Time, Time)) -> Result<Tidied, DbError> {
        let mut writer = self.write().await?;
        for (chain, number) in gone(&mut writer).await? {
            let lease = Lease { name: format!("catalog {chain}"), holder: holder.to_owned() };
            if !writer.hold(&lease.name, holder, now, until).await? {
                continue;
            }
            lock(&mut writer, true).await?;
            let rows = match gap(&mut writer, chain, number).await? {
                Some(gap) => take_out(&mut writer, &gap).await?,
                None => take_out_all(&mut writer, chain).await?,
            };
            if rows == 0 {
                forget_number(&mut writer, chain, number).await?;
            }
            writer.let_go(&lease.name, holder).await?;
            writer.commit().await?;
            return Ok(Tidied { rows, goes_on: true });
        }
        writer.commit().await?;
        Ok(Tidied::default())
    }
}

/// Numbers of snapshots that are no longer there, and chains in which no snapshot was ever complete.
async fn gone(reader: &mut Reader) -> Result<Vec<(i64, i64)>, DbError> {
    let rows = sqlx::query(
        "SELECT n.chain AS chain, n.number AS number FROM catalog_snapshots AS n \
         JOIN catalog_chains AS c ON c.id = n.chain \
         LEFT JOIN snapshots AS s ON s.repository = c.repository AND s.id = n.snapshot \
         WHERE s.id IS NULL UNION ALL SELECT c.id, 0 FROM catalog_chains AS c \
         WHERE NOT EXISTS (SELECT 1 FROM catalog_snapshots AS n WHERE n.chain = c.id) ORDER BY 1, 2 LIMIT 100",
    )
    .fetch_all(reader.sql())
    .await
    .during("looking for snapshots that are gone")?;
    let number = |row| {
        let columns = Columns { table: "catalog_snapshots", row };
        Ok((columns.integer("chain")?, columns.integer("number")?))
    };
    rows.iter().map(number).collect()
}

/// The gap around a number; none, if no number of the chain counts.
async fn gap(reader: &mut Reader, chain: i64, number: i64) -> Result<Option<Gap>, DbError> {
    let row = sqlx::query(
        "SELECT MAX(CASE WHEN n.number < $2 THEN n.number END) AS before, \
                MIN(CASE WHEN n.number > $2 THEN n.number END) AS behind \
         FROM catalog_snapshots AS n JOIN catalog_chains AS c ON c.id = n.chain \
         JOIN snapshots AS s ON s.repository = c.repository AND s.id = n.snapshot WHERE n.chain = $1",
    )
    .bind(chain)
    .bind(number)
    .fetch_one(reader.sql())
    .await
    .during("looking for snapshots that are there")?;
    let columns = Columns { table: "catalog_snapshots", row: &row };
    let (from, to) = (columns.optional_integer("before")?, columns.optional_integer("behind")?);
    Ok((from.is_some() || to.is_some()).then_some(Gap { chain, from: from.unwrap_or(0), to }))
}

/// Takes out some rows that begin and end within a gap.
async fn take_out(writer: &mut Writer, gap: &Gap) -> Result<u64, DbError> {
    let mut statement = Statement::new(
        "DELETE FROM catalog_entries WHERE (directory, name, first) IN (SELECT directory, name, first FROM catalog_entries",
    );
    statement.and("chain = ").bind(gap.chain).and("first > ").bind(gap.from);
    // Whoever has no end is where the next snapshot begins from.
    statement.and("last <> 0");
    if let Some(to) = gap.to {
        statement.and("first < ").bind(to).and("last < ").bind(to);
    }
    delete(writer, gap.chain, statement).await
}

/// Takes out some of a chain of which no snapshot is left; in the end the chain itself.
async fn take_out_all(writer: &mut Writer, chain: i64) -> Result<u64, DbError> {
    let mut statement = Statement::new(
        "DELETE FROM catalog_entries WHERE (directory, name, first) IN (SELECT directory, name, first FROM catalog_entries",
    );
    statement.and("chain = ").bind(chain);
    let mut rows = delete(writer, chain, statement).await?;
    if rows == 0 {
        let mut statement =
            Statement::new("DELETE FROM catalog_directories WHERE id IN (SELECT id FROM catalog_directories");
        statement.and("chain = ").bind(chain).push(" LIMIT ").bind(ROWS_AT_ONCE as i64).push(")");
        let done = statement.query().execute(writer.sql()).await.during("taking out a chain of snapshots")?;
        rows = done.rows_affected();
    }
    if rows == 0 {
        for table in ["catalog_snapshots WHERE chain", "catalog_chains WHERE id"] {
            let mut statement = Statement::new(&format!("DELETE FROM {table} = "));
            statement.bind(chain);
            statement.query().execute(writer.sql()).await.during("taking out a chain of snapshots")?;
        }
    }
    Ok(rows)
}

/// Finishes a statement that deletes rows, and takes out what only these needed.
async fn delete(writer: &mut Writer, chain: i64, mut statement: Statement) -> Result<u64, DbError> {
    statement.push(" LIMIT ").bind(ROWS_AT_ONCE as i64).push(") RETURNING directory, name, kind");
    let rows = statement.query().fetch_all(writer.sql()).await.during("taking out what no snapshot has")?;
    let (mut names, mut directories) = (BTreeSet::new(), BTreeSet::new());
    for row in &rows {
        let columns = Columns { table: "catalog_entries", row };
        let (directory, name) = (columns.integer("directory")?, columns.integer("name")?);
        names.insert(name);
        if kind_of(&columns)? == EntryKind::Directory {
            directories.insert([directory, name]);
        }
    }
    for part in directories.into_iter().collect::<Vec<_>>().chunks(PAIRS_AT_ONCE) {
        let mut statement = Statement::new("DELETE FROM catalog_directories");
        statement.and("chain = ").bind(chain);
        statement.and("(parent, name) IN ").bind_pairs(part.iter().copied());
        statement.and(
            "NOT EXISTS (SELECT 1 FROM catalog_entries AS e WHERE e.directory = catalog_directories.parent \
             AND e.name = catalog_directories.name)",
        );
        statement.query().execute(writer.sql()).await.during("taking out directories")?;
    }
    for part in names.into_iter().collect::<Vec<_>>().chunks(VALUES_AT_ONCE) {
        let mut statement = Statement::new("DELETE FROM catalog_names");
        statement.and("id IN ").bind_list(part.iter().copied());
        statement.and("NOT EXISTS (SELECT 1 FROM catalog_entries AS e WHERE e.name = catalog_names.id)");
        statement.query().execute(writer.sql()).await.during("taking out names")?;
    }
    Ok(rows.len() as u64)
}

async fn forget_number(writer: &mut Writer, chain: i64, number: i64) -> Result<(), DbError> {
    sqlx::query("DELETE FROM catalog_snapshots WHERE chain = $1 AND number = $2")
        .bind(chain)
        .bind(number)
        .execute(writer.sql())
        .await
        .during("forgetting the number of a snapshot")
        .map(drop)
}
