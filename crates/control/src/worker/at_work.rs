//! A job that a worker is at work on: what it says, how far it is, and why it is to end before it is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_model::client::BandwidthLimit;
use holdfast_model::job::{Cause, JobError, JobStatus, Outcome, Waiting};
use holdfast_model::policy::Timeouts;
use holdfast_model::schedule::Zone;
use holdfast_model::{CancelToken, Clock, Monitor, TenantUid, Time, WeekSpan};
use holdfast_pull::Rate;
use parking_lot::Mutex;

use super::notes::Notes;
use crate::work::Failure;

/// A job that a thread works on. Clones are the same job.
#[derive(Clone)]
pub(super) struct AtWork {
    pub(super) cancel: CancelToken,
    pub(super) notes: Arc<Notes>,
    /// Whose the job is.
    pub(super) tenant: TenantUid,
    state: Arc<Mutex<State>>,
}

struct State {
    began: Instant,
    limits: JobLimits,
    /// How fast clients may send at which times, and the limits that their sessions go by.
    paces: Vec<(Vec<BandwidthLimit>, Rate)>,
    ending: Option<Ending>,
}

/// What a job is held to while it is at work.
#[derive(Debug, Clone, Default)]
pub(super) struct JobLimits {
    pub(super) timeouts: Timeouts,
    /// When it must pause.
    pub(super) pause: Vec<WeekSpan>,
    /// Where those are times of the week.
    pub(super) zone: Zone,
}

/// Why a job is to end before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Somebody wants it so, or it was given to another worker.
    Asked,
    /// It took so long.
    Timeout(Duration),
    /// For so long nothing went on.
    Idle(Duration),
    /// Its window has closed. It goes on then, if that is known.
    Pause(Option<Time>),
    /// The worker stops.
    Stopping,
}

/// What becomes of a job that nobody works on any more.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// It has ended.
    Ended(JobStatus, Outcome),
    /// It goes on later.
    PutBack { not_before: Time, waiting: Option<Waiting> },
}

