//! Jobs. The table is the queue: what is not finished waits or runs.
//!
//! What may become of a job is the model's matter; here it is read so that nobody else changes it, and written.

mod list;
mod queue;

use holdfast_model::job::{Job, JobKind, JobStatus, Launch};
use holdfast_model::{JobUid, Time};

use crate::codec::{Columns, json, micros};
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};
use crate::statement::Statement;

pub use list::{JobFilter, JobPage};
pub use queue::Unfinished;

const COLUMNS: &str = "uid, tenant, kind, run, policy, client, repository, launch, launched_by, priority, due, created, \
                       not_before, after, retry_of, retries, parameters, status, waiting, worker, lease_until, \
                       cancel_requested, started, finished, outcome";

impl Reader {
    /// The job of this id.
    pub async fn job(&mut self, uid: JobUid) -> Result<Job, DbError> {
        let mut statement = Statement::new(&format!("SELECT {COLUMNS} FROM jobs WHERE uid = "));
        statement.bind(uid.to_string());
        let row = statement.query().fetch_optional(self.sql()).await.during("reading a job")?;
        let row = row.ok_or_else(|| DbError::NotFound { what: "job", name: uid.to_string() })?;
        job(&Columns { table: "jobs", row: &row })
    }
}

impl Writer {
    /// Keeps a new job.
    pub async fn add_job(&mut self, job: &Job) -> Result<(), DbError> {
        let mut statement = Statement::new(&format!("INSERT INTO jobs ({COLUMNS}) VALUES ("));
        statement.bind(job.uid.to_string());
        for text in [job.tenant.to_string(), job.kind.as_str().to_owned(), job.run.to_string()] {
            statement.push(", ").bind(text);
        }
        let text = |uid: Option<String>| uid;
        statement.push(", ").bind(text(job.policy.map(|uid| uid.to_string())));
        statement.push(", ").bind(text(job.client.map(|uid| uid.to_string())));
        statement.push(", ").bind(text(job.repository.map(|uid| uid.to_string())));
        statement.push(", ").bind(job.launch.as_str());
        statement.push(", ").bind(job.launched_by.clone());
        statement.push(", ").bind(i64::from(job.priority));
        statement.push(", ").bind(job.due.map(micros));
        statement.push(", ").bind(micros(job.created));
        statement.push(", ").bind(micros(job.not_before));
        statement.push(", ").bind(job.after.map(|uid| uid.to_string()));
        statement.push(", ").bind(job.retry_of.map(|uid| uid.to_string()));
        statement.push(", ").bind(i64::from(job.retries));
        statement.push(", ").bind(json(&job.parameters));
        statement.push(", ").bind(job.status.as_str());
        statement.push(", ").bind(job.waiting.as_ref().map(json));
        statement.push(", ").bind(job.worker.clone());
        statement.push(", ").bind(job.lease_until.map(micros));
        statement.push(", ").bind(i64::from(job.cancel_requested));
        statement.push(", ").bind(job.started.map(micros));
        statement.push(", ").bind(job.finished.map(micros));
        statement.push(", ").bind(json(&job.outcome)).push(")");
        statement.query().execute(self.sql()).await.during("keeping a job").map(drop)
    }

    /// The job of this id, which nobody else changes until this transaction ends.
    pub async fn lock_job(&mut self, uid: JobUid) -> Result<Job, DbError> {
        sqlx::query("UPDATE jobs SET status = status WHERE uid = $1")
            .bind(uid.to_string())
            .execute(self.sql())
            .await
            .during("locking a job")?;
        self.job(uid).await
    }

    /// Keeps what became of a job that was locked. What it was made as stays.
    pub async fn save_job(&mut self, job: &Job) -> Result<(), DbError> {
        sqlx::query(
            "UPDATE jobs SET status = $2, waiting = $3, worker = $4, lease_until = $5, cancel_requested = $6, \
             started = $7, finished = $8, outcome = $9, not_before = $10, after = $11 WHERE uid = $1",
        )
        .bind(job.uid.to_string())
        .bind(job.status.as_str())
        .bind(job.waiting.as_ref().map(json))
        .bind(job.worker.clone())
        .bind(job.lease_until.map(micros))
        .bind(i64::from(job.cancel_requested))
        .bind(job.started.map(micros))
        .bind(job.finished.map(micros))
        .bind(json(&job.outcome))
        .bind(micros(job.not_before))
        .bind(job.after.map(|uid| uid.to_string()))
        .execute(self.sql())
        .await
        .during("keeping what became of a job")
        .map(drop)
    }

    /// Forgets jobs that ended before this time, with their logs; at most so many, the oldest first. Gives back how many.
    pub async fn forget_jobs(&mut self, ended_before: Time, limit: u32) -> Result<u64, DbError> {
        let done = sqlx::query(
            "DELETE FROM jobs WHERE uid IN (SELECT uid FROM jobs WHERE finished IS NOT NULL AND finished < $1 \
             ORDER BY finished LIMIT $2)",
        )
        .bind(micros(ended_before))
        .bind(i64::from(limit))
        .execute(self.sql())
        .await
        .during("forgetting old jobs")?;
        Ok(done.rows_affected())
    }
}

fn job(columns: &Columns<'_>) -> Result<Job, DbError> {
    Ok(Job {
        uid: columns.parsed("uid")?,
        tenant: columns.parsed("tenant")?,
        kind: columns.word("kind", &JobKind::ALL, JobKind::as_str)?,
        run: columns.parsed("run")?,
        policy: columns.optional_parsed("policy")?,
        client: columns.optional_parsed("client")?,
        repository: columns.optional_parsed("repository")?,
        launch: columns.word("launch", &Launch::ALL, Launch::as_str)?,
        launched_by: columns.text("launched_by")?,
        priority: columns.number("priority")?,
        due: columns.optional_time("due")?,
        created: columns.time("created")?,
        not_before: columns.time("not_before")?,
        after: columns.optional_parsed("after")?,
        retry_of: columns.optional_parsed("retry_of")?,
        retries: columns.number("retries")?,
        parameters: columns.document("parameters")?,
        status: columns.word("status", &JobStatus::ALL, JobStatus::as_str)?,
        waiting: columns.optional_document("waiting")?,
        worker: columns.optional_text("worker")?,
        lease_until: columns.optional_time("lease_until")?,
        cancel_requested: columns.flag("cancel_requested")?,
        started: columns.optional_time("started")?,
        finished: columns.optional_time("finished")?,
        outcome: columns.document("outcome")?,
    })
}
