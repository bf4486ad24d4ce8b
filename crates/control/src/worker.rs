//! A worker: begins jobs, does them in threads, says that it is still at work, and keeps what becomes of them.
//!
//! Whoever drives it calls [`Worker::step`] again and again. A job's work runs in a thread of its own and knows no database;
//! what it needs is read before, what it found is kept after. A job that is no longer the worker's own is ended.

mod at_work;
mod caller;
mod carry_out;
mod catalog;
mod copy;
mod missing;
mod notes;
mod prepare;
mod quota;
mod recover;
mod repository;
mod restore;
mod verify;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast_model::job::{Cause, Job, JobError, JobKind, JobStatus, Outcome};
use holdfast_model::policy::PolicySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::{JobUid, Monitor};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Notify;

use crate::control::{Control, ControlError};
use crate::depot::Depot;
use crate::work::secrets::Secrets;
use crate::work::{Failure, Workplace};

use at_work::{AtWork, End, Ending, JobLimits};
use notes::Notes;

/// A repository that nobody has used for so long is closed.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// What a worker is made of.
pub struct WorkerOptions {
    /// Its name, which no other worker has.
    pub name: String,
    /// Jobs that it does at the same time.
    pub places: usize,
    /// The machine that it works on.
    pub place: Workplace,
    /// Where secrets come from.
    pub secrets: Arc<Secrets>,
}

/// Does jobs.
pub struct Worker {
    control: Control,
    options: Parts,
    depot: Depot,
    at_work: Mutex<HashMap<JobUid, AtWork>>,
    /// What became of jobs, as long as the database could not be told.
    untold: Mutex<Vec<(Taken, End)>>,
    is_stopping: AtomicBool,
    ended: Notify,
}

