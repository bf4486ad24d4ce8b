//! Spans of the week, as `mon-fri 22:00-06:00`: when jobs may start, when they must pause, when a limit applies.
//!
//! A span is said in the civil time of some place; which place, whoever asks says. A span that ends before it begins goes on
//! past midnight and belongs to the day on which it began.

use std::fmt;
use std::str::FromStr;

use jiff::Zoned;
use jiff::civil::{DateTime, Time, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The same hours of some days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WeekSpan {
    /// One bit a day, Monday's the lowest.
    days: u8,
    /// Minutes after midnight, below 1,440.
    from: u16,
    /// Minutes after midnight, from 1 to 1,440; past midnight if not after `from`.
    until: u16,
}

/// A text that is not a span of the week.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a span of the week: write days and hours as in `mon-fri 22:00-06:00`, `sat,sun 00:00-24:00`, or \
     only the hours for every day"
)]
pub struct ParseWeekSpanError {
    text: String,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EVERY_DAY: u8 = 0x7f;
const MINUTES: u16 = 24 * 60;

impl WeekSpan {
    /// Whether this time of the week lies in the span. The end does not.
    pub fn contains(&self, time: DateTime) -> bool {
        let minute = time.hour() as u16 * 60 + time.minute() as u16;
        if self.from < self.until {
            return self.has(time.weekday()) && (self.from..self.until).contains(&minute);
        }
        (self.has(time.weekday()) && minute >= self.from)
            || (self.has(time.weekday().previous()) && minute < self.until)
    }

    /// The earliest moment after `now`, on the minute, at which being in one of the spans begins or ends; `None` if there
    /// is none in a week.
    pub fn next_change(spans: &[Self], now: &Zoned) -> Option<Zoned> {
        let is_in = |time: &Zoned| spans.iter().any(|span| span.contains(time.datetime()));
        let before = is_in(now);
        let edges = spans.iter().flat_map(|span| [span.from, span.until % MINUTES]);
        // A civil time that a change of the clock leaves out comes as the first after it.
        let mut times: Vec<Zoned> = (0..=8)
            .filter_map(|day| now.date().checked_add(jiff::Span::new().days(day)).ok())
            .flat_map(|date| {
                edges.clone().filter_map(move |minute| {
                    let time = Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).ok()?;
                    now.time_zone().to_ambiguous_zoned(date.to_datetime(time)).later().ok()
                })
            })
            .filter(|time| time > now)
            .collect();
        times.sort();
        times.into_iter().find(|time| is_in(time) != before)
    }

    fn has(&self, day: Weekday) -> bool {
        self.days >> day.to_monday_zero_offset() & 1 == 1
    }
}

impl FromStr for WeekSpan {
    type Err = ParseWeekSpanError;

    fn from_str(text: &str) -> Result<Self, ParseWeekSpanError> {
        let lower = text.trim().to_ascii_lowercase();
        let (days, hours) = lower.rsplit_once(' ').map_or(("", &lower[..]), |(days, hours)| (days.trim(), hours));
        let read = || {
            let days = if days.is_empty() { EVERY_DAY } else { parse_days(days)? };
            let (from, until) = hours.split_once('-')?;
            let (from, until) = (parse_minute(from)?, parse_minute(until)?);
            (from < MINUTES && until > 0).then_some(Self { days, from, until })
        };
        read().ok_or_else(|| ParseWeekSpanError { text: text.chars().take(80).collect() })
    }
}

/// `mon`, `mon-fri`, `sat,sun`, `fri-mon`
fn parse_days(text: &str) -> Option<u8> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name.trim());
    text.split(',').try_fold(0, |days, part| {
        let (first, last) = part.split_once('-').map_or((part, part), |ends| ends);
        let (first, last) = (day(first)?, day(last)?);
        let count = (last + 7 - first) % 7;
        Some((0..=count).fold(days, |days, nth| days | 1 << ((first + nth) % 7)))
    })
}

/// `7:30`, `24:00`
fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str, most: u16| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|number| digits && *number <= most)
    };
    let (hour, minute) = (number(hour, 24)?, number(minute, 59).filter(|_| minute.len() == 2)?);
    Some(hour * 60 + minute).filter(|minute| *minute <= MINUTES)
}

