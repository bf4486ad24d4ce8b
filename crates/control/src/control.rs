//! What all use cases work with: the database, the clock, and new ids.

use std::sync::Arc;

use holdfast_db::{Database, DbError, NewEvent, Writer};
use holdfast_model::job::{Job, TransitionError};
use holdfast_model::policy::Idle;
use holdfast_model::{Clock, JobUid, RunUid, Time, Timestamp};
use parking_lot::Mutex;
use serde_json::json;

use crate::plans::Plans;
use crate::protection::Calendar;

/// Decides and keeps what it decides. Clones share everything.
#[derive(Clone)]
pub struct Control {
    pub(crate) db: Database,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) plans: Arc<Mutex<Option<Plans>>>,
    pub(crate) calendar: Arc<Mutex<Calendar>>,
}

/// Why a use case could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A job cannot become what it was to become.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// Somebody else works on the job now.
    #[error("job {0} was given to another worker meanwhile: what this one did does not count")]
    NotOurs(JobUid),
    /// It is still to end.
    #[error("job {0} has not ended yet: cancel it first, or wait for its end")]
    NotEnded(JobUid),
    /// What a job did cannot be done again.
    #[error("job {0} cannot be done again: its client is no longer there, or disabled")]
    NothingToDo(JobUid),
    /// Another restore writes there.
    #[error("job {0} restores to the same place and has not ended: wait for it, or cancel it")]
    SamePlace(JobUid),
    /// It cannot be run by hand either.
    #[error("the policy cannot be run: {0}")]
    Idle(Idle),
    /// A token that was not given out, or was used.
    #[error("this token is not good, too old, or was used before: prepare the client again for a new one")]
    WrongToken,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] std::io::Error),
}

impl Control {
    /// Over a database and a clock.
    pub fn new(db: Database, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock, plans: Arc::default(), calendar: Arc::default() }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.db
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The time, as it is kept.
    pub fn now(&self) -> Time {
        self.clock.now().to_time()
    }

    /// A new id for a job.
    pub(crate) fn new_job_uid(&self) -> Result<JobUid, ControlError> {
        Ok(JobUid::new(self.clock.now(), random()?))
    }

    /// A new id for a run.
    pub(crate) fn new_run_uid(&self) -> Result<RunUid, ControlError> {
        Ok(RunUid::new(self.clock.now(), random()?))
    }
}

pub(crate) fn random() -> Result<[u8; 10], ControlError> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).map_err(|source| ControlError::Random(source.into()))?;
    Ok(bytes)
}

/// Ids for many jobs that are made at once: they sort in the order in which they are given out.
pub(crate) struct JobUids {
    at: Timestamp,
    next: u16,
    random: [u8; 8],
}

impl JobUids {
    pub(crate) fn new(control: &Control) -> Result<Self, ControlError> {
        let [.., a, b, c, d, e, f, g, h] = random()?;
        Ok(Self { at: control.clock.now(), next: 0, random: [a, b, c, d, e, f, g, h] })
    }

    pub(crate) fn next(&mut self) -> JobUid {
        // Of the two leading bytes four bits go to the version: when the others have counted to their end, the next
        // millisecond is taken.
        if self.next == 1 << 12 {
            let nanoseconds = u64::from(self.at.nanoseconds) + 1_000_000;
            self.at.seconds += (nanoseconds / 1_000_000_000) as i64;
            self.at.nanoseconds = (nanoseconds % 1_000_000_000) as u32;
            self.next = 0;
        }
        let [high, low] = self.next.to_be_bytes();
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&[high, low]);
        bytes[2..].copy_from_slice(&self.random);
        self.next += 1;
        JobUid::new(self.at, bytes)
    }
}

/// Tells whoever listens what became of a job.
pub(crate) async fn tell_job(writer: &mut Writer, job: &Job, at: Time) -> Result<(), DbError> {
    let body = json!({
        "kind": job.kind,
        "status": job.status,
        "policy": job.policy,
        "client": job.client,
        "repository": job.repository,
    });
    let event = NewEvent { at, topic: "job".to_owned(), tenant: job.tenant, subject: job.uid.to_string(), body };
    writer.add_event(&event).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_many_jobs_sort_in_the_order_in_which_they_were_given_out() {
        let mut uids =
            JobUids { at: Timestamp { seconds: 1_800_000_000, nanoseconds: 999_999_999 }, next: 0, random: [9; 8] };
        let all: Vec<JobUid> = (0..5000).map(|_| uids.next()).collect();
        assert!(all.is_sorted_by(|one, other| one < other));
    }
}