impl AtWork {
    pub(super) fn new(clock: Arc<dyn Clock>, tenant: TenantUid) -> Self {
        let state = State { began: clock.instant(), limits: JobLimits::default(), paces: Vec::new(), ending: None };
        Self {
            cancel: CancelToken::new(),
            notes: Arc::new(Notes::new(clock)),
            tenant,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// From now on it is held to these.
    pub(super) fn hold_to(&self, limits: JobLimits) {
        self.state.lock().limits = limits;
    }

    /// The limit of a client's sessions for this job, which follows the time of the week from now on.
    pub(super) fn pace(&self, limits: Vec<BandwidthLimit>, clock: &dyn Clock) -> Rate {
        let rate = Rate::unlimited();
        if !limits.is_empty() {
            self.state.lock().paces.push((limits, rate.clone()));
            self.keep_pace(clock);
        }
        rate
    }

    /// Sets the limits of its sessions by what time it is now, where its windows are times of the week too.
    pub(super) fn keep_pace(&self, clock: &dyn Clock) {
        let state = self.state.lock();
        let now = clock.now().to_time().to_zoned(state.limits.zone.time_zone().clone()).datetime();
        for (limits, rate) in &state.paces {
            let limit = limits.iter().find(|limit| limit.when.contains(now));
            rate.set(limit.map(|limit| limit.bytes_per_second.get()));
        }
    }

    /// Ends it, and keeps why. The first reason counts.
    pub(super) fn end(&self, why: Ending) {
        let mut state = self.state.lock();
        state.ending.get_or_insert(why);
        drop(state);
        self.cancel.cancel();
    }

    /// Why it is to end by itself, if it is.
    pub(super) fn overdue(&self, clock: &dyn Clock) -> Option<Ending> {
        let state = self.state.lock();
        let limits = &state.limits;
        let (took, idle) = (clock.instant().duration_since(state.began), self.notes.idle(clock.instant()));
        let exceeds = |seconds: Option<u32>, took: Duration| {
            seconds.map(|seconds| Duration::from_secs(seconds.into())).filter(|limit| took > *limit)
        };
        if let Some(limit) = exceeds(limits.timeouts.whole_seconds, took) {
            return Some(Ending::Timeout(limit));
        }
        if let Some(limit) = exceeds(limits.timeouts.idle_seconds, idle) {
            return Some(Ending::Idle(limit));
        }
        let now = clock.now().to_time().to_zoned(limits.zone.time_zone().clone());
        let must_pause = limits.pause.iter().any(|span| span.contains(now.datetime()));
        must_pause.then(|| Ending::Pause(WeekSpan::next_change(&limits.pause, &now).map(|end| end.timestamp())))
    }

    /// What becomes of it.
    pub(super) fn ended(&self, result: Result<Outcome, Failure>, now: Time) -> End {
        let failed = |error| End::Ended(JobStatus::Failed, Outcome { error: Some(error), ..Outcome::default() });
        let error = match result {
            Ok(outcome) if outcome.warnings > 0 => return End::Ended(JobStatus::Warning, outcome),
            Ok(outcome) => return End::Ended(JobStatus::Succeeded, outcome),
            Err(Failure::Cancelled) => None,
            Err(Failure::Failed(error)) => Some(error),
        };
        let Some(ending) = self.state.lock().ending else {
            return error.map_or(End::Ended(JobStatus::Cancelled, Outcome::default()), failed);
        };
        if let Some(error) = error {
            // What breaks because it was ended has not failed.
            self.notes.note(&error.message);
        }
        let late = |cause, message: String| failed(JobError { cause, message });
        match ending {
            Ending::Asked => End::Ended(JobStatus::Cancelled, Outcome::default()),
            Ending::Timeout(limit) => late(Cause::Timeout, format!("it was ended after {limit:?}, as its policy says")),
            Ending::Idle(limit) => late(Cause::Idle, format!("nothing went on for {limit:?}: it was ended")),
            Ending::Pause(until) => {
                let waiting = Some(Waiting::Window { at: until });
                End::PutBack { not_before: until.unwrap_or(now), waiting }
            }
            Ending::Stopping => End::PutBack { not_before: now, waiting: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_model::monitor::Progress;
    use holdfast_testkit::FakeClock;

    use super::*;

    fn at_work(limits: JobLimits) -> (AtWork, Arc<FakeClock>) {
        // A Friday, 08:00 in UTC.
        let clock = Arc::new(FakeClock::at_seconds(1_800_000_000));
        let tenant = TenantUid::new(clock.now(), [1; 10]);
        let at_work = AtWork::new(clock.clone(), tenant);
        at_work.hold_to(limits);
        (at_work, clock)
    }

    #[test]
    fn a_job_that_takes_too_long_or_does_not_go_on_is_ended_and_has_failed() {
        let timeouts = Timeouts { whole_seconds: Some(100), idle_seconds: Some(20) };
        let (at_work, clock) = at_work(JobLimits { timeouts, ..JobLimits::default() });
        for second in 1..=5 {
            clock.advance(Duration::from_secs(19));
            assert_eq!(at_work.overdue(&*clock), None);
            at_work.notes.progress(&Progress { bytes_done: second, ..Progress::default() });
        }
        clock.advance(Duration::from_secs(6));
        assert_eq!(at_work.overdue(&*clock), Some(Ending::Timeout(Duration::from_secs(100))));
        let (at_work, clock) = self::at_work(JobLimits { timeouts, ..JobLimits::default() });
        for _ in 0..3 {
            clock.advance(Duration::from_secs(7));
            // The same again is no progress.
            at_work.notes.progress(&Progress::default());
        }
        let ending = at_work.overdue(&*clock).unwrap();
        assert_eq!(ending, Ending::Idle(Duration::from_secs(20)));
        at_work.end(ending);
        at_work.end(Ending::Asked);
        assert!(at_work.cancel.is_cancelled());
        let End::Ended(JobStatus::Failed, outcome) = at_work.ended(Err(Failure::Cancelled), clock.now().to_time())
        else {
            panic!("it has not failed")
        };
        assert_eq!(outcome.error.unwrap().cause, Cause::Idle);
    }

    #[test]
    fn how_fast_a_client_may_send_follows_the_clock_of_the_jobs_own_zone() {
        let limit = |when: &str, bytes_per_second: u64| {
            let json = serde_json::json!({"when": when, "bytes_per_second": bytes_per_second});
            serde_json::from_value::<BandwidthLimit>(json).unwrap()
        };
        let limits = vec![limit("fri 10:00-18:00", 1000), limit("fri 00:00-24:00", 50)];
        // 08:00 in UTC is 09:00 there.
        let zone = "Europe/Berlin".parse().unwrap();
        let (at_work, clock) = at_work(JobLimits { zone, ..JobLimits::default() });
        let rate = at_work.pace(limits, &*clock);
        assert_eq!(rate.get(), Some(50));
        clock.advance(Duration::from_secs(3600));
        assert_eq!(rate.get(), Some(50), "until somebody looks at the clock");
        at_work.keep_pace(&*clock);
        assert_eq!(rate.get(), Some(1000));
        clock.advance(Duration::from_secs(15 * 3600));
        at_work.keep_pace(&*clock);
        assert_eq!(rate.get(), None, "it is Saturday");
        assert_eq!(at_work.pace(Vec::new(), &*clock).get(), None);
    }

    #[test]
    fn a_job_whose_window_closes_goes_on_when_it_may() {
        let pause = vec!["fri 08:00-18:00".parse().unwrap()];
        let (at_work, clock) = at_work(JobLimits { pause, zone: "UTC".parse().unwrap(), ..JobLimits::default() });
        let now = clock.now().to_time();
        let until: Time = "2027-01-15T18:00:00Z".parse().unwrap();
        let ending = at_work.overdue(&*clock).unwrap();
        assert_eq!(ending, Ending::Pause(Some(until)));
        at_work.end(ending);
        let end = at_work.ended(Err(Failure::Cancelled), now);
        assert_eq!(end, End::PutBack { not_before: until, waiting: Some(Waiting::Window { at: Some(until) }) });
        // One that was done before it could end is done.
        assert_eq!(at_work.ended(Ok(Outcome::default()), now), End::Ended(JobStatus::Succeeded, Outcome::default()));
    }
}
