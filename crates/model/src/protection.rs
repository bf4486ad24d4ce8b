//! Whether a client is protected by a policy: from the age of its newest good snapshot, never from its last job alone.
//!
//! What is expected by when follows from the schedule. No job's end can make an old snapshot younger.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Time;
use crate::job::Cause;
use crate::schedule::ScheduleSpec;

/// How well a client is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// It is not to be backed up at the moment.
    Paused,
    /// Its newest snapshot is as young as the schedule wants it.
    Protected,
    /// A backup is at work, and none is late.
    Running,
    /// A backup should have begun, and may still end in time.
    Due,
    /// It has no good snapshot yet, and none is late.
    Never,
    /// A good snapshot is late.
    Overdue,
    /// A good snapshot is late, because the host does not answer.
    Unreachable,
    /// A good snapshot is late, because backups fail.
    Failing,
    /// Its snapshots are in a repository that is known to be damaged.
    Damaged,
}

/// What is known of a client and a policy.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Whether client, policy, schedule and repository are all enabled.
    pub is_enabled: bool,
    /// By which it runs.
    pub schedule: Option<&'a ScheduleSpec>,
    /// Since when the client is to be backed up by the policy.
    pub since: Time,
    /// When the newest good snapshot was begun.
    pub newest: Option<Time>,
    /// Whether a backup is at work.
    pub is_running: bool,
    /// When the newest backup that failed ended, and why, if none has ended well since.
    pub failed: Option<(Time, Cause)>,
    /// Whether the repository is known to be damaged.
    pub is_damaged: bool,
    /// How long after its due time a snapshot may take to be there.
    pub grace: Duration,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// How well it is protected.
    pub protection: Protection,
    /// By when the next good snapshot is expected; `None` if none is.
    pub expected_by: Option<Time>,
}

impl Standing<'_> {
    /// How well the client is protected at `now`.
    pub fn assess(&self, now: Time) -> Assessment {
        self.assess_by(now, ScheduleSpec::next_after)
    }

    /// The same for who has looked into the calendar before: `next` is what the schedule says of the first time after another.
    pub fn assess_by(&self, now: Time, next: impl FnOnce(&ScheduleSpec, Time) -> Option<Time>) -> Assessment {
        let counted_from = self.newest.unwrap_or(self.since);
        let due = self.schedule.filter(|_| self.is_enabled).and_then(|schedule| next(schedule, counted_from));
        let expected_by = due.map(|due| due.checked_add(self.grace).unwrap_or(Time::MAX));
        let is_late = expected_by.is_some_and(|by| now > by);
        let protection = if !self.is_enabled {
            Protection::Paused
        } else if self.is_damaged {
            Protection::Damaged
        } else if is_late {
            self.why_late(due.unwrap_or(now))
        } else if self.is_running {
            Protection::Running
        } else if self.newest.is_none() {
            Protection::Never
        } else if due.is_some_and(|due| now >= due) {
            Protection::Due
        } else {
            Protection::Protected
        };
        Assessment { protection, expected_by }
    }

    /// A failure from before the due time says nothing of why there is none since.
    fn why_late(&self, due: Time) -> Protection {
        match self.failed {
            Some((at, Cause::Unreachable)) if at >= due => Protection::Unreachable,
            Some((at, _)) if at >= due => Protection::Failing,
            _ => Protection::Overdue,
        }
    }
}

impl Protection {
    /// All of them, the best first.
    pub const ALL: [Self; 9] = [
        Self::Paused,
        Self::Protected,
        Self::Running,
        Self::Due,
        Self::Never,
        Self::Overdue,
        Self::Unreachable,
        Self::Failing,
        Self::Damaged,
    ];

    /// As it stands in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Protected => "protected",
            Self::Running => "running",
            Self::Due => "due",
            Self::Never => "never",
            Self::Overdue => "overdue",
            Self::Unreachable => "unreachable",
            Self::Failing => "failing",
            Self::Damaged => "damaged",
        }
    }

    /// Whether somebody should look.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Overdue | Self::Unreachable | Self::Failing | Self::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn nightly() -> ScheduleSpec {
        serde_json::from_str(r#"{"name": "nightly", "cron": "0 2 * * *"}"#).unwrap()
    }

    fn standing(schedule: &ScheduleSpec) -> Standing<'_> {
        Standing {
            is_enabled: true,
            schedule: Some(schedule),
            since: time("20T12:00"),
            newest: Some(time("23T02:03")),
            is_running: false,
            failed: None,
            is_damaged: false,
            grace: Duration::from_secs(2 * 3600),
        }
    }

    fn at(standing: Standing<'_>, now: &str) -> Protection {
        standing.assess(time(now)).protection
    }

    #[test]
    fn a_snapshot_protects_until_the_next_is_due_and_its_grace_has_passed() {
        let schedule = nightly();
        let standing = standing(&schedule);
        assert_eq!(standing.assess(time("23T12:00")).expected_by, Some(time("24T04:00")));
        assert_eq!(at(standing, "24T01:59"), Protection::Protected);
        assert_eq!(at(standing, "24T02:00"), Protection::Due);
        assert_eq!(at(standing, "24T04:00"), Protection::Due);
        assert_eq!(at(standing, "24T04:01"), Protection::Overdue);
    }

    #[test]
    fn no_job_makes_an_old_snapshot_younger() {
        let schedule = nightly();
        let running = Standing { is_running: true, ..standing(&schedule) };
        assert_eq!(at(running, "24T02:30"), Protection::Running);
        assert_eq!(at(running, "24T05:00"), Protection::Overdue, "one that hangs protects nobody");
        let failed = |at| Standing { failed: Some((time(at), Cause::Disconnected)), ..standing(&schedule) };
        assert_eq!(at(failed("24T02:10"), "24T02:30"), Protection::Due, "it may be tried again in time");
        assert_eq!(at(failed("24T02:10"), "24T05:00"), Protection::Failing);
        assert_eq!(at(failed("23T12:00"), "24T05:00"), Protection::Overdue, "that was another day");
        let away = Standing { failed: Some((time("24T02:10"), Cause::Unreachable)), ..standing(&schedule) };
        assert_eq!(at(away, "24T05:00"), Protection::Unreachable);
    }

    #[test]
    fn one_that_was_never_backed_up_is_late_as_any_other() {
        let schedule = nightly();
        let new = Standing { newest: None, ..standing(&schedule) };
        assert_eq!(at(new, "20T13:00"), Protection::Never);
        assert_eq!(at(new, "21T04:01"), Protection::Overdue);
    }

    #[test]
    fn what_is_switched_off_or_unscheduled_is_not_late() {
        let schedule = nightly();
        let off = Standing { is_enabled: false, ..standing(&schedule) };
        assert_eq!(off.assess(time("29T00:00")), Assessment { protection: Protection::Paused, expected_by: None });
        let damaged = Standing { is_damaged: true, ..standing(&schedule) };
        assert_eq!(at(damaged, "23T12:00"), Protection::Damaged, "however young the snapshot is");
        let by_hand = Standing { schedule: None, ..standing(&schedule) };
        assert_eq!(at(by_hand, "29T00:00"), Protection::Protected);
    }
}
