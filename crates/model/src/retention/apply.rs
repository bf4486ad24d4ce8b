//! The policy applied: which snapshots of a group stay and why, and the plan for all groups.

use std::fmt;

use jiff::{Timestamp as Instant, Zoned};

use super::calendar::before;
use super::group::group;
use super::{Count, GroupBy, GroupKey, Period, Retention, TagList};
use crate::{SnapshotId, Timestamp, duration::CalendarDuration};

/// What a retention needs to know of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: SnapshotId,
    /// When it was made, in the zone in which hours and days are counted (see [`snapshot_time`](super::snapshot_time)).
    pub time: Zoned,
    /// Its host.
    pub host: String,
    /// Its paths.
    pub paths: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
}

/// Why a snapshot stays. Shown as restic words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It has these tags.
    Tags(TagList),
    /// It is young enough.
    Within(CalendarDuration),
    /// It is the newest of one of the periods to keep.
    Newest(Period),
    /// It is the oldest of all, and periods to keep are left: this makes the history as long as it can be.
    Oldest(Period),
    /// It is the newest of its period, and young enough.
    NewestWithin(Period, CalendarDuration),
    /// It is the oldest of all, and young enough.
    OldestWithin(Period, CalendarDuration),
}

/// A snapshot that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The snapshot.
    pub snapshot: &'a Candidate,
    /// Why it stays: at least one reason.
    pub reasons: Vec<Reason>,
}

/// What becomes of the snapshots of a group, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision<'a> {
    /// These stay.
    pub keep: Vec<Kept<'a>>,
    /// These go.
    pub remove: Vec<&'a Candidate>,
}

/// What becomes of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPlan<'a> {
    /// What its snapshots have in common.
    pub group: GroupKey,
    /// What stays and what goes.
    pub decision: Decision<'a>,
}

/// A retention that would remove what nobody can have meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing is to be kept.
    #[error("no retention was given, so no snapshot is removed: say what to keep, for example --keep-daily 7")]
    Empty,
    /// A group would lose all its snapshots.
    #[error("the retention keeps no snapshot of the group ({group}), so none is removed: give a rule that keeps some")]
    NothingKept {
        /// The group.
        group: GroupKey,
    },
}

/// Decides for all snapshots, group by group. `now` is needed because snapshots from the future do not count as the
/// newest, from which durations are counted back.
///
/// # Errors
/// Fails, as restic does, if the retention is empty or would leave a group without a snapshot.
pub fn plan<'a>(
    retention: &Retention,
    by: GroupBy,
    candidates: &'a [Candidate],
    now: Timestamp,
) -> Result<Vec<GroupPlan<'a>>, PlanError> {
    if retention.is_empty() {
        return Err(PlanError::Empty);
    }
    let decide = |(group, candidates)| {
        let decision = retention.apply(candidates, now);
        if decision.keep.is_empty() {
            return Err(PlanError::NothingKept { group });
        }
        Ok(GroupPlan { group, decision })
    };
    group(by, candidates).into_iter().map(decide).collect()
}

impl Retention {
    /// Decides for the snapshots of one group. An empty retention removes them all.
    pub fn apply<'a>(&self, mut group: Vec<&'a Candidate>, now: Timestamp) -> Decision<'a> {
        // restic leaves the order of equal times to chance.
        group.sort_by(|a, b| b.time.cmp(&a.time).then(a.id.cmp(&b.id)));
        let mut rules = Rules::new(self, &newest(&group, now));
        let mut decision = Decision::default();
        for (nth, &snapshot) in group.iter().enumerate() {
            let reasons = rules.reasons(snapshot, nth, nth + 1 == group.len());
            if reasons.is_empty() {
                decision.remove.push(snapshot);
            } else {
                decision.keep.push(Kept { snapshot, reasons });
            }
        }
        decision
    }
}

/// The time of the newest snapshot that is not from the future; if all are, the year 1, as Go's zero time.
fn newest(newest_first: &[&Candidate], now: Timestamp) -> Zoned {
    let now = i128::from(now.seconds) * 1_000_000_000 + i128::from(now.nanoseconds);
    let past = newest_first.iter().find(|candidate| nanoseconds(&candidate.time) < now);
    past.map(|candidate| candidate.time.clone()).into_iter().fold(zero_time(), Zoned::max)
}

fn zero_time() -> Zoned {
    const YEAR_1: i64 = -62_135_596_800;
    Instant::from_second(YEAR_1).expect("the year 1 can be represented").to_zoned(jiff::tz::TimeZone::UTC)
}

fn nanoseconds(time: &Zoned) -> i128 {
    time.timestamp().as_nanosecond()
}

/// The rules of a retention, and what they have kept so far.
struct Rules<'a> {
    tags: &'a [TagList],
    within: Option<(CalendarDuration, i128)>,
    counts: Vec<Counted>,
    withins: Vec<Within>,
}

struct Counted {
    period: Period,
    left: Count,
    last: Option<i64>,
}

struct Within {
    period: Period,
    duration: CalendarDuration,
    after: i128,
    last: Option<i64>,
}

impl<'a> Rules<'a> {
    fn new(retention: &'a Retention, newest: &Zoned) -> Self {
        let set = |duration: CalendarDuration| (!duration.is_zero()).then(|| (duration, before(newest, duration)));
        let within =
            |(period, duration)| set(duration).map(|(duration, after)| Within { period, duration, after, last: None });
        Self {
            tags: &retention.tags,
            within: set(retention.within),
            counts: retention.counts().map(|(period, left)| Counted { period, left, last: None }).into(),
            withins: retention.withins().into_iter().filter_map(within).collect(),
        }
    }

    fn reasons(&mut self, snapshot: &Candidate, nth: usize, oldest: bool) -> Vec<Reason> {
        let time = nanoseconds(&snapshot.time);
        let tags = self.tags.iter().filter(|list| list.matches(&snapshot.tags)).cloned().map(Reason::Tags);
        let mut reasons: Vec<_> = tags.collect();
        reasons.extend(self.within.filter(|&(_, after)| time > after).map(|(duration, _)| Reason::Within(duration)));
        for rule in self.counts.iter_mut().filter(|rule| !rule.left.is_zero()) {
            let (new, kept) = begins(&mut rule.last, rule.period.number(&snapshot.time, nth), oldest);
            if kept {
                if let Count::Limited(left) = &mut rule.left {
                    *left -= 1;
                }
                reasons.push(if new { Reason::Newest(rule.period) } else { Reason::Oldest(rule.period) });
            }
        }
        for rule in self.withins.iter_mut().filter(|rule| time > rule.after) {
            let (new, kept) = begins(&mut rule.last, rule.period.number(&snapshot.time, nth), oldest);
            if kept {
                let reason = if new { Reason::NewestWithin } else { Reason::OldestWithin };
                reasons.push(reason(rule.period, rule.duration));
            }
        }
        reasons
    }
}

/// Whether a snapshot is the first that was seen of its period, and whether it is kept for that or as the oldest.
fn begins(last: &mut Option<i64>, number: i64, oldest: bool) -> (bool, bool) {
    let new = last.replace(number) != Some(number);
    (new, new || oldest)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags(list) => write!(f, "has tags {list}"),
            Self::Within(duration) => write!(f, "within {duration}"),
            Self::Newest(period) => write!(f, "{} snapshot", period.adjective()),
            Self::Oldest(period) => write!(f, "oldest {} snapshot", period.adjective()),
            Self::NewestWithin(period, duration) => write!(f, "{} within {duration}", period.adjective()),
            Self::OldestWithin(period, duration) => write!(f, "oldest {} within {duration}", period.adjective()),
        }
    }
}
