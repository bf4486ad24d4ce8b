//! The times at which a schedule is due, and what a change of the clock makes of them.

use jiff::Zoned;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::Serialize;

use super::{Cron, ScheduleSpec, Zone};
use crate::Time;

/// A time at which a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Occurrence {
    /// When.
    pub due: Time,
    /// What a change of the clock has to do with it, where it has.
    pub clock_change: Option<ClockChange>,
}

/// How a change of the clock meets a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClockChange {
    /// The time of day that was written does not exist on that day: it is due when the clock has been put forward.
    Moved,
    /// The time of day comes twice: it is due the first time alone.
    Twice,
    /// The clock was put forward over a time before this one, which is left out.
    LeftOut,
}

impl ScheduleSpec {
    /// The first time after `after` at which it is due; `None` if there is none in the calendar (February 30th).
    pub fn next_after(&self, after: Time) -> Option<Time> {
        next(&self.cron, &self.time_zone, after).map(|zoned| zoned.timestamp())
    }

    /// The newest time at or before `until`, and after `after`, at which it is due.
    pub fn newest_between(&self, after: Time, until: Time) -> Option<Time> {
        let until = until.to_zoned(self.time_zone.time_zone().clone());
        let found = self.cron.cron.find_previous_occurrence(&until, true).ok()?.timestamp();
        (found > after).then_some(found)
    }

    /// All times after `after` at which it is due, in order.
    pub fn times_after(&self, after: Time) -> impl Iterator<Item = Time> + '_ {
        std::iter::successors(self.next_after(after), |time| self.next_after(*time))
    }

    /// The next `count` times at which it is due, with a word where the clock changes.
    pub fn upcoming(&self, after: Time, count: usize) -> Vec<Occurrence> {
        let mut before = after;
        let mut upcoming = Vec::with_capacity(count);
        while upcoming.len() < count {
            let Some(due) = next(&self.cron, &self.time_zone, before) else { break };
            let clock_change = self.clock_change(before, &due);
            before = due.timestamp();
            upcoming.push(Occurrence { due: before, clock_change });
        }
        upcoming
    }

    fn clock_change(&self, before: Time, due: &Zoned) -> Option<ClockChange> {
        let civil = due.datetime();
        let zone = self.time_zone.time_zone();
        if !self.is_written(civil) {
            return Some(ClockChange::Moved);
        }
        if matches!(zone.to_ambiguous_timestamp(civil).offset(), AmbiguousOffset::Fold { .. }) && !self.is_every_hour()
        {
            return Some(ClockChange::Twice);
        }
        let put_forward = zone.following(before).map(|change| change.timestamp());
        let left_out = put_forward.take_while(|at| *at < due.timestamp()).any(|at| self.leaves_out(zone, at));
        left_out.then_some(ClockChange::LeftOut)
    }

    /// Whether the expression has this time of day, be there such a time in the zone or not.
    fn is_written(&self, civil: DateTime) -> bool {
        civil.to_zoned(TimeZone::UTC).is_ok_and(|zoned| self.cron.cron.is_time_matching(&zoned).unwrap_or(false))
    }

    /// Whether it goes on through the hours, so that no change of the clock matters.
    fn is_every_hour(&self) -> bool {
        self.cron.text.split_whitespace().nth(1).is_none_or(|hours| hours.starts_with('*'))
    }

    /// Whether the expression has a time of day that the change of the clock at `at` leaves out.
    fn leaves_out(&self, zone: &TimeZone, at: Time) -> bool {
        let just_before = at.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(at);
        let (from, until) = (zone.to_datetime(just_before), zone.to_datetime(at));
        let written =
            from.to_zoned(TimeZone::UTC).ok().and_then(|from| self.cron.cron.find_next_occurrence(&from, false).ok());
        written.is_some_and(|written| written.datetime() < until)
    }
}

fn next(cron: &Cron, zone: &Zone, after: Time) -> Option<Zoned> {
    cron.cron.find_next_occurrence(&after.to_zoned(zone.time_zone().clone()), false).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(cron: &str) -> ScheduleSpec {
        let json = format!(r#"{{"name": "n", "cron": "{cron}", "time_zone": "Europe/Berlin"}}"#);
        serde_json::from_str(&json).unwrap()
    }

    /// The next times, in Berlin, and what the clock has to do with them.
    fn upcoming(cron: &str, after: &str, count: usize) -> Vec<(String, Option<ClockChange>)> {
        let schedule = schedule(cron);
        let show = |occurrence: Occurrence| {
            let zoned = occurrence.due.to_zoned(schedule.time_zone.time_zone().clone());
            (zoned.strftime("%m-%d %H:%M%:z").to_string(), occurrence.clock_change)
        };
        schedule.upcoming(after.parse().unwrap(), count).into_iter().map(show).collect()
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_comes_when_it_has_been_put_forward() {
        let times = upcoming("30 2 * * *", "2027-03-27T12:00:00Z", 2);
        let moved = ("03-28 03:00+02:00".to_owned(), Some(ClockChange::Moved));
        assert_eq!(times, [moved, ("03-29 02:30+02:00".to_owned(), None)]);
    }

    #[test]
    fn a_time_that_comes_twice_counts_once() {
        let times = upcoming("30 2 * * *", "2026-10-24T12:00:00Z", 2);
        let twice = ("10-25 02:30+02:00".to_owned(), Some(ClockChange::Twice));
        assert_eq!(times, [twice, ("10-26 02:30+01:00".to_owned(), None)]);
    }

    #[test]
    fn what_is_left_out_is_said_at_the_next_time() {
        let times = upcoming("*/30 2 * * *", "2027-03-27T12:00:00Z", 2);
        assert_eq!(times[0], ("03-29 02:00+02:00".to_owned(), Some(ClockChange::LeftOut)));
        assert_eq!(times[1], ("03-29 02:30+02:00".to_owned(), None));
    }

    #[test]
    fn what_goes_on_through_the_hours_is_not_troubled() {
        for (after, count) in [("2027-03-28T00:00:00Z", 8), ("2026-10-24T23:00:00Z", 8)] {
            let times = upcoming("*/30 * * * *", after, count);
            assert!(times.iter().all(|(_, change)| change.is_none()), "{times:?}");
        }
    }

    #[test]
    fn what_is_never_due_is_not_searched_for_without_end() {
        assert_eq!(schedule("0 0 30 2 *").next_after(Time::UNIX_EPOCH), None);
        assert_eq!(schedule("0 0 30 2 *").upcoming(Time::UNIX_EPOCH, 3), []);
    }

    #[test]
    fn the_newest_due_time_of_a_span_is_found_from_its_end() {
        let hourly = schedule("@hourly");
        let time = |text: &str| text.parse::<Time>().unwrap();
        let (noon, one) = (time("2026-11-24T12:00:00Z"), time("2026-11-24T13:00:00Z"));
        assert_eq!(hourly.newest_between(noon, one), Some(one));
        assert_eq!(hourly.newest_between(noon, time("2026-11-24T12:59:59Z")), None);
        assert_eq!(hourly.times_after(noon).take(2).collect::<Vec<_>>(), [one, time("2026-11-24T14:00:00Z")]);
    }
}