/// What a worker goes on to need.
struct Parts {
    name: String,
    places: usize,
    place: Workplace,
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
            untold: Mutex::default(),
            is_stopping: AtomicBool::new(false),
            ended: Notify::new(),
        })
    }

    /// The repositories that it can open, for others in the same process.
    pub fn depot(&self) -> &Depot {
        &self.depot
    }

    /// What it works with.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// How many jobs it is at work on.
    pub fn at_work(&self) -> usize {
        self.at_work.lock().len()
    }

    /// Waits until a job has ended since this was asked last: there may be room for the next.
    pub async fn job_ended(&self) {
        self.ended.notified().await;
    }

    /// Begins no more jobs, and has those that it is at work on end in order: they go on later, wherever that is.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        for at_work in self.at_work.lock().values() {
            at_work.end(Ending::Stopping);
        }
    }

    /// Says that it is still at work, ends what is to end, finds out what became of abandoned jobs, and begins as many as it
    /// has places for. Gives back how many it has begun.
    pub async fn step(self: &Arc<Self>) -> Result<usize, ControlError> {
        self.tell_ends().await;
        self.renew().await?;
        // What is not kept now is kept the next time.
        let _ = self.keep_notes().await;
        self.depot.repositories().close_idle(IDLE);
        if self.is_stopping.load(Ordering::Relaxed) {
            return Ok(0);
        }
        for job in self.control.adopt_abandoned(&self.options.name).await? {
            // One of its own, if it was held up for long, is still at work.
            if let Some(taken) = self.take(&job) {
                tokio::spawn(self.clone().find_out(job, taken));
            }
        }
        let places = self.options.places.saturating_sub(self.at_work());
        let begun = self.control.begin_jobs(&self.options.name, places).await?;
        let count = begun.len();
        for job in begun {
            if let Some(taken) = self.take(&job) {
                tokio::spawn(self.clone().work_on(job, taken));
            }
        }
        Ok(count)
    }

    /// Tells whoever listens how far its jobs are, and keeps what they have said since the last time.
    pub async fn tell(&self) -> Result<(), ControlError> {
        for (uid, at_work) in self.jobs() {
            if let Some(how_far) = at_work.notes.how_far() {
                let words = json!({"topic": "progress", "tenant": at_work.tenant, "job": uid, "progress": how_far});
                self.control.db.say(words.to_string()).await?;
            }
        }
        self.keep_notes().await
    }

    fn jobs(&self) -> Vec<(JobUid, AtWork)> {
        self.at_work.lock().iter().map(|(uid, at_work)| (*uid, at_work.clone())).collect()
    }

    /// Says that it is still at work, and ends what is not to go on.
    async fn renew(&self) -> Result<(), ControlError> {
        let jobs = self.jobs();
        // Whatever becomes of the lease, it is the time that counts.
        jobs.iter().for_each(|(_, at_work)| at_work.keep_pace(&*self.control.clock));
        let uids: Vec<JobUid> = jobs.iter().map(|(uid, _)| *uid).collect();
        let leases = self.control.renew(&self.options.name, &uids).await?;
        for (uid, at_work) in &jobs {
            if leases.to_end.contains(uid) || !leases.held.contains(uid) {
                at_work.end(Ending::Asked);
            } else if let Some(ending) = at_work.overdue(&*self.control.clock) {
                at_work.end(ending);
            }
        }
        Ok(())
    }

    /// Notes that it is at work on a job; not if it is already.
    fn take(self: &Arc<Self>, job: &Job) -> Option<Taken> {
        let (uid, at_work) = (job.uid, AtWork::new(self.control.clock.clone(), job.tenant));
        let mut all = self.at_work.lock();
        if all.contains_key(&uid) {
            return None;
        }
        all.insert(uid, at_work.clone());
        Some(Taken { worker: self.clone(), uid, at_work })
    }

    /// Finds out what became of a job that was abandoned. What fails is tried again when the lease has run out.
    async fn find_out(self: Arc<Self>, job: Job, taken: Taken) {
        let _ = self.go_on_with_log(&job, &taken.at_work).await;
        taken.at_work.notes.note("interrupted: whoever worked on it is gone; it is looked for what became of it");
        let _ = self.recover(&job, &taken.at_work).await;
    }

    /// What a job says goes behind what it has said before: it may have been put back, or abandoned. Whether it has said
    /// anything.
    async fn go_on_with_log(&self, job: &Job, at_work: &AtWork) -> Result<bool, ControlError> {
        let last = self.control.db.read().await?.last_log_line(job.uid).await?;
        at_work.notes.go_on_after(last);
        Ok(last > 0)
    }

    /// Does one job and keeps what became of it.
    async fn work_on(self: Arc<Self>, job: Job, taken: Taken) {
        let at_work = taken.at_work.clone();
        let began = self.go_on_with_log(&job, &at_work).await;
        let limits = match began {
            Ok(has_begun_before) => {
                if has_begun_before {
                    at_work.notes.note("it was interrupted before, and goes on now");
                }
                self.limits_of(&job).await
            }
            Err(error) => Err(error),
        };
        let result = match limits {
            Ok(limits) => {
                at_work.hold_to(limits);
                self.carry_out(&job, &at_work).await
            }
            // Nothing runs without the limits that its policy sets.
            Err(error) => Err(error.into()),
        };
        if let (Err(Failure::Failed(JobError { cause: Cause::HostKeyChanged, .. })), Some(client)) =
            (&result, job.client)
        {
            // Nothing more is asked of it until somebody has decided; what fails here is told by the next prepare too.
            let _ = self.block(client, job.kind, &at_work).await;
        }
        let mut end = at_work.ended(result, self.control.now());
        if job.kind == JobKind::Restore && matches!(end, End::PutBack { .. }) {
            // What was restored may be changed by the time it would go on.
            let message = "the server ended, or had to pause it, before all was restored".to_owned();
            let error = Some(JobError { cause: Cause::Interrupted, message });
            end = End::Ended(JobStatus::Failed, Outcome { error, ..Outcome::default() });
        }
        match &end {
            End::Ended(_, Outcome { error: Some(error), .. }) => {
                at_work.notes.error(&format!("{}; {}", error.message, error.cause.fix()));
            }
            End::Ended(..) => {}
            End::PutBack { waiting: Some(_), .. } => {
                at_work.notes.note("interrupted: its window has closed; it goes on when it may");
            }
            End::PutBack { waiting: None, .. } => {
                at_work.notes.note("interrupted: its worker was told to stop; it goes on as soon as one is there");
            }
        }
        let _ = self.keep_notes_of(job.uid, &at_work.notes).await;
        if let Err(ControlError::Database(_)) = self.tell_end(job.uid, &end).await {
            // The job stays its own until the database answers again.
            self.untold.lock().push((taken, end));
        }
    }

    /// Tells the database what became of jobs, as far as it could not be told before.
    async fn tell_ends(&self) {
        let untold = std::mem::take(&mut *self.untold.lock());
        for (taken, end) in untold {
            if let Err(ControlError::Database(_)) = self.tell_end(taken.uid, &end).await {
                self.untold.lock().push((taken, end));
            }
        }
    }

    async fn tell_end(&self, uid: JobUid, end: &End) -> Result<(), ControlError> {
        let worker = &self.options.name;
        match end.clone() {
            End::Ended(status, outcome) => self.control.end_job(uid, worker, status, outcome).await.map(drop),
            End::PutBack { not_before, waiting } => {
                self.control.put_back_job(uid, worker, not_before, waiting).await.map(drop)
            }
        }
    }

    /// What a job is held to by its policy.
    async fn limits_of(&self, job: &Job) -> Result<JobLimits, ControlError> {
        let mut reader = self.control.db.read().await?;
        let Some(uid) = job.policy else {
            return Ok(JobLimits { zone: reader.settings().await?.time_zone, ..JobLimits::default() });
        };
        let policy = reader.object::<PolicySpec>(uid).await?;
        let zone = match &policy.spec.schedule {
            Some(name) => reader.object_named::<ScheduleSpec>(policy.tenant, name).await?.spec.time_zone,
            None => reader.settings().await?.time_zone,
        };
        let pauses = job.kind == JobKind::Backup;
        let pause = if pauses { policy.spec.windows.pause } else { Vec::new() };
        Ok(JobLimits { timeouts: policy.spec.timeouts, pause, zone })
    }

    /// Keeps what all jobs have said since the last time.
    async fn keep_notes(&self) -> Result<(), ControlError> {
        for (uid, at_work) in self.jobs() {
            self.keep_notes_of(uid, &at_work.notes).await?;
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
        self.control.db.say(json!({"topic": "log", "job": uid}).to_string()).await?;
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
