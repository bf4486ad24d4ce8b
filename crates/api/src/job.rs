//! Jobs and their logs, as the API shows them.

use holdfast_model::job::{self, JobKind, JobProgress, JobStatus, Launch, Outcome, Waiting};
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, RunUid, TenantUid, Time};
use serde::{Deserialize, Serialize};

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Job {
    /// Its id; the snapshot that it makes carries it as the tag `job:ID`.
    pub id: JobUid,
    /// Whose it is.
    pub tenant: TenantUid,
    /// What is to be done.
    pub kind: JobKind,
    /// Where it stands.
    pub status: JobStatus,
    /// The run that it belongs to.
    pub run: RunUid,
    /// The policy that it carries out.
    pub policy: Option<PolicyUid>,
    /// The client that it works with.
    pub client: Option<ClientUid>,
    /// The repository that it works with.
    pub repository: Option<RepositoryUid>,
    /// Why it was made.
    pub launch: Launch,
    /// Who asked for it: a person's name, or `scheduler`.
    pub launched_by: String,
    /// Whose turn comes first: the higher number's.
    #[schema(minimum = -128, maximum = 127)]
    pub priority: i8,
    /// The time at which its schedule was due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Time>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Time,
    /// Before this it does not start.
    #[schema(value_type = String, format = DateTime)]
    pub not_before: Time,
    /// When somebody began to work on it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Time>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished: Option<Time>,
    /// It starts only after this one has ended well.
    pub after: Option<JobUid>,
    /// It tries again what this one failed at.
    pub retry_of: Option<JobUid>,
    /// How many tries there were before it.
    pub retries: u32,
    /// What it waits for, or why it was skipped.
    pub waiting: Option<Waiting>,
    /// The same in words.
    pub waiting_text: Option<String>,
    /// Who works on it, or did last.
    pub worker: Option<String>,
    /// Somebody wants it to end.
    pub cancel_requested: bool,
    /// What else it was told, by kind.
    #[schema(value_type = Value)]
    pub parameters: serde_json::Value,
    /// How far it is while somebody works on it, as far as the server has heard; it is told in the job itself and in lists.
    #[serde(default)]
    pub progress: Option<JobProgress>,
    /// What became of it, as far as it has come.
    pub outcome: Outcome,
    /// What to do about the error, where there is one.
    pub fix: Option<String>,
}

/// A line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogLine {
    /// Its number, from 1 on.
    #[schema(minimum = 1)]
    pub line: u64,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// How much it matters.
    pub level: LogLevel,
    /// The line, without its end.
    pub text: String,
}

/// How much a line of a log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What happens.
    Info,
    /// Something is missing or wrong, and the job goes on.
    Warning,
    /// Why the job failed.
    Error,
}

impl LogLevel {
    /// As it stands in a log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl From<job::Job> for Job {
    fn from(job: job::Job) -> Self {
        Self {
            id: job.uid,
            tenant: job.tenant,
            kind: job.kind,
            status: job.status,
            run: job.run,
            policy: job.policy,
            client: job.client,
            repository: job.repository,
            launch: job.launch,
            launched_by: job.launched_by,
            priority: job.priority,
            due: job.due,
            created: job.created,
            not_before: job.not_before,
            started: job.started,
            finished: job.finished,
            after: job.after,
            retry_of: job.retry_of,
            retries: job.retries,
            waiting_text: job.waiting.as_ref().map(Waiting::to_string),
            waiting: job.waiting,
            worker: job.worker,
            cancel_requested: job.cancel_requested,
            parameters: job.parameters,
            progress: None,
            fix: job.outcome.error.as_ref().map(|error| error.cause.fix().to_owned()),
            outcome: job.outcome,
        }
    }
}
