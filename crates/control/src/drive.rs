//! Keeps a server going: looks for what is due, lets a worker work, and forgets what is old; until it is told to stop.
//!
//! Of several servers over one database one looks for what is due; any of them works. Whatever fails is reported once, and
//! tried again: nothing that the database or a clock does ends a server.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::Time;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, timeout};

use crate::control::{Control, ControlError};
use crate::worker::Worker;

/// Where it is noted what somebody should know of, and cannot be told in an answer.
pub trait Journal: Send + Sync {
    /// Notes it.
    fn note(&self, text: &str);
}

/// How often things are looked at, beside whenever something happens.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// What is due, and who is still at work.
    pub look: Duration,
    /// How far jobs are.
    pub tell: Duration,
    /// What is old.
    pub forget: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { look: Duration::from_secs(5), tell: Duration::from_millis(300), forget: Duration::from_secs(15 * 60) }
    }
}

/// The lease of whoever looks for what is due.
const SCHEDULER: &str = "scheduler";
/// It is anybody's after so long without a word.
const SCHEDULER_LEASE: Duration = Duration::from_secs(30);
/// Events are kept for so long: whoever was away for longer reads everything anew.
const KEEP_EVENTS: Duration = Duration::from_secs(3 * 24 * 3600);
/// What requests with a key were answered is kept for so long.
pub const KEEP_ANSWERS: Duration = Duration::from_secs(24 * 3600);
/// So many jobs are forgotten at once: others want to write too.
const FORGOTTEN_AT_ONCE: u32 = 500;
/// So long jobs may take to end in order when the worker stops.
const PATIENCE: Duration = Duration::from_secs(45);

/// Notes each thing that is wrong once, until it has changed.
struct Noted<'a> {
    journal: &'a dyn Journal,
    known: BTreeSet<String>,
}

impl Noted<'_> {
    /// What is wrong now, in one respect.
    fn are(&mut self, texts: BTreeSet<String>) {
        for text in texts.difference(&self.known) {
            self.journal.note(text);
        }
        self.known = texts;
    }
}

/// Looks for what is due, as long as no other server does, until `stop`.
pub async fn schedule(
    control: &Control,
    name: &str,
    pace: Pace,
    journal: &dyn Journal,
    stop: impl Future<Output = ()>,
) {
    let mut looks = interval(pace.look);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Not at once: a clock that is wrong when a machine starts is set right soon.
    let mut forgets = interval_at(Instant::now() + pace.forget, pace.forget);
    forgets.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut noted = Noted { journal, known: BTreeSet::new() };
    tokio::pin!(stop);
    loop {
        let done = tokio::select! {
            () = &mut stop => break,
            _ = looks.tick() => look(control, name).await,
            _ = forgets.tick() => match forget(control, name).await {
                // It says nothing of what else is wrong.
                Ok(()) => continue,
                Err(error) => Err(error),
            },
        };
        match done {
            Ok(unreadable) => noted.are(unreadable),
            Err(error) => noted.are(BTreeSet::from([format!("cannot look for what is due: {}", sentence(&error))])),
        }
    }
    // Another server need not wait.
    let _ = let_go(control, name).await;
}

/// Gives back what is to be known of objects that take no part.
async fn look(control: &Control, name: &str) -> Result<BTreeSet<String>, ControlError> {
    if !hold(control, name).await? {
        return Ok(BTreeSet::new());
    }
    let launched = control.launch_due().await?;
    control.launch_upkeep().await?;
    Ok(launched.unreadable.iter().map(ToString::to_string).collect())
}

async fn hold(control: &Control, name: &str) -> Result<bool, ControlError> {
    let now = control.now();
    let mut writer = control.db.write().await?;
    let is_ours = writer.hold(SCHEDULER, name, now, later(now, SCHEDULER_LEASE)).await?;
    writer.commit().await?;
    Ok(is_ours)
}

async fn let_go(control: &Control, name: &str) -> Result<(), ControlError> {
    let mut writer = control.db.write().await?;
    writer.let_go(SCHEDULER, name).await?;
    Ok(writer.commit().await?)
}

/// Forgets jobs, events and answers that are older than they are kept.
async fn forget(control: &Control, name: &str) -> Result<(), ControlError> {
    if !hold(control, name).await? {
        return Ok(());
    }
    let now = control.now();
    let days = control.db.read().await?.settings().await?.keep_jobs_days.get();
    let ended_before = earlier(now, Duration::from_secs(u64::from(days) * 24 * 3600));
    loop {
        let mut writer = control.db.write().await?;
        let count = writer.forget_jobs(ended_before, FORGOTTEN_AT_ONCE).await?;
        writer.commit().await?;
        if count < FORGOTTEN_AT_ONCE.into() {
            break;
        }
    }
    let mut writer = control.db.write().await?;
    writer.forget_events(earlier(now, KEEP_EVENTS)).await?;
    writer.forget_answers(earlier(now, KEEP_ANSWERS)).await?;
    Ok(writer.commit().await?)
}

/// Lets a worker work until `stop`; then its jobs end in order, and go on wherever they are begun next.
pub async fn work(worker: &Arc<Worker>, pace: Pace, journal: &dyn Journal, stop: impl Future<Output = ()>) {
    let database = worker.control().database().clone();
    let mut events = database.watch_events();
    let (mut looks, mut tells) = (interval(pace.look), interval(pace.tell));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tells.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut noted = Noted { journal, known: BTreeSet::new() };
    tokio::pin!(stop);
    loop {
        let done = tokio::select! {
            () = &mut stop => break,
            _ = looks.tick() => worker.step().await.map(drop),
            () = worker.job_ended() => worker.step().await.map(drop),
            Ok(()) = events.changed() => worker.step().await.map(drop),
            _ = tells.tick() => {
                // What is not told now is told the next time; whether the database answers is seen by the next look.
                let _ = worker.tell().await;
                continue;
            }
        };
        match done {
            Ok(()) => noted.are(BTreeSet::new()),
            Err(error) => noted.are(BTreeSet::from([format!("cannot look for jobs: {}", sentence(&error))])),
        }
    }
    worker.stop();
    let ended = async {
        while worker.at_work() > 0 {
            tokio::select! {
                () = worker.job_ended() => {}
                _ = looks.tick() => drop(worker.step().await),
            }
        }
    };
    if timeout(PATIENCE, ended).await.is_err() {
        journal.note(&format!(
            "{} jobs did not end in time: what became of them is found out when their leases have run out",
            worker.at_work()
        ));
    }
}

fn sentence(error: &ControlError) -> String {
    crate::work::sentence(error)
}

fn later(time: Time, by: Duration) -> Time {
    time.checked_add(by).unwrap_or(Time::MAX)
}

fn earlier(time: Time, by: Duration) -> Time {
    time.checked_sub(by).unwrap_or(Time::MIN)
}
