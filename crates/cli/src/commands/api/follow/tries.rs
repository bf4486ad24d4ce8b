//! The job that tries again what another has failed at: when it begins, and how many there are to be.

use anyhow::Result;
use holdfast_api::Job;
use holdfast_api::client::{ApiErrorKind, JobQuery};
use holdfast_model::JobUid;
use holdfast_model::Time;
use holdfast_model::job::{JobStatus, Launch};
use holdfast_model::policy::{PolicySpec, Retries};
use serde::Serialize;

use super::Watch;
use crate::local_time;
use crate::output::Output;

/// So many jobs of one client and kind are looked through in a run.
const MOST: usize = 500;

/// A job that tries again.
pub(super) struct NextTry {
    pub(super) job: Job,
    /// How many there are to be with it, as far as that is known.
    of: Option<u32>,
}

/// The same, for programs.
#[derive(Serialize)]
struct RetryEvent {
    message_type: &'static str,
    job: JobUid,
    retry_of: Option<JobUid>,
    not_before: Time,
    #[serde(rename = "try")]
    number: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tries: Option<u32>,
}

impl Watch<'_> {
    /// The job that tries again what this one has failed at, if there is one. It is made as this one ends.
    pub(super) fn next_try(&self, job: &Job) -> Result<Option<NextTry>> {
        if !matches!(job.status, JobStatus::Failed | JobStatus::Lost) {
            return Ok(None);
        }
        let api = &self.session.api;
        let query = JobQuery { run: Some(job.run), client: job.client, kinds: vec![job.kind], ..JobQuery::default() };
        let is_next =
            |other: &Job| other.retry_of == Some(job.id) && matches!(other.launch, Launch::Retry | Launch::CatchUp);
        let Some(next) = api.jobs(&query, MOST)?.into_iter().find(is_next) else { return Ok(None) };
        let retries = match job.policy {
            None => Some(Retries::default()),
            Some(policy) => match api.read::<PolicySpec>(policy) {
                Ok(policy) => Some(policy.spec.retries),
                Err(error) if error.kind() == ApiErrorKind::NotFound => None,
                Err(error) => return Err(error.into()),
            },
        };
        // A host that is away is called for longer than that.
        let of = retries.map(|retries| u32::from(retries.count) + 1).filter(|all| next.retries < *all);
        Ok(Some(NextTry { job: next, of }))
    }
}

impl NextTry {
    /// Says when it is; and which job it is, where that is not watched.
    pub(super) fn tell(&self, output: &Output, name: &str, with_id: bool) -> Result<()> {
        let Self { job, of } = self;
        let (number, at) = (job.retries + 1, local_time::show_near(job.not_before, job.created));
        let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
        let id = if with_id { format!(": job {}", job.id) } else { String::new() };
        output.line(format!("{name} is tried again at {at} ({number}{of}){id}"))?;
        if output.is_json() {
            output.document(&RetryEvent {
                message_type: "retry",
                job: job.id,
                retry_of: job.retry_of,
                not_before: job.not_before,
                number,
                tries: self.of,
            })?;
        }
        Ok(())
    }
}
