//! Lists of jobs: filtered, the newest or the oldest first, page by page.

use std::time::Duration;

use holdfast_model::job::{Job, JobKind, JobStatus, Launch};
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, RunUid, TenantUid, Time, Timestamp};

use super::{COLUMNS, job};
use crate::codec::{Columns, micros};
use crate::connection::Reader;
use crate::error::{DbError, During};
use crate::statement::{Statement, containing};

/// Which jobs. All that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// Of this policy.
    pub policy: Option<PolicyUid>,
    /// With this client.
    pub client: Option<ClientUid>,
    /// With this repository.
    pub repository: Option<RepositoryUid>,
    /// Of this run.
    pub run: Option<RunUid>,
    /// Of one of these kinds; all, if there are none.
    pub kinds: Vec<JobKind>,
    /// With one of these statuses; all, if there are none.
    pub statuses: Vec<JobStatus>,
    /// Made so; in any way, if there are none.
    pub launches: Vec<Launch>,
    /// With a client that has this in its hostname, in any case.
    pub client_contains: Option<String>,
    /// Made at this time or later.
    pub since: Option<Time>,
    /// Made before this time.
    pub until: Option<Time>,
}

/// A part of a list of jobs, which is sorted by the time they were made.
#[derive(Debug, Clone, Copy)]
pub struct JobPage {
    /// Whether the oldest come first.
    pub oldest_first: bool,
    /// At most so many.
    pub limit: u32,
    /// Behind this job.
    pub after: Option<JobUid>,
}

impl JobPage {
    /// The newest so many.
    pub fn newest(limit: u32) -> Self {
        Self { oldest_first: false, limit, after: None }
    }
}

impl Reader {
    /// A page of a list of jobs.
    pub async fn jobs(&mut self, filter: &JobFilter, page: &JobPage) -> Result<Vec<Job>, DbError> {
        let clients = match &filter.client_contains {
            Some(part) => Some(self.clients_named(part).await?),
            None => None,
        };
        let mut statement = Statement::new(&format!("SELECT {COLUMNS} FROM jobs"));
        filter.add_to(&mut statement);
        if let Some(clients) = clients {
            // A list: with a query in its place PostgreSQL reads all jobs of all of them before it puts them in order.
            statement.and("client IN ").bind_list(clients);
        }
        let (sign, direction) = if page.oldest_first { (">", "ASC") } else { ("<", "DESC") };
        if let Some(uid) = page.after {
            // Ids sort by the time they were made.
            statement.and(&format!("uid {sign} ")).bind(uid.to_string());
        }
        statement.push(&format!(" ORDER BY uid {direction} LIMIT ")).bind(i64::from(page.limit));
        let rows = statement.query().fetch_all(self.sql()).await.during("listing jobs")?;
        rows.iter().map(|row| job(&Columns { table: "jobs", row })).collect()
    }
}

impl Reader {
    /// Clients that have this in their hostname, the first 30,000 by name: more values a statement of SQLite cannot have.
    async fn clients_named(&mut self, part: &str) -> Result<Vec<String>, DbError> {
        let mut statement = Statement::new("SELECT uid FROM objects WHERE kind = 'client' AND LOWER(name) LIKE ");
        statement.bind(containing(part)).push(" ESCAPE '\\' ORDER BY name, uid LIMIT 30000");
        let rows = statement.query().fetch_all(self.sql()).await.during("looking for clients")?;
        rows.iter().map(|row| Columns { table: "objects", row }.text("uid")).collect()
    }
}

impl JobFilter {
    fn add_to(&self, statement: &mut Statement) {
        let ids = [
            ("tenant = ", self.tenant.map(|uid| uid.to_string())),
            ("policy = ", self.policy.map(|uid| uid.to_string())),
            ("client = ", self.client.map(|uid| uid.to_string())),
            ("repository = ", self.repository.map(|uid| uid.to_string())),
            ("run = ", self.run.map(|uid| uid.to_string())),
        ];
        for (condition, uid) in ids {
            if let Some(uid) = uid {
                statement.and(condition).bind(uid);
            }
        }
        if !self.kinds.is_empty() {
            statement.and("kind IN ").bind_list(self.kinds.iter().map(|kind| kind.as_str()));
        }
        if !self.statuses.is_empty() {
            statement.and("status IN ").bind_list(self.statuses.iter().map(|status| status.as_str()));
        }
        if !self.launches.is_empty() {
            statement.and("launch IN ").bind_list(self.launches.iter().map(|launch| launch.as_str()));
        }
        if let Some(since) = self.since {
            // Ids begin with the time at which they were made, almost: what is older need not be looked at.
            let almost = since.checked_sub(Duration::from_secs(60)).unwrap_or(since);
            statement.and("uid >= ").bind(JobUid::new(Timestamp::from(almost), [0; 10]).to_string());
        }
        for (condition, time) in [("created >= ", self.since), ("created < ", self.until)] {
            if let Some(time) = time {
                statement.and(condition).bind(micros(time));
            }
        }
    }
}
