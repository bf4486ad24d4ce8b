//! When a schedule, or the draft of one, is due next.

use holdfast_model::Time;
use holdfast_model::schedule::{ClockChange, ScheduleSpec, Zone};
use serde::{Deserialize, Serialize};

/// The draft of a schedule, of which one wants to know when it would be due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchedulePreview {
    /// The draft.
    pub spec: ScheduleSpec,
    /// How many times are asked for.
    #[serde(default = "count")]
    #[schema(minimum = 1, maximum = 50)]
    pub count: u32,
}

/// When a schedule is due next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Upcoming {
    /// The cron expression in words.
    pub in_words: String,
    /// Where that is the time of day.
    pub time_zone: Zone,
    /// The next times; none, if there are none in the calendar.
    pub occurrences: Vec<Occurrence>,
}

/// A time at which a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Occurrence {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub due: Time,
    /// The same in the schedule's time zone, as `2026-11-25T02:30:00+01:00`.
    #[schema(format = DateTime)]
    pub local: String,
    /// What a change of the clock has to do with it, where it has.
    pub clock_change: Option<ClockChange>,
}

impl SchedulePreview {
    /// How many times are answered if nothing is said.
    pub const COUNT: u32 = 10;
    /// How many times can be asked for.
    pub const MOST: u32 = 50;
}

fn count() -> u32 {
    SchedulePreview::COUNT
}
