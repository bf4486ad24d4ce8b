//! Times as the format writes them: RFC 3339 with up to nine decimals and a zone offset, as Go's `time.Time` in JSON.
//!
//! Two times are equal when they are the same instant, wherever they were written down. Calendars other than the
//! proleptic Gregorian one, zone names and leap seconds are not known here.

use std::fmt;
use std::hash::{Hash, Hasher};

use holdfast_model::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant, with the offset from UTC at which it was written.
#[derive(Clone, Copy, Default)]
pub struct ZonedTime {
    /// The instant.
    pub at: Timestamp,
    /// Minutes east of UTC, between -1439 and 1439.
    offset: i16,
}

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a time in the form of RFC 3339")]
pub struct ParseTimeError {
    text: String,
}

/// Go's zero time, 0001-01-01T00:00:00Z: what stands where no time was known.
pub const GO_ZERO: ZonedTime = ZonedTime { at: Timestamp { seconds: -62_135_596_800, nanoseconds: 0 }, offset: 0 };

impl ZonedTime {
    /// An instant in UTC: what we write.
    pub const fn utc(at: Timestamp) -> Self {
        Self { at, offset: 0 }
    }

    /// Appends the time. Years before 0 and after 9999, which the form can't express, become 0 and 9999 as in restic.
    pub fn write(self, out: &mut Vec<u8>) {
        let local = self.at.seconds.saturating_add(i64::from(self.offset) * 60);
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let clamped = year.clamp(0, 9999);
        // 29 February of a year that becomes 9999 is 1 March there.
        let (month, day) = if clamped == 9999 && month == 2 && day == 29 { (3, 1) } else { (month, day) };
        digits(out, clamped as u64, 4);
        for (before, value) in
            [(b'-', month), (b'-', day), (b'T', second / 3600), (b':', second / 60 % 60), (b':', second % 60)]
        {
            out.push(before);
            digits(out, value as u64, 2);
        }
        if self.at.nanoseconds != 0 {
            out.push(b'.');
            digits(out, u64::from(self.at.nanoseconds), 9);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
        if self.offset == 0 {
            out.push(b'Z');
        } else {
            out.push(if self.offset < 0 { b'-' } else { b'+' });
            digits(out, u64::from(self.offset.unsigned_abs() / 60), 2);
            out.push(b':');
            digits(out, u64::from(self.offset.unsigned_abs() % 60), 2);
        }
    }

    /// Reads a time as Go writes it. Decimals after the ninth are dropped.
    pub fn parse(text: &str) -> Result<Self, ParseTimeError> {
        parse(text.as_bytes()).ok_or_else(|| ParseTimeError { text: text.chars().take(60).collect() })
    }
}

impl From<Timestamp> for ZonedTime {
    fn from(at: Timestamp) -> Self {
        Self::utc(at)
    }
}

impl PartialEq for ZonedTime {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for ZonedTime {}

impl PartialOrd for ZonedTime {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ZonedTime {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl Hash for ZonedTime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at.hash(state);
    }
}

impl fmt::Display for ZonedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(35);
        self.write(&mut text);
        f.pad(std::str::from_utf8(&text).expect("a time is ASCII"))
    }
}

impl fmt::Debug for ZonedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ZonedTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ZonedTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ZonedTime;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time in the form of RFC 3339")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ZonedTime, E> {
                ZonedTime::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

fn digits(out: &mut Vec<u8>, mut value: u64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn number(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |sum, &c| c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0')))
}

fn parse(text: &[u8]) -> Option<ZonedTime> {
    let (fixed, mut rest) = text.split_first_chunk::<19>()?;
    if [fixed[4], fixed[7], fixed[10], fixed[13], fixed[16]] != *b"--T::" {
        return None;
    }
    let field = |from: usize, to: usize, least: i64, most: i64| {
        number(&fixed[from..to]).filter(|value| (least..=most).contains(value))
    };
    let (year, month, day) = (field(0, 4, 0, 9999)?, field(5, 7, 1, 12)?, field(8, 10, 1, 31)?);
    let (hour, minute, second) = (field(11, 13, 0, 23)?, field(14, 16, 0, 59)?, field(17, 19, 0, 59)?);
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    let mut nanoseconds = 0;
    if let [b'.', decimals @ ..] = rest {
        let len = decimals.iter().take_while(|c| c.is_ascii_digit()).count();
        if len == 0 {
            return None;
        }
        let padded = decimals[..len].iter().chain(std::iter::repeat(&b'0'));
        nanoseconds = padded.take(9).fold(0, |sum, &c| sum * 10 + u32::from(c - b'0'));
        rest = &decimals[len..];
    }
    let offset = match *rest {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let hours = number(&[h1, h2]).filter(|&h| h < 24)?;
            let minutes = number(&[m1, m2]).filter(|&m| m < 60)?;
            (hours * 60 + minutes) * if sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset * 60;
    Some(ZonedTime { at: Timestamp { seconds, nanoseconds }, offset: offset as i16 })
}

/// Year, month and day of a number of days after 1970-01-01. Years begin in March here, so that the leap day is last;
/// 400 years have 146,097 days.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_as_go_does() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2014-12-06T17:50:23.34513538+01:00",
            "2024-02-29T23:59:59.999999999-11:30",
            "0001-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.1Z",
            "1969-12-31T23:59:59.000000001Z",
        ] {
            assert_eq!(ZonedTime::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(GO_ZERO.to_string(), "0001-01-01T00:00:00Z");
        let time = ZonedTime::parse("2000-01-01T01:00:00.5+01:00").unwrap();
        assert_eq!(time.at, Timestamp { seconds: 946_684_800, nanoseconds: 500_000_000 });
        assert_eq!(time, ZonedTime::parse("2000-01-01T00:00:00.5Z").unwrap());
    }

    #[test]
    fn years_that_have_no_four_digits_are_clamped() {
        let at = |seconds| ZonedTime::utc(Timestamp { seconds, nanoseconds: 0 }).to_string();
        assert_eq!(at(253_402_300_800), "9999-01-01T00:00:00Z");
        assert_eq!(at(-62_167_219_201), "0000-12-31T23:59:59Z");
        // 29 February 12000
        assert_eq!(at((days_from_civil(12_000, 2, 29)) * 86_400), "9999-03-01T00:00:00Z");
        for seconds in [i64::MIN, i64::MAX] {
            assert!(ZonedTime::parse(&at(seconds)).is_ok());
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "2014-12-06",
            "2014-12-06T17:50:23",
            "2014-13-06T17:50:23Z",
            "2014-02-30T17:50:23Z",
            "2014-12-06 17:50:23Z",
            "2014-12-06T17:50:23.Z",
            "2014-12-06T17:50:23+0100",
            "2014-12-06T24:50:23Z",
            "2014-12-06T17:50:23+24:00",
            "é014-12-06T17:50:23Z",
        ] {
            assert!(ZonedTime::parse(text).is_err(), "{text}");
        }
    }
}
