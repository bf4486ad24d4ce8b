//! The life of a job: made, begun, put back, ended. Each step is taken here or not at all.

use super::{Cause, Job, JobError, JobKind, JobStatus, Launch, Outcome, TransitionError, Waiting};
use crate::{ClientUid, JobUid, PolicyUid, RepositoryUid, RunUid, TenantUid, Time};

/// What must be said to make a job.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id.
    pub uid: JobUid,
    /// Whose it is.
    pub tenant: TenantUid,
    /// What is to be done.
    pub kind: JobKind,
    /// The run that it belongs to.
    pub run: RunUid,
    /// Why it is made.
    pub launch: Launch,
    /// Who asked for it.
    pub launched_by: String,
    /// When it is made.
    pub now: Time,
}

impl NewJob {
    /// The job: queued, for now, for nobody in particular.
    pub fn queued(self) -> Job {
        Job {
            uid: self.uid,
            tenant: self.tenant,
            kind: self.kind,
            run: self.run,
            policy: None,
            client: None,
            repository: None,
            launch: self.launch,
            launched_by: self.launched_by,
            priority: 0,
            due: None,
            created: self.now,
            not_before: self.now,
            after: None,
            retry_of: None,
            retries: 0,
            parameters: serde_json::Value::Null,
            status: JobStatus::Queued,
            waiting: None,
            worker: None,
            lease_until: None,
            cancel_requested: false,
            started: None,
            finished: None,
            outcome: Outcome::default(),
        }
    }
}

impl Job {
    /// The same for a policy's client and repository.
    #[must_use]
    pub fn for_policy(
        mut self,
        policy: Option<PolicyUid>,
        client: Option<ClientUid>,
        repository: Option<RepositoryUid>,
    ) -> Self {
        (self.policy, self.client, self.repository) = (policy, client, repository);
        self
    }

    /// The same, blocked until another has ended well.
    #[must_use]
    pub fn after(mut self, job: JobUid) -> Self {
        self.after = Some(job);
        self.status = JobStatus::Blocked;
        self.waiting = Some(Waiting::Job { job });
        self
    }

    /// Somebody begins to work on it.
    pub fn begin(&mut self, worker: &str, now: Time, lease_until: Time) -> Result<(), TransitionError> {
        self.status = self.status.to(JobStatus::Running)?;
        self.waiting = None;
        self.worker = Some(worker.to_owned());
        self.lease_until = Some(lease_until);
        self.started = self.started.or(Some(now));
        Ok(())
    }

    /// Whoever worked on it stops before it is done; it goes on later.
    pub fn put_back(&mut self, not_before: Time, waiting: Option<Waiting>) -> Result<(), TransitionError> {
        self.status = self.status.to(JobStatus::Queued)?;
        self.lease_until = None;
        (self.not_before, self.waiting) = (not_before, waiting);
        Ok(())
    }

    /// What it waited for has come.
    pub fn unblock(&mut self, now: Time) -> Result<(), TransitionError> {
        self.status = self.status.to(JobStatus::Queued)?;
        self.waiting = None;
        self.not_before = self.not_before.max(now);
        Ok(())
    }

    /// It has ended.
    pub fn end(&mut self, status: JobStatus, outcome: Outcome, now: Time) -> Result<(), TransitionError> {
        self.status = self.status.to(status)?;
        self.waiting = None;
        self.lease_until = None;
        self.finished = Some(now);
        self.outcome = outcome;
        Ok(())
    }

    /// It has failed, before or while somebody worked on it.
    pub fn fail(&mut self, cause: Cause, message: String, now: Time) -> Result<(), TransitionError> {
        let outcome = Outcome { error: Some(JobError { cause, message }), ..self.outcome.clone() };
        self.end(JobStatus::Failed, outcome, now)
    }

    /// It is not begun, and why.
    pub fn skip(&mut self, why: Waiting, now: Time) -> Result<(), TransitionError> {
        self.end(JobStatus::Skipped, Outcome::default(), now)?;
        self.waiting = Some(why);
        Ok(())
    }

