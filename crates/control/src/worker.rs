//! A worker: begins jobs, does them in threads, says that it is still at work, and keeps what becomes of them.
//!
//! Whoever drives it calls [`Worker::step`] again and again. A job's work runs in a thread of its own and knows no database;
//! what it needs is read before, what it found is kept after. A job that is no longer the worker's own is ended.

mod carry_out;
mod notes;
mod recover;
mod restore;

use std::collections::HashMap;
use std::sync::Arc;

use holdfast_model::job::{Job, JobStatus, Outcome};
use holdfast_model::{CancelToken, JobUid, Monitor};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::control::{Control, ControlError};
use crate::depot::Depot;
use crate::work::secrets::Secrets;
use crate::work::{Failure, Workplace};

use notes::Notes;

/// What a worker is made of.
pub struct WorkerOptions {
    /// Its name, which no other worker has.
    pub name: String,
    /// Jobs that it does at the same time.
    pub places: usize,
    /// The machine that it works on.
    pub place: Workplace,
    /// Where secrets come from.
    pub secrets: Secrets,
}

/// Does jobs.
pub struct Worker {
    control: Control,
    options: Parts,
    depot: Depot,
    at_work: Mutex<HashMap<JobUid, AtWork>>,
    ended: Notify,
}

/// What a worker goes on to need.
struct Parts {
    name: String,
    places: usize,
    place: Workplace,
}

/// A job that a thread works on.
#[derive(Clone)]
struct AtWork {
    cancel: CancelToken,
    notes: Arc<Notes>,
}

impl Worker {
    /// A worker that has nothing to do yet.
    pub fn new(control: Control, options: WorkerOptions) -> Arc<Self> {
        let WorkerOptions { name, places, place, secrets } = options;
        let depot = Depot::new(control.clone(), secrets, place.state.clone());
        Arc::new(Self {
            control,
            options: Parts { name, places, place },
            depot,
            at_work: Mutex::default(),
            ended: Notify::new(),
        })
    }

    /// The repositories that it can open, for others in the same process.
    pub fn depot(&self) -> &Depot {
        &self.depot
    }

    /// How many jobs it is at work on.
    pub fn at_work(&self) -> usize {
        self.at_work.lock().len()
    }

    /// Waits until a job has ended since this was asked last: there may be room for the next.
    pub async fn job_ended(&self) {
        self.ended.notified().await;
    }

    /// Says that it is still at work, finds out what became of abandoned jobs, and begins as many as it has places for.
    /// Gives back how many it has begun.
    pub async fn step(self: &Arc<Self>) -> Result<usize, ControlError> {
        let at_work: Vec<JobUid> = self.at_work.lock().keys().copied().collect();
        let leases = self.control.renew(&self.options.name, &at_work).await?;
        for uid in &at_work {
            if leases.to_end.contains(uid) || !leases.held.contains(uid) {
                self.end(*uid);
            }
        }
        // What is not kept now is kept the next time.
        let _ = self.keep_notes().await;
        for job in self.control.adopt_abandoned(&self.options.name).await? {
            // One of its own, if it was held up for long, is still at work.
            if let Some(taken) = self.take(job.uid) {
                tokio::spawn(self.clone().find_out(job, taken));
            }
        }
        let places = self.options.places.saturating_sub(self.at_work());
        let begun = self.control.begin_jobs(&self.options.name, places).await?;
        let count = begun.len();
        for job in begun {
            if let Some(taken) = self.take(job.uid) {
                tokio::spawn(self.clone().work_on(job, taken));
            }
        }
        Ok(count)
    }

    /// Notes that it is at work on a job; not if it is already.
    fn take(self: &Arc<Self>, uid: JobUid) -> Option<Taken> {
        let notes = Arc::new(Notes::new(self.control.clock.clone()));
        let at_work = AtWork { cancel: CancelToken::new(), notes };
        let mut all = self.at_work.lock();
        if all.contains_key(&uid) {
            return None;
        }
        all.insert(uid, at_work.clone());
        Some(Taken { worker: self.clone(), uid, at_work })
    }

    fn end(&self, uid: JobUid) {
        let at_work = self.at_work.lock().get(&uid).cloned();
        if let Some(at_work) = at_work {
            at_work.cancel.cancel();
        }
    }

    /// Finds out what became of a job that was abandoned. What fails is tried again when the lease has run out.
    async fn find_out(self: Arc<Self>, job: Job, _taken: Taken) {
        let _ = self.recover(&job).await;
    }

    /// Does one job and keeps what became of it.
    async fn work_on(self: Arc<Self>, job: Job, taken: Taken) {
        let at_work = &taken.at_work;
        let result = self.carry_out(&job, at_work).await;
        let (status, outcome) = ended(result, at_work);
        if let Some(error) = &outcome.error {
            at_work.notes.error(&format!("{}; {}", error.message, error.cause.fix()));
        }
        // If the database is away, the lease runs out, and whoever finds the job looks what became of it.
        let _ = self.keep_notes_of(job.uid, &at_work.notes).await;
        let _ = self.control.end_job(job.uid, &self.options.name, status, outcome).await;
    }

    /// Keeps what all jobs have said since the last time.
    async fn keep_notes(&self) -> Result<(), ControlError> {
        let all: Vec<(JobUid, Arc<Notes>)> =
            self.at_work.lock().iter().map(|(uid, at_work)| (*uid, at_work.notes.clone())).collect();
        for (uid, notes) in all {
            self.keep_notes_of(uid, &notes).await?;
        }
        Ok(())
    }

    async fn keep_notes_of(&self, uid: JobUid, notes: &Notes) -> Result<(), ControlError> {
        let (first, lines) = notes.unkept();
        if lines.is_empty() {
            return Ok(());
        }
        let mut writer = self.control.db.write().await?;
        writer.add_log(uid, first, &lines).await?;
        writer.commit().await?;
        notes.kept(first + lines.len() as u64);
        Ok(())
    }
}

/// A job that a worker is at work on. Whatever becomes of the work, in the end it is not any more.
struct Taken {
    worker: Arc<Worker>,
    uid: JobUid,
    at_work: AtWork,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.worker.at_work.lock().remove(&self.uid);
        self.worker.ended.notify_one();
    }
}

/// How a job has ended.
fn ended(result: Result<Outcome, Failure>, at_work: &AtWork) -> (JobStatus, Outcome) {
    match result {
        Ok(outcome) if outcome.warnings > 0 => (JobStatus::Warning, outcome),
        Ok(outcome) => (JobStatus::Succeeded, outcome),
        Err(Failure::Cancelled) => (JobStatus::Cancelled, Outcome::default()),
        Err(Failure::Failed(error)) if at_work.cancel.is_cancelled() => {
            // What breaks because it was ended has not failed.
            at_work.notes.note(&error.message);
            (JobStatus::Cancelled, Outcome::default())
        }
        Err(Failure::Failed(error)) => (JobStatus::Failed, Outcome { error: Some(error), ..Outcome::default() }),
    }
}
