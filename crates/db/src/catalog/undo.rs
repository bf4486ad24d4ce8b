//! Takes back what a job has left half-way: then all rows are again as they were when the last snapshot was complete.
//!
//! Directories carry the number for which they were changed last, before any of their rows is. So those that are not as they
//! were are known, and it does not matter how often this begins anew.

use holdfast_model::Time;

use super::{Lease, ROWS_AT_ONCE, VALUES_AT_ONCE};
use crate::codec::Columns;
use crate::connection::Writer;
use crate::database::Database;
use crate::error::{DbError, During};
use crate::statement::Statement;

impl Database {
    pub(super) async fn undo(&self, chain: i64, lease: &Lease, times: (Time, Time)) -> Result<(), DbError> {
        loop {
            let mut writer = self.write().await?;
            lease.renew(&mut writer, times).await?;
            let goes_on = undo_some(&mut writer, chain).await?;
            writer.commit().await?;
            if !goes_on {
                return Ok(());
            }
        }
    }
}

/// Takes some of it back. Gives back whether there may be more.
async fn undo_some(writer: &mut Writer, chain: i64) -> Result<bool, DbError> {
    let row = sqlx::query("SELECT tip, next FROM catalog_chains WHERE id = $1")
        .bind(chain)
        .fetch_one(writer.sql())
        .await
        .during("reading where a chain stands")?;
    let columns = Columns { table: "catalog_chains", row: &row };
    let (tip, next) = (columns.integer("tip")?, columns.integer("next")?);
    if next == tip + 1 {
        return Ok(false);
    }
    let changed = changed(writer, chain, tip).await?;
    if changed.is_empty() {
        // Nothing bears the numbers that were given in vain: they can be given again.
        sqlx::query("UPDATE catalog_chains SET next = tip + 1 WHERE id = $1")
            .bind(chain)
            .execute(writer.sql())
            .await
            .during("taking numbers back")?;
        return Ok(false);
    }
    for (what, set) in [("DELETE FROM", "first > "), ("UPDATE", "last = ")] {
        let mut statement = Statement::new(what);
        statement.push(" catalog_entries ").push(if what == "UPDATE" { "SET last = 0 " } else { "" });
        statement.push("WHERE (directory, name, first) IN (SELECT directory, name, first FROM catalog_entries");
        statement.and("directory IN ").bind_list(changed.iter().copied());
        statement.and(set).bind(tip).push(" LIMIT ").bind(ROWS_AT_ONCE as i64).push(")");
        let done = statement.query().execute(writer.sql()).await.during("taking back what was left half-way")?;
        if done.rows_affected() >= ROWS_AT_ONCE as u64 {
            return Ok(true);
        }
    }
    // Those that only the dead job knew go; a parent has a smaller number than what is in it, so that its turn was before.
    let mut gone = Statement::new("DELETE FROM catalog_directories");
    gone.and("parent <> 0 AND id IN ").bind_list(changed.iter().copied());
    gone.and(
        "NOT EXISTS (SELECT 1 FROM catalog_entries AS e WHERE e.directory = catalog_directories.parent \
         AND e.name = catalog_directories.name)",
    );
    gone.query().execute(writer.sql()).await.during("taking back directories")?;
    let mut unknown = Statement::new("UPDATE catalog_directories SET tree = '', number = ");
    unknown.bind(tip).and("id IN ").bind_list(changed);
    unknown.query().execute(writer.sql()).await.during("taking back directories")?;
    Ok(true)
}

/// Directories that were changed since the last snapshot was complete.
async fn changed(writer: &mut Writer, chain: i64, tip: i64) -> Result<Vec<i64>, DbError> {
    let rows = sqlx::query("SELECT id FROM catalog_directories WHERE chain = $1 AND number > $2 ORDER BY id LIMIT $3")
        .bind(chain)
        .bind(tip)
        .bind(VALUES_AT_ONCE as i64)
        .fetch_all(writer.sql())
        .await
        .during("looking for what was left half-way")?;
    rows.iter().map(|row| Columns { table: "catalog_directories", row }.integer("id")).collect()
}
