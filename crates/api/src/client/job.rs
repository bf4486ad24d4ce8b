//! Jobs and their logs.

use holdfast_model::job::{JobKind, JobStatus};
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, RunUid, TenantUid};
use ureq::http::Method;

use super::transport::Call;
use super::{ApiClient, ApiError};
use crate::{Job, LogLine};

/// Which jobs are wanted: all that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct JobQuery {
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// With this client.
    pub client: Option<ClientUid>,
    /// Of this policy.
    pub policy: Option<PolicyUid>,
    /// With this repository.
    pub repository: Option<RepositoryUid>,
    /// Of this run.
    pub run: Option<RunUid>,
    /// Of one of these kinds.
    pub kinds: Vec<JobKind>,
    /// With one of these statuses.
    pub statuses: Vec<JobStatus>,
}

/// Lines of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// The number of the line to go on with.
    pub next: u64,
}

/// The server has no more at once.
const MOST: usize = 500;

impl JobQuery {
    fn parameters(&self, most: usize) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("limit", most.clamp(1, MOST).to_string())];
        parameters.extend(self.tenant.map(|uid| ("tenant", uid.to_string())));
        parameters.extend(self.client.map(|uid| ("client", uid.to_string())));
        parameters.extend(self.policy.map(|uid| ("policy", uid.to_string())));
        parameters.extend(self.repository.map(|uid| ("repository", uid.to_string())));
        parameters.extend(self.run.map(|uid| ("run", uid.to_string())));
        parameters.extend(self.kinds.iter().map(|kind| ("kind", kind.as_str().to_owned())));
        parameters.extend(self.statuses.iter().map(|status| ("status", status.as_str().to_owned())));
        parameters
    }
}

impl ApiClient {
    /// The newest jobs that are wanted, at most so many, the newest first.
    pub fn jobs(&self, query: &JobQuery, most: usize) -> Result<Vec<Job>, ApiError> {
        self.all_pages("/api/v1/jobs", query.parameters(most), most)
    }

    /// Reads a job.
    pub fn job(&self, uid: JobUid) -> Result<Job, ApiError> {
        self.transport.get(&format!("/api/v1/jobs/{uid}"), &[])
    }

    /// Lines of its log, from this number on, at most 1,000 at once.
    pub fn log(&self, uid: JobUid, from: u64) -> Result<LogPart, ApiError> {
        let query = [("from", from.to_string())];
        let path = format!("/api/v1/jobs/{uid}/log");
        let call = Call::new(Method::GET, &path).query(&query).accept("application/x-ndjson");
        let (answer, text) = self.transport.send(call)?;
        let next = answer.headers().get("x-next-line").and_then(|value| value.to_str().ok()?.parse().ok());
        let next = next.ok_or_else(|| self.transport.foreign("a log comes without x-next-line"))?;
        let lines: Result<_, _> = text.lines().map(serde_json::from_str).collect();
        let lines =
            lines.map_err(|error| self.transport.foreign(format!("a line of a log makes no sense ({error})")))?;
        Ok(LogPart { lines, next })
    }

    /// Asks for a job to end. It may take a while to do so.
    pub fn cancel(&self, uid: JobUid) -> Result<Job, ApiError> {
        self.transport.ask(Call::new(Method::POST, &format!("/api/v1/jobs/{uid}/cancel")))
    }

    /// Makes a job that tries again what this one failed at.
    pub fn retry(&self, uid: JobUid) -> Result<Job, ApiError> {
        self.transport.ask(Call::new(Method::POST, &format!("/api/v1/jobs/{uid}/retry")))
    }
}
