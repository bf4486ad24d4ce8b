//! The queue: jobs that are not finished, and the leases of those that run.

use std::collections::BTreeSet;

use holdfast_model::job::{CopyOrder, Job, JobKind, JobStatus, Waiting};
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, RunUid, TenantUid, Time};

use crate::codec::{Columns, json, micros};
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};
use crate::statement::Statement;

/// What deciding about a job that is not finished needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Its id; ids sort by the time they were made.
    pub uid: JobUid,
    /// Whose it is.
    pub tenant: TenantUid,
    /// What it does.
    pub kind: JobKind,
    /// The run that it belongs to.
    pub run: RunUid,
    /// Its policy.
    pub policy: Option<PolicyUid>,
    /// Its client.
    pub client: Option<ClientUid>,
    /// Its repository.
    pub repository: Option<RepositoryUid>,
    /// The other repository, into which it copies.
    pub copies_to: Option<RepositoryUid>,
    /// Whose turn comes first: the higher number's.
    pub priority: i8,
    /// Before this it does not start.
    pub not_before: Time,
    /// Where it stands.
    pub status: JobStatus,
    /// What it waits for, as it is kept.
    pub waiting: Option<String>,
}

impl Unfinished {
    /// Whether that is what it is known to wait for.
    pub fn waits_for(&self, waiting: &Waiting) -> bool {
        self.waiting.as_deref() == Some(&*json(waiting))
    }
}

/// What is read of a job to decide about it; of its parameters only what is needed.
macro_rules! columns {
    () => {
        "uid, tenant, kind, run, policy, client, repository, priority, not_before, status, waiting, \
         CASE WHEN kind = 'copy' THEN parameters END AS copied"
    };
}

impl Reader {
    /// All jobs that run, and of those that are queued the first of each tenant, at most so many. What is blocked waits for one
    /// of these.
    pub async fn queue(&mut self, queued_per_tenant: u32) -> Result<Vec<Unfinished>, DbError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM ( \
               SELECT *, ROW_NUMBER() OVER (PARTITION BY status, tenant \
               ORDER BY CASE WHEN kind = 'restore' THEN 0 ELSE 1 END, priority DESC, uid) AS place \
               FROM jobs WHERE finished IS NULL AND status <> 'blocked') AS waiting \
             WHERE status <> 'queued' OR place <= $1 ORDER BY priority DESC, uid"
        ))
        .bind(i64::from(queued_per_tenant))
        .fetch_all(self.sql())
        .await
        .during("reading the queue")?;
        rows.iter().map(|row| unfinished(&Columns { table: "jobs", row })).collect()
    }

    /// The jobs of a tenant, or of one of its policies, that are not finished.
    pub async fn unfinished_of(
        &mut self,
        tenant: TenantUid,
        policy: Option<PolicyUid>,
    ) -> Result<Vec<Unfinished>, DbError> {
        let mut statement = Statement::new(concat!("SELECT ", columns!(), " FROM jobs"));
        statement.and("finished IS NULL");
        statement.and("tenant = ").bind(tenant.to_string());
        if let Some(policy) = policy {
            statement.and("policy = ").bind(policy.to_string());
        }
        let rows = statement.query().fetch_all(self.sql()).await.during("reading the queue")?;
        let jobs = rows.iter().map(|row| unfinished(&Columns { table: "jobs", row }));
        let mut jobs = jobs.collect::<Result<Vec<_>, DbError>>()?;
        // Asked to put them in order, SQLite would look at all jobs of the tenant that ever were, for they are in order.
        jobs.sort_by_key(|job| job.uid);
        Ok(jobs)
    }

    /// Of which clients backups run, by which policies.
    pub async fn running_backups(&mut self) -> Result<BTreeSet<(ClientUid, PolicyUid)>, DbError> {
        let rows = sqlx::query(
            "SELECT client, policy FROM jobs WHERE status = 'running' AND finished IS NULL AND kind = 'backup' \
             AND client IS NOT NULL AND policy IS NOT NULL",
        )
        .fetch_all(self.sql())
        .await
        .during("looking for what runs")?;
        let pair = |row| {
            let columns = Columns { table: "jobs", row };
            Ok((columns.parsed("client")?, columns.parsed("policy")?))
        };
        rows.iter().map(pair).collect()
    }

    /// Jobs that wait for this one.
    pub async fn jobs_after(&mut self, uid: JobUid) -> Result<Vec<JobUid>, DbError> {
        let rows = sqlx::query("SELECT uid FROM jobs WHERE after = $1 AND finished IS NULL ORDER BY uid")
            .bind(uid.to_string())
            .fetch_all(self.sql())
            .await
            .during("looking for jobs that wait")?;
        rows.iter().map(|row| Columns { table: "jobs", row }.parsed("uid")).collect()
    }

    /// Jobs that run and whose lease has run out.
    pub async fn abandoned_jobs(&mut self, now: Time) -> Result<Vec<JobUid>, DbError> {
        let rows = sqlx::query(
            "SELECT uid FROM jobs WHERE finished IS NULL AND status = 'running' \
             AND (lease_until IS NULL OR lease_until < $1 OR lease_until > $2) ORDER BY uid",
        )
        .bind(micros(now))
        .bind(micros(now.checked_add(Job::LONGEST_LEASE).unwrap_or(Time::MAX)))
        .fetch_all(self.sql())
        .await
        .during("looking for abandoned jobs")?;
        rows.iter().map(|row| Columns { table: "jobs", row }.parsed("uid")).collect()
    }
}

impl Writer {
    /// Whoever works says which jobs it still works on. Gives back those of them that are its own, and whether somebody wants
    /// them to end; the others were given to somebody else. What it does not name runs out, though it bears its name.
    pub async fn renew_leases(
        &mut self,
        worker: &str,
        at_work: &[JobUid],
        until: Time,
    ) -> Result<Vec<(JobUid, bool)>, DbError> {
        let mut statement = Statement::new("UPDATE jobs SET lease_until = ");
        statement.bind(micros(until)).and("worker = ").bind(worker.to_owned());
        statement.and("status = 'running' AND finished IS NULL");
        statement.and("uid IN ").bind_list(at_work.iter().map(JobUid::to_string));
        statement.push(" RETURNING uid, cancel_requested");
        let rows = statement.query().fetch_all(self.sql()).await.during("renewing leases")?;
        let job = |row| {
            let columns = Columns { table: "jobs", row };
            Ok((columns.parsed("uid")?, columns.flag("cancel_requested")?))
        };
        rows.iter().map(job).collect()
    }
}

fn unfinished(columns: &Columns<'_>) -> Result<Unfinished, DbError> {
    let copied = columns.optional_text("copied")?;
    Ok(Unfinished {
        uid: columns.parsed("uid")?,
        tenant: columns.parsed("tenant")?,
        kind: columns.word("kind", &JobKind::ALL, JobKind::as_str)?,
        run: columns.parsed("run")?,
        policy: columns.optional_parsed("policy")?,
        client: columns.optional_parsed("client")?,
        repository: columns.optional_parsed("repository")?,
        // One that cannot be read fails when it is begun, and says so.
        copies_to: copied.and_then(|order| serde_json::from_str(&order).ok()).map(|order: CopyOrder| order.to),
        priority: columns.number("priority")?,
        not_before: columns.time("not_before")?,
        status: columns.word("status", &JobStatus::ALL, JobStatus::as_str)?,
        waiting: columns.optional_text("waiting")?,
    })
}
