//! Logs of jobs: lines with numbers, from 1 on.

use holdfast_model::{JobUid, Time};

use crate::codec::{Columns, micros};
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};
use crate::statement::Statement;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: Time,
    /// How much it matters.
    pub level: Level,
    /// One line, without its end.
    pub text: String,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What happens.
    Info,
    /// Something is missing or wrong, and the job goes on.
    Warning,
    /// Why the job failed.
    Error,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// As it stands in messages and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Lines that go into one statement: each has five values, of which SQLite takes 32,766.
const LINES_AT_ONCE: usize = 1000;

impl Writer {
    /// Adds lines to the log of a job, the first of which gets the number `first`. Lines of numbers that are there already are
    /// left out, so that whoever does not know whether they were kept may give them again.
    pub async fn add_log(&mut self, job: JobUid, first: u64, lines: &[LogLine]) -> Result<(), DbError> {
        let mut number = first as i64;
        for lines in lines.chunks(LINES_AT_ONCE) {
            let mut statement = Statement::new("INSERT INTO job_log (job, line, at, level, text) VALUES ");
            for (nth, line) in lines.iter().enumerate() {
                statement.push(if nth == 0 { "(" } else { ", (" }).bind(job.to_string());
                statement.push(", ").bind(number).push(", ").bind(micros(line.at));
                statement.push(", ").bind(line.level.as_str());
                // PostgreSQL has no NUL in a text.
                statement.push(", ").bind(line.text.replace('\0', "\u{fffd}")).push(")");
                number += 1;
            }
            statement.push(" ON CONFLICT (job, line) DO NOTHING");
            statement.query().execute(self.sql()).await.during("keeping a log")?;
        }
        Ok(())
    }
}

impl Reader {
    /// Lines of the log of a job from a number on, with their numbers; at most so many.
    pub async fn log(&mut self, job: JobUid, from: u64, limit: u32) -> Result<Vec<(u64, LogLine)>, DbError> {
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let rows = sqlx::query(
            "SELECT line, at, level, text FROM job_log WHERE job = $1 AND line >= $2 ORDER BY line LIMIT $3",
        )
        .bind(job.to_string())
        .bind(from)
        .bind(i64::from(limit))
        .fetch_all(self.sql())
        .await
        .during("reading a log")?;
        let line = |row| {
            let columns = Columns { table: "job_log", row };
            let level = columns.word("level", &Level::ALL, Level::as_str)?;
            Ok((columns.number("line")?, LogLine { at: columns.time("at")?, level, text: columns.text("text")? }))
        };
        rows.iter().map(line).collect()
    }

    /// How many warnings the log of a job has.
    pub async fn warnings_in_log(&mut self, job: JobUid) -> Result<u64, DbError> {
        let row = sqlx::query("SELECT COUNT(*) AS count FROM job_log WHERE job = $1 AND level = 'warning'")
            .bind(job.to_string())
            .fetch_one(self.sql())
            .await
            .during("reading a log")?;
        Columns { table: "job_log", row: &row }.number("count")
    }

    /// The number of the last line of the log of a job; 0 if there is none.
    pub async fn last_log_line(&mut self, job: JobUid) -> Result<u64, DbError> {
        let row = sqlx::query("SELECT COALESCE(MAX(line), 0) AS last FROM job_log WHERE job = $1")
            .bind(job.to_string())
            .fetch_one(self.sql())
            .await
            .during("reading a log")?;
        Columns { table: "job_log", row: &row }.number("last")
    }
}