    /// Somebody wants it to end: at once, if nobody works on it. Gives back whether it has ended.
    pub fn cancel(&mut self, now: Time) -> Result<bool, TransitionError> {
        if self.status == JobStatus::Running {
            self.cancel_requested = true;
            return Ok(false);
        }
        self.end(JobStatus::Cancelled, self.outcome.clone(), now).map(|()| true)
    }

    /// Whether nobody has said for too long to be at work on it. A lease that goes on for longer than any is given was written
    /// by a clock that was ahead.
    pub fn is_abandoned(&self, now: Time) -> bool {
        let longest = now.checked_add(Self::LONGEST_LEASE).unwrap_or(Time::MAX);
        self.status == JobStatus::Running && self.lease_until.is_none_or(|until| until < now || until > longest)
    }

    /// No lease is given for longer.
    pub const LONGEST_LEASE: std::time::Duration = std::time::Duration::from_secs(10 * 60);

    /// The job that tries again what this one failed at.
    pub fn retry(&self, uid: JobUid, launch: Launch, launched_by: String, now: Time, not_before: Time) -> Self {
        let new = NewJob { uid, tenant: self.tenant, kind: self.kind, run: self.run, launch, launched_by, now };
        Self {
            priority: self.priority,
            due: self.due,
            not_before,
            after: self.after,
            retry_of: Some(self.uid),
            retries: self.retries + 1,
            parameters: self.parameters.clone(),
            ..new.queued().for_policy(self.policy, self.client, self.repository)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn time(second: i64) -> Time {
        Time::from_second(1_800_000_000 + second).unwrap()
    }

    fn uid(number: u8) -> [u8; 10] {
        [number; 10]
    }

    fn job() -> Job {
        let at = Timestamp::from(time(0));
        NewJob {
            uid: JobUid::new(at, uid(1)),
            tenant: TenantUid::new(at, uid(2)),
            kind: JobKind::Backup,
            run: RunUid::new(at, uid(3)),
            launch: Launch::Scheduled,
            launched_by: "scheduler".into(),
            now: time(0),
        }
        .queued()
    }

    #[test]
    fn a_job_that_was_put_back_keeps_the_time_of_its_first_start() {
        let mut job = job();
        job.begin("one", time(1), time(30)).unwrap();
        job.put_back(time(100), Some(Waiting::Window { at: Some(time(100)) })).unwrap();
        assert_eq!((job.status, job.not_before), (JobStatus::Queued, time(100)));
        job.begin("two", time(101), time(130)).unwrap();
        assert_eq!((job.started, job.worker.as_deref()), (Some(time(1)), Some("two")));
        job.end(JobStatus::Succeeded, Outcome::default(), time(110)).unwrap();
        assert!(job.begin("three", time(120), time(150)).is_err(), "one success a job");
    }

    #[test]
    fn a_job_is_abandoned_only_when_its_lease_has_run_out() {
        let mut job = job();
        assert!(!job.is_abandoned(time(1000)));
        job.begin("one", time(1), time(30)).unwrap();
        assert!(!job.is_abandoned(time(30)));
        assert!(job.is_abandoned(time(31)));
        job.end(JobStatus::Lost, Outcome::default(), time(32)).unwrap();
        assert!(!job.is_abandoned(time(1000)));
    }

    #[test]
    fn cancelling_ends_what_nobody_works_on_and_asks_whoever_does() {
        let mut waiting = job().after(job().uid);
        assert_eq!(waiting.cancel(time(1)), Ok(true));
        let mut running = job();
        running.begin("one", time(1), time(30)).unwrap();
        assert_eq!(running.cancel(time(2)), Ok(false));
        assert!(running.cancel_requested && running.status == JobStatus::Running);
    }

    #[test]
    fn a_retry_is_another_job_that_does_the_same() {
        let mut first = job();
        first.begin("one", time(1), time(30)).unwrap();
        first.fail(Cause::Unreachable, "gone".into(), time(3)).unwrap();
        let at = Timestamp::from(time(3));
        let retry = first.retry(JobUid::new(at, uid(9)), Launch::Retry, "scheduler".into(), time(3), time(63));
        assert_eq!((retry.retry_of, retry.retries, retry.run), (Some(first.uid), 1, first.run));
        assert_eq!((retry.status, retry.not_before), (JobStatus::Queued, time(63)));
        assert_eq!(retry.outcome, Outcome::default());
    }
}
