//! Durations: restic's calendar durations (`1y5m7d2h`), and elapsed time as people read it.
//!
//! A calendar duration has no length in seconds: how long a month is depends on where it is counted from
//! (see `retention`).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Years, months, days and hours, each counted on its own. Zero means that no duration is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CalendarDuration {
    /// Calendar years.
    pub years: u32,
    /// Calendar months.
    pub months: u32,
    /// Calendar days.
    pub days: u32,
    /// Hours of 3,600 seconds.
    pub hours: u32,
}

/// A text that is not a calendar duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration: write years, months, days and hours as in 1y5m7d2h, each at most once")]
pub struct ParseDurationError {
    text: String,
}

impl CalendarDuration {
    /// Whether no duration is set.
    pub const fn is_zero(&self) -> bool {
        self.years == 0 && self.months == 0 && self.days == 0 && self.hours == 0
    }
}

impl fmt::Display for CalendarDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, unit) in [(self.years, 'y'), (self.months, 'm'), (self.days, 'd'), (self.hours, 'h')] {
            if count != 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

/// Reads what restic reads, but for what it takes in silence to the user's harm: a unit named twice, of which only the
/// last counts there. Empty text is zero.
impl FromStr for CalendarDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, ParseDurationError> {
        let error = || ParseDurationError { text: text.chars().take(80).collect() };
        let mut units = [None; 4];
        let mut rest = text.trim();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let unit = match rest.as_bytes().get(digits) {
                Some(b'y') => &mut units[0],
                Some(b'm') => &mut units[1],
                Some(b'd') => &mut units[2],
                Some(b'h') => &mut units[3],
                _ => return Err(error()),
            };
            let count = rest[..digits].parse::<u32>().map_err(|_| error())?;
            if unit.replace(count).is_some() {
                return Err(error());
            }
            rest = &rest[digits + 1..];
        }
        let [years, months, days, hours] = units.map(Option::unwrap_or_default);
        Ok(Self { years, months, days, hours })
    }
}

impl Serialize for CalendarDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CalendarDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Elapsed time as restic shows it: `M:SS`, from an hour on `H:MM:SS`.
pub fn format_elapsed(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_come_in_any_order_and_may_be_left_out() {
        let full = CalendarDuration { years: 1, months: 5, days: 7, hours: 2 };
        assert_eq!("1y5m7d2h".parse(), Ok(full));
        assert_eq!(" 2h7d5m1y\n".parse(), Ok(full));
        assert_eq!("14d".parse(), Ok(CalendarDuration { days: 14, ..Default::default() }));
        assert!("".parse::<CalendarDuration>().is_ok_and(|none| none.is_zero()));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["1", "d", "1w", "-1d", "1d 2h", "1d2d", "99999999999y", "1.5d", "1D", "é", "1é"] {
            let error = text.parse::<CalendarDuration>().unwrap_err();
            assert!(error.to_string().contains("1y5m7d2h"), "{text}");
        }
    }

    #[test]
    fn elapsed_time_has_hours_only_when_needed() {
        let shown = [0, 59, 61, 3599, 3600, 360_061].map(|seconds| format_elapsed(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0:00", "0:59", "1:01", "59:59", "1:00:00", "100:01:01"]);
    }

    proptest! {
        #[test]
        fn a_duration_is_read_back_as_written(years: u32, months: u32, days: u32, hours: u32) {
            let duration = CalendarDuration { years, months, days, hours };
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
            let json = serde_json::to_string(&duration).unwrap();
            prop_assert_eq!(serde_json::from_str::<CalendarDuration>(&json).unwrap(), duration);
        }

        #[test]
        fn no_text_is_too_strange(text in "([0-9]{0,12}[ymdhw-]?){0,4}|\\PC*") {
            let _ = text.parse::<CalendarDuration>();
        }
    }
}
