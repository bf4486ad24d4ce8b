//! The calendar of snapshots: periods, counting back, and the zone that a stored time is seen in.
//!
//! restic's calendar is that of Go's `time` package (<https://pkg.go.dev/time>); where that differs from others, in
//! months of different lengths and around changes of the clock, this follows it.

use jiff::civil::Date;
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::duration::CalendarDuration;

/// A period of which the newest snapshot is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// No period: each snapshot counts.
    Snapshot,
    /// A clock hour. The hour that comes twice when clocks go back is one.
    Hour,
    /// A calendar day.
    Day,
    /// A week as in ISO 8601: from Monday, in the year that holds its Thursday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months, the first from January on. restic has no such rule; rustic has.
    Quarter,
    /// A calendar year.
    Year,
}

impl Period {
    /// As in `daily snapshot`; `last` for single snapshots.
    pub const fn adjective(self) -> &'static str {
        match self {
            Self::Snapshot => "last",
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Quarter => "quarterly",
            Self::Year => "yearly",
        }
    }

    /// A number that two times share if and only if they are in the same period; `nth` if each counts.
    pub(super) fn number(self, time: &Zoned, nth: usize) -> i64 {
        let (year, month, day) = (i64::from(time.year()), i64::from(time.month()), i64::from(time.day()));
        match self {
            Self::Snapshot => nth as i64,
            Self::Hour => ((year * 100 + month) * 100 + day) * 100 + i64::from(time.hour()),
            Self::Day => (year * 100 + month) * 100 + day,
            Self::Week => {
                let week = time.date().iso_week_date();
                i64::from(week.year()) * 100 + i64::from(week.week())
            }
            Self::Month => year * 100 + month,
            Self::Quarter => year * 4 + (month - 1) / 3,
            Self::Year => year,
        }
    }
}

/// The instant that lies `duration` before `time`, in nanoseconds since 1970.
///
/// Years, months and days are counted on the calendar of the time's zone, all at once, and a day beyond the end of its
/// month falls into the next one: a month before 2023-03-31 is 2023-03-03. Then come the hours.
pub(super) fn before(time: &Zoned, duration: CalendarDuration) -> i128 {
    let CalendarDuration { years, months, days, hours } = duration;
    let months = i64::from(time.year()) * 12 + i64::from(time.month()) - 1 - i64::from(years) * 12 - i64::from(months);
    let first = days_to_month(months.div_euclid(12), months.rem_euclid(12) + 1);
    let day = first + i64::from(time.day()) - 1 - i64::from(days);
    let of_day = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    let civil = day * 86_400 + of_day;
    let instant = civil - offset_of_civil(time.time_zone(), civil) - i64::from(hours) * 3600;
    i128::from(instant) * 1_000_000_000 + i128::from(time.subsec_nanosecond())
}

/// The zone's offset in seconds for a civil time, given as seconds since 1970-01-01T00:00:00 on the same clock.
/// As Go's `time.Date`: taken as UTC first, and corrected once.
fn offset_of_civil(zone: &TimeZone, civil: i64) -> i64 {
    let offset_at = |seconds: i64| {
        let seconds = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let timestamp = Timestamp::from_second(seconds).expect("it is within the limits");
        i64::from(zone.to_offset(timestamp).seconds())
    };
    offset_at(civil - offset_at(civil))
}

/// Days from 1970-01-01 to the first of a month, also of years that no date type holds.
fn days_to_month(year: i64, month: i64) -> i64 {
    // The Gregorian calendar repeats itself every 400 years, which have 146,097 days.
    let (cycles, year) = (year.div_euclid(400), year.rem_euclid(400));
    let within = Date::new(2000 + year as i16, month as i8, 1).expect("years 2000 to 2399 have all months");
    let since = within.since((jiff::Unit::Day, Date::constant(1970, 1, 1))).expect("days fit");
    i64::from(since.get_days()) + (cycles - 5) * 146_097
}

/// A text that is not the time of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the time of a snapshot: it must be a date and time with an offset, as RFC 3339 writes them")]
pub struct ParseSnapshotTimeError {
    text: String,
}

