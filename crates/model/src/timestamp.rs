//! A point in time as file systems keep it: seconds and nanoseconds since 1970, before it too.
//!
//! Time zones and calendars are not known here. What a server keeps, where nothing is stranger than a clock, has a [`Time`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z and nanoseconds after them (0 to 999,999,999).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp {
    /// Whole seconds, negative before 1970.
    pub seconds: i64,
    /// Nanoseconds after the second, below 1,000,000,000.
    pub nanoseconds: u32,
}

impl Timestamp {
    /// A timestamp of its parts; `None` if there are a second's worth of nanoseconds or more.
    pub const fn new(seconds: i64, nanoseconds: u32) -> Option<Self> {
        if nanoseconds < 1_000_000_000 { Some(Self { seconds, nanoseconds }) } else { None }
    }

    /// The time that has gone by since `earlier`; zero if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = |t: Self| i128::from(t.seconds) * 1_000_000_000 + i128::from(t.nanoseconds);
        let gone = (nanos(self) - nanos(earlier)).max(0);
        let seconds = u64::try_from(gone / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, (gone % 1_000_000_000) as u32)
    }
}

/// A point in time of the years -9999 to 9999, in what a server keeps and says: written as RFC 3339 has it.
pub type Time = jiff::Timestamp;

impl Timestamp {
    /// The same on a calendar: cut to microseconds, as databases keep it, and to what a calendar has.
    pub fn to_time(self) -> Time {
        let seconds = self.seconds.clamp(Time::MIN.as_second(), Time::MAX.as_second());
        let microseconds = i32::try_from(self.nanoseconds / 1000).unwrap_or_default();
        Time::new(seconds, microseconds * 1000).expect("it is within the limits")
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        let nanoseconds = time.as_nanosecond();
        let seconds = nanoseconds.div_euclid(1_000_000_000);
        Self { seconds: seconds as i64, nanoseconds: nanoseconds.rem_euclid(1_000_000_000) as u32 }
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self { seconds: after.as_secs() as i64, nanoseconds: after.subsec_nanos() },
            Err(before) => {
                let before = before.duration();
                let (seconds, nanos) = (before.as_secs() as i64, before.subsec_nanos());
                if nanos == 0 {
                    Self { seconds: -seconds, nanoseconds: 0 }
                } else {
                    Self { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanos }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_keep_positive_nanoseconds() {
        let time = UNIX_EPOCH - Duration::from_millis(1500);
        assert_eq!(Timestamp::from(time), Timestamp { seconds: -2, nanoseconds: 500_000_000 });
    }

    #[test]
    fn a_time_of_the_calendar_has_microseconds_and_limits() {
        let time = |seconds, nanoseconds| Timestamp { seconds, nanoseconds }.to_time();
        assert_eq!(time(-2, 500_000_999).to_string(), "1969-12-31T23:59:58.5Z");
        assert_eq!(Timestamp::from(time(-2, 500_000_999)), Timestamp { seconds: -2, nanoseconds: 500_000_000 });
        assert_eq!(time(i64::MIN, 0).as_second(), Time::MIN.as_second());
        assert_eq!(time(i64::MAX, 999_999_999).as_second(), Time::MAX.as_second());
    }

    #[test]
    fn a_duration_is_never_negative() {
        let (a, b) = (Timestamp { seconds: 5, nanoseconds: 1 }, Timestamp { seconds: 6, nanoseconds: 0 });
        assert_eq!(b.since(a), Duration::from_nanos(999_999_999));
        assert_eq!(a.since(b), Duration::ZERO);
    }
}
