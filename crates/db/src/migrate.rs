//! Brings the tables up to date, from any version that was ever released.
//!
//! Each step is a file of statements that both databases understand; a step that was released is never changed.

use sqlx::{AssertSqlSafe, Executor, Row};

use crate::connection::Writer;
use crate::database::{Database, Engine};
use crate::error::{DbError, During};

/// The steps, in order; the version is how many have been taken.
const STEPS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
    include_str!("migrations/0008.sql"),
];

/// Any number will do, as long as nobody else's program takes it.
const LOCK: i64 = 0x686f_6c64_6661_7374;

pub(crate) async fn run(database: &Database) -> Result<(), DbError> {
    let mut writer = database.write().await?;
    // Of two servers that start at once, one takes the steps.
    if writer.engine() == Engine::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
        writer.sql().execute(AssertSqlSafe(lock)).await.during("locking the tables")?;
    }
    let known = STEPS.len() as i64;
    let found = version(&mut writer).await?;
    if found > known {
        return Err(DbError::TooNew { found, known });
    }
    for step in &STEPS[found as usize..] {
        for statement in statements(step) {
            writer.sql().execute(AssertSqlSafe(statement)).await.during("making the tables")?;
        }
    }
    if found < known {
        sqlx::query("UPDATE schema_version SET version = $1")
            .bind(known)
            .execute(writer.sql())
            .await
            .during("noting the version of the tables")?;
    }
    writer.commit().await
}

async fn version(writer: &mut Writer) -> Result<i64, DbError> {
    let table = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
    writer.sql().execute(table).await.during("making the tables")?;
    let row = sqlx::query("SELECT version FROM schema_version").fetch_optional(writer.sql()).await;
    match row.during("reading the version of the tables")? {
        Some(row) => row.try_get("version").during("reading the version of the tables"),
        None => {
            let first = "INSERT INTO schema_version (version) VALUES (0)";
            writer.sql().execute(first).await.during("making the tables")?;
            Ok(0)
        }
    }
}

/// The statements of a step, without its comments. No statement has a semicolon within.
fn statements(step: &str) -> impl Iterator<Item = String> {
    let code: String =
        step.lines().filter(|line| !line.trim_start().starts_with("--")).flat_map(|line| [line, "\n"]).collect();
    let statements: Vec<String> = code.split(';').map(|text| text.trim().to_owned()).collect();
    statements.into_iter().filter(|text| !text.is_empty())
}