/// Reads the time of a snapshot as stored, in the zone in which restic sees it: in `local` if the offset is the one
/// that `local` has at that time, else at the fixed offset.
pub fn snapshot_time(text: &str, local: &TimeZone) -> Result<Zoned, ParseSnapshotTimeError> {
    let read = || {
        let pieces = Pieces::parse(text).ok()?;
        let written = pieces.offset().filter(|_| pieces.time_zone_annotation().is_none())?;
        let offset = written.to_numeric_offset();
        let timestamp = offset.to_timestamp(pieces.date().to_datetime(pieces.time()?)).ok()?;
        let zone = match written {
            PiecesOffset::Zulu => TimeZone::UTC,
            _ if local.to_offset(timestamp) == offset => local.clone(),
            _ => TimeZone::fixed(offset),
        };
        Some(timestamp.to_zoned(zone))
    };
    read().ok_or_else(|| ParseSnapshotTimeError { text: text.chars().take(80).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(time: &str, zone: &TimeZone, duration: &str) -> String {
        let time = snapshot_time(time, zone).unwrap();
        let instant = Timestamp::from_nanosecond(before(&time, duration.parse().unwrap())).unwrap();
        instant.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    #[test]
    fn a_day_that_a_month_does_not_have_falls_into_the_next() {
        for (time, duration, expected) in [
            ("2024-03-31T10:00:00Z", "1m", "2024-03-02T10:00:00+00:00"),
            ("2023-03-31T10:00:00Z", "1m", "2023-03-03T10:00:00+00:00"),
            ("2024-02-29T00:00:00Z", "1y", "2023-03-01T00:00:00+00:00"),
            ("2024-01-15T00:00:00Z", "13m", "2022-12-15T00:00:00+00:00"),
            ("2024-03-31T00:00:00Z", "1m1d", "2024-03-01T00:00:00+00:00"),
            ("2024-01-01T01:00:00Z", "1y2m3d4h", "2022-10-28T21:00:00+00:00"),
            ("2000-03-01T00:00:00Z", "1000y1d", "1000-02-28T00:00:00+00:00"),
        ] {
            assert_eq!(back(time, &TimeZone::UTC, duration), expected, "{time} {duration}");
        }
    }

    #[test]
    fn days_keep_the_time_of_day_and_hours_do_not_when_clocks_change() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        for (time, duration, expected) in [
            ("2024-03-31T12:00:00+02:00", "1d", "2024-03-30T12:00:00+01:00"),
            ("2024-03-31T12:00:00+02:00", "24h", "2024-03-30T11:00:00+01:00"),
            // 02:30 does not exist on March 31; Go takes it for 03:30 there.
            ("2024-04-01T02:30:00+02:00", "1d", "2024-03-31T03:30:00+02:00"),
            // 02:30 comes twice on October 27; Go takes the second.
            ("2024-10-28T02:30:00+01:00", "1d", "2024-10-27T02:30:00+01:00"),
        ] {
            assert_eq!(back(time, &berlin, duration), expected, "{time} {duration}");
        }
    }

    #[test]
    fn a_duration_of_any_length_can_be_counted_back() {
        let time = snapshot_time("2024-03-31T10:00:00Z", &TimeZone::UTC).unwrap();
        let all = CalendarDuration { years: u32::MAX, months: u32::MAX, days: u32::MAX, hours: u32::MAX };
        assert!(before(&time, all) < i128::from(i64::MIN));
    }

    #[test]
    fn a_time_is_local_only_if_its_offset_is() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let zone = |text: &str| snapshot_time(text, &berlin).unwrap().time_zone().clone();
        assert_eq!(zone("2024-07-01T12:00:00.123456789+02:00"), berlin);
        assert_eq!(zone("2024-07-01T12:00:00+01:00"), TimeZone::fixed(jiff::tz::offset(1)));
        assert_eq!(zone("2024-07-01T12:00:00Z"), TimeZone::UTC);
        for text in ["", "2024-07-01", "2024-07-01T12:00:00", "yesterday", "2024-07-01T12:00:00+02:00[Europe/Berlin]"] {
            assert!(snapshot_time(text, &berlin).is_err(), "{text}");
        }
    }
}
