//! What a job waits for, as people call it: another job by its name, a time by the clock on the wall.

use std::collections::HashMap;

use anyhow::Result;
use holdfast_api::Job;
use holdfast_api::client::ApiErrorKind;
use holdfast_model::JobUid;
use holdfast_model::job::Waiting;

use super::Watch;
use crate::local_time::show_near;

/// Names of jobs that were waited for before.
#[derive(Debug, Default)]
pub(super) struct JobNames(HashMap<JobUid, String>);

impl Watch<'_> {
    /// What a job waits for, in words. When one begins that tries again may have been said before.
    pub(super) fn waits(&mut self, job: &Job, is_announced: bool) -> Result<Option<String>> {
        if job.status.is_finished() {
            return Ok(None);
        }
        let near = |at| show_near(at, job.created);
        Ok(match &job.waiting {
            Some(Waiting::Time { .. }) if is_announced => None,
            Some(Waiting::Time { at }) => Some(format!("starts at {}", near(*at))),
            Some(Waiting::Window { at: Some(at) }) => {
                Some(format!("waits for its window, which begins at {}", near(*at)))
            }
            Some(Waiting::Job { job: before }) => match self.name_of(*before)? {
                // Of one of several that are watched, the others have told.
                Some(name) if self.jobs.len() > 1 => Some(format!("waits for {name}")),
                Some(name) => Some(format!("waits for {name}: job {before}")),
                None => job.waiting_text.clone(),
            },
            _ => job.waiting_text.clone(),
        })
    }

    /// What a job is called, if it is still there.
    fn name_of(&mut self, uid: JobUid) -> Result<Option<String>> {
        if let Some(name) = self.job_names.0.get(&uid) {
            return Ok(Some(name.clone()));
        }
        let job = match self.session.api.job(uid) {
            Ok(job) => job,
            Err(error) if error.kind() == ApiErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let name = self.names.of(&job)?;
        self.job_names.0.insert(uid, name.clone());
        Ok(Some(name))
    }
}
