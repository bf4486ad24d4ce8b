//! Which policies are due: a function of the time, the policies, and up to when each has been accounted for.
//!
//! Every time at which a policy was due is accounted for once: a run starts for it, or makes up for it, or it is noted as
//! missed; or it passed while the policy was not to run, and nothing is owed. No clock is read and nothing is kept here.

#[cfg(test)]
mod tests;

use std::time::Duration;

use holdfast_model::job::Launch;
use holdfast_model::policy::OnMissed;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::{PolicyUid, Time};

/// What is to be known of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Scheduled<'a> {
    /// The policy.
    pub policy: PolicyUid,
    /// By which it runs.
    pub schedule: &'a ScheduleSpec,
    /// Whether it is to run by itself now: it, its schedule, its repository and some client are enabled.
    pub is_active: bool,
    /// What becomes of runs that were missed.
    pub on_missed: OnMissed,
    /// Up to this time all runs have been accounted for.
    pub accounted: Time,
}

/// What is to be done about a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The policy.
    pub policy: PolicyUid,
    /// Up to this time its runs are accounted for now.
    pub accounted: Time,
    /// A run that starts.
    pub start: Option<Start>,
    /// Runs that were missed: made up for by the one that starts, or by none.
    pub missed: Option<Missed>,
}

/// A run that starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// When it was due.
    pub due: Time,
    /// As a scheduled run, or to catch up.
    pub launch: Launch,
}

/// Runs that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// How many; at most [`MOST_COUNTED`].
    pub runs: u32,
    /// When the first was due.
    pub first: Time,
    /// When the last was due.
    pub last: Time,
}

/// A run that begins so much later than it was due was missed: nobody was there to begin it.
pub const LATE: Duration = Duration::from_secs(5 * 60);

/// More missed runs are not counted: what is due every minute and was off for a year has been missed often.
pub const MOST_COUNTED: u32 = 10_000;

/// What is to be done at `now`; nothing for policies that were not due since they were looked at.
pub fn due(now: Time, policies: &[Scheduled<'_>]) -> Vec<Step> {
    policies.iter().filter_map(|policy| policy.step(now)).collect()
}

impl Scheduled<'_> {
    fn step(&self, now: Time) -> Option<Step> {
        // The last is looked for from the end, so that a long absence costs no more than a short one.
        let newest = self.schedule.newest_between(self.accounted, now)?;
        let step = |start, missed| Some(Step { policy: self.policy, accounted: newest, start, missed });
        if !self.is_active {
            return step(None, None);
        }
        let is_late = newest.checked_add(LATE).is_ok_and(|latest| latest < now);
        match (is_late, self.on_missed) {
            (false, _) => {
                let start = Start { due: newest, launch: Launch::Scheduled };
                step(Some(start), self.missed(|time| time < newest))
            }
            (true, OnMissed::CatchUp) => {
                let start = Start { due: newest, launch: Launch::CatchUp };
                step(Some(start), self.missed(|time| time <= newest))
            }
            (true, OnMissed::Skip) => step(None, self.missed(|time| time <= newest)),
        }
    }

    /// What was due since it was accounted for, as long as `counts` holds.
    fn missed(&self, counts: impl Fn(Time) -> bool) -> Option<Missed> {
        let mut times = self.schedule.times_after(self.accounted).take_while(|time| counts(*time));
        let first = times.next()?;
        let mut missed = Missed { runs: 1, first, last: first };
        for last in times.take(MOST_COUNTED as usize - 1) {
            missed = Missed { runs: missed.runs + 1, last, ..missed };
        }
        Some(missed)
    }
}