/// The days are left out if it is every day, and written as ranges from Monday on.
impl fmt::Display for WeekSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != EVERY_DAY {
            let mut ranges: Vec<(usize, usize)> = Vec::new();
            for day in (0..7).filter(|day| self.days >> day & 1 == 1) {
                match ranges.last_mut() {
                    Some((_, last)) if *last + 1 == day => *last = day,
                    _ => ranges.push((day, day)),
                }
            }
            let range = |(first, last): &(usize, usize)| match last - first {
                0 => DAYS[*first].to_owned(),
                _ => format!("{}-{}", DAYS[*first], DAYS[*last]),
            };
            write!(f, "{} ", ranges.iter().map(range).collect::<Vec<_>>().join(","))?;
        }
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{}", time(self.from), time(self.until))
    }
}

impl Serialize for WeekSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WeekSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn span(text: &str) -> WeekSpan {
        text.parse().unwrap()
    }

    /// 2026-11-23 is a Monday.
    fn monday(hour: i8, minute: i8) -> DateTime {
        date(2026, 11, 23).at(hour, minute, 0, 0)
    }

    #[test]
    fn a_span_past_midnight_belongs_to_the_day_on_which_it_began() {
        let nights = span("mon-fri 22:00-06:00");
        let contains = |day: i8, hour, minute| nights.contains(date(2026, 11, day).at(hour, minute, 0, 0));
        assert!(!contains(23, 5, 59), "Sunday's night is not meant");
        assert!(!contains(23, 21, 59));
        assert!(contains(23, 22, 0) && contains(24, 5, 59));
        assert!(!contains(24, 6, 0));
        assert!(contains(28, 3, 0), "Friday's night ends on Saturday");
        assert!(!contains(28, 22, 0));
        assert!(span("00:00-24:00").contains(monday(23, 59)));
    }

    #[test]
    fn the_next_change_is_found_across_days_and_changes_of_the_clock() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let next = |text: &str, now: DateTime| {
            let now = now.to_zoned(berlin.clone()).unwrap();
            WeekSpan::next_change(&[span(text)], &now).map(|time| time.datetime().to_string())
        };
        assert_eq!(next("mon 22:00-06:00", monday(12, 0)).unwrap(), "2026-11-23T22:00:00");
        assert_eq!(next("mon 22:00-06:00", monday(22, 0)).unwrap(), "2026-11-24T06:00:00");
        assert_eq!(next("mon 22:00-06:00", date(2026, 11, 24).at(6, 0, 0, 0)).unwrap(), "2026-11-30T22:00:00");
        assert_eq!(next("00:00-24:00", monday(12, 0)), None);
        // 02:30 does not exist on that day.
        assert_eq!(next("02:30-05:00", date(2027, 3, 28).at(0, 0, 0, 0)).unwrap(), "2027-03-28T03:30:00");
    }

    #[test]
    fn what_is_no_span_is_refused_and_what_is_one_is_written_in_one_way() {
        for text in [
            "",
            "mon",
            "22-6",
            "22:00",
            "24:00-06:00",
            "10:00-00:00",
            "10:60-11:00",
            "xyz 1:00-2:00",
            "10:0-11:00",
            "+1:00-2:00",
        ] {
            let error = text.parse::<WeekSpan>().unwrap_err();
            assert!(error.to_string().contains("mon-fri 22:00-06:00"), "{text}");
        }
        for (text, written) in [
            ("MON-FRI 9:00-17:30", "mon-fri 09:00-17:30"),
            ("sun, sat 00:00-24:00", "sat-sun 00:00-24:00"),
            ("fri-mon,wed 1:00-2:00", "mon,wed,fri-sun 01:00-02:00"),
            ("mon-sun 22:00-06:00", "22:00-06:00"),
        ] {
            assert_eq!(span(text).to_string(), written);
        }
    }

    proptest! {
        #[test]
        fn a_span_is_read_back_as_written(days in 1u8..128, from in 0u16..1440, until in 1u16..=1440) {
            let span = WeekSpan { days, from, until };
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC*") {
            let _ = text.parse::<WeekSpan>();
        }
    }
}
