//! Which snapshots to keep: restic's forget policy, as of restic 0.19, as a pure function; and quarters of a year.
//!
//! What restic keeps, this keeps, for the same reasons (doc/060_forget.rst and the behaviour of restic's `forget
//! --dry-run --json` are the source). Nothing is removed here: the outcome is a plan.

mod apply;
mod calendar;
mod foresee;
mod group;
mod tags;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::duration::CalendarDuration;

pub use apply::{Candidate, Decision, GroupPlan, Kept, PlanError, Reason, plan};
pub use calendar::{ParseSnapshotTimeError, Period, snapshot_time};
pub use foresee::{Foreseen, foresee};
pub use group::{GroupBy, GroupKey, ParseGroupByError, group};
pub use tags::TagList;

/// What to keep of each group of snapshots. A snapshot stays if any rule keeps it; the default keeps nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// The newest snapshots.
    pub last: Count,
    /// The newest snapshot of each of so many hours that have one.
    pub hourly: Count,
    /// The same of days.
    pub daily: Count,
    /// The same of ISO weeks.
    pub weekly: Count,
    /// The same of months.
    pub monthly: Count,
    /// The same of quarters of a year.
    pub quarterly: Count,
    /// The same of years.
    pub yearly: Count,
    /// All snapshots younger than this, counted back from the group's newest.
    pub within: CalendarDuration,
    /// The newest of each hour within this.
    pub within_hourly: CalendarDuration,
    /// The newest of each day within this.
    pub within_daily: CalendarDuration,
    /// The newest of each ISO week within this.
    pub within_weekly: CalendarDuration,
    /// The newest of each month within this.
    pub within_monthly: CalendarDuration,
    /// The newest of each quarter of a year within this.
    pub within_quarterly: CalendarDuration,
    /// The newest of each year within this.
    pub within_yearly: CalendarDuration,
    /// All snapshots that have all tags of one of these lists.
    pub tags: Vec<TagList>,
}

/// How many to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Count {
    /// At most so many.
    Limited(u32),
    /// All of them.
    Unlimited,
}

/// A text that is not a count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a number of snapshots to keep: write a whole number, or \"unlimited\"")]
pub struct ParseCountError {
    text: String,
}

impl Retention {
    /// Whether nothing is said of what to keep. Applied, it would remove everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn counts(&self) -> [(Period, Count); 7] {
        [
            (Period::Snapshot, self.last),
            (Period::Hour, self.hourly),
            (Period::Day, self.daily),
            (Period::Week, self.weekly),
            (Period::Month, self.monthly),
            (Period::Quarter, self.quarterly),
            (Period::Year, self.yearly),
        ]
    }

    fn withins(&self) -> [(Period, CalendarDuration); 6] {
        [
            (Period::Hour, self.within_hourly),
            (Period::Day, self.within_daily),
            (Period::Week, self.within_weekly),
            (Period::Month, self.within_monthly),
            (Period::Quarter, self.within_quarterly),
            (Period::Year, self.within_yearly),
        ]
    }
}

/// One sentence, as restic words it: `keep 7 daily, 5 weekly snapshots`.
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |period| if period == Period::Snapshot { "latest" } else { Period::adjective(period) };
        let counts = self.counts().into_iter().filter(|(_, count)| !count.is_zero());
        let counts: Vec<_> = counts
            .map(|(period, count)| match count {
                Count::Limited(count) => format!("{count} {}", name(period)),
                Count::Unlimited => format!("all {}", name(period)),
            })
            .collect();
        let mut parts = Vec::new();
        if !counts.is_empty() {
            parts.push(format!("{} snapshots", counts.join(", ")));
        }
        let withins = self.withins().into_iter().filter(|(_, within)| !within.is_zero());
        parts.extend(withins.map(|(period, within)| format!("{} snapshots within {within}", period.adjective())));
        let mut sentence = parts.join(", ");
        let mut add = |part: String| {
            sentence = if sentence.is_empty() { part } else { format!("{sentence} and {part}") };
        };
        if !self.tags.is_empty() {
            let lists: Vec<_> = self.tags.iter().map(TagList::to_string).collect();
            add(format!("all snapshots with tags [{}]", lists.join(" ")));
        }
        if !self.within.is_zero() {
            add(format!("all snapshots within {} of the newest", self.within));
        }
        if sentence.is_empty() { f.write_str("remove") } else { write!(f, "keep {sentence}") }
    }
}

impl Count {
    /// Whether none are kept.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Limited(0))
    }
}

impl Default for Count {
    fn default() -> Self {
        Self::Limited(0)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited(count) => write!(f, "{count}"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

/// Reads a number or `unlimited`; also `-1`, which earlier versions of restic took for it.
impl FromStr for Count {
    type Err = ParseCountError;

    fn from_str(text: &str) -> Result<Self, ParseCountError> {
        match text {
            "unlimited" | "-1" => Ok(Self::Unlimited),
            _ => match text.parse() {
                Ok(count) => Ok(Self::Limited(count)),
                Err(_) => Err(ParseCountError { text: text.chars().take(80).collect() }),
            },
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Limited(count) => serializer.serialize_u32(*count),
            Self::Unlimited => serializer.serialize_str("unlimited"),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(i64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(de::Error::custom)
    }
}
