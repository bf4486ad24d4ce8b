//! When something is due: a cron expression in a time zone, shared by policies.
//!
//! The expression has five fields or is one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`; what it means, also
//! where clocks change, is what croner makes of it (<https://docs.rs/croner>): a time that the clock leaves out comes as the
//! first after it, one that comes twice counts once. No clock is read here.

mod occurrence;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::object::{Kind, Object, Spec};
use crate::{Name, ScheduleUid};

pub use occurrence::{ClockChange, Occurrence};

/// A schedule as it is kept.
pub type Schedule = Object<ScheduleSpec>;

/// A schedule as a person says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// What it is called.
    pub name: Name,
    /// When it is due.
    pub cron: Cron,
    /// Where that is the time of day.
    #[serde(default)]
    pub time_zone: Zone,
    /// Each client begins at most so many seconds later, always the same number for the same client: not all at once.
    #[serde(default)]
    pub jitter_seconds: u32,
    /// Whether it is due at all.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// What the server knows of a schedule: nothing yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScheduleStatus {}

fn enabled() -> bool {
    true
}

impl ScheduleSpec {
    /// How long after the due time a client begins, from `seed`, which is the client's own.
    pub fn jitter_of(&self, seed: u128) -> Duration {
        // The finalizer of SplitMix64: neighbouring seeds give unrelated numbers.
        let mut mixed = (seed >> 64) as u64 ^ seed as u64;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        Duration::from_secs(mixed % (u64::from(self.jitter_seconds) + 1))
    }
}

impl Spec for ScheduleSpec {
    type Uid = ScheduleUid;
    type Status = ScheduleStatus;

    const KIND: Kind = Kind::Schedule;

    fn name(&self) -> &Name {
        &self.name
    }

    fn is_enabled(&self) -> bool {
        self.enabled
    }
}

/// A cron expression.
#[derive(Clone)]
pub struct Cron {
    text: String,
    cron: croner::Cron,
}

/// A text that is not a cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a cron expression ({why}): write minute, hour, day of month, month and day of week as in `30 2 * * *`, \
     or @daily"
)]
pub struct ParseCronError {
    text: String,
    why: String,
}

impl Cron {
    /// In words, as `At 02:30, only on Monday`.
    pub fn describe(&self) -> String {
        self.cron.describe()
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Cron {
    type Err = ParseCronError;

    fn from_str(text: &str) -> Result<Self, ParseCronError> {
        let error = |why: String| ParseCronError { text: text.chars().take(80).collect(), why };
        if text.len() > 200 {
            return Err(error("it is too long".into()));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|why| error(why.to_string()))?;
        Ok(Self { text: text.trim().to_owned(), cron })
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A time zone by its name, as `Europe/Berlin`; UTC if nothing is said.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// A text that names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a time zone that this machine knows: write a name as Europe/Berlin, or UTC")]
pub struct ParseZoneError {
    text: String,
}

impl Zone {
    /// The zone.
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".into(), zone: TimeZone::UTC }
    }
}

impl FromStr for Zone {
    type Err = ParseZoneError;

    fn from_str(text: &str) -> Result<Self, ParseZoneError> {
        if text == "UTC" {
            return Ok(Self::default());
        }
        let zone = TimeZone::get(text).ok().filter(|zone| zone.iana_name() == Some(text));
        match zone {
            Some(zone) => Ok(Self { name: text.to_owned(), zone }),
            None => Err(ParseZoneError { text: text.chars().take(80).collect() }),
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text! { Cron Zone }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_read_as_people_write_it() {
        let json =
            r#"{"name": "nightly", "cron": "30 2 * * MON-FRI", "time_zone": "Europe/Berlin", "jitter_seconds": 600}"#;
        let schedule: ScheduleSpec = serde_json::from_str(json).unwrap();
        assert!(schedule.enabled);
        assert_eq!(schedule.time_zone.as_str(), "Europe/Berlin");
        assert_eq!(schedule, serde_json::from_str(&serde_json::to_string(&schedule).unwrap()).unwrap());
        for alias in ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"] {
            assert_eq!(alias.parse::<Cron>().unwrap().as_str(), alias);
        }
    }

    #[test]
    fn what_cannot_be_due_is_refused_in_one_sentence() {
        for text in ["", "* * * *", "61 * * * *", "0 0 2 * * *", "every day", "* * * * * * 2030", &"1,".repeat(200)] {
            let error = text.parse::<Cron>().unwrap_err().to_string();
            assert!(error.contains("30 2 * * *") && !error.contains('\n'), "{error}");
        }
        assert!("Berlin".parse::<Zone>().is_err());
        assert!("../../etc/passwd".parse::<Zone>().is_err());
    }

    #[test]
    fn clients_are_spread_over_the_jitter_and_each_stays_where_it_is() {
        let mut schedule: ScheduleSpec =
            serde_json::from_str(r#"{"name": "n", "cron": "@daily", "jitter_seconds": 99}"#).unwrap();
        let of = |schedule: &ScheduleSpec| (0..10_000u128).map(|seed| schedule.jitter_of(seed).as_secs()).collect();
        let seconds: Vec<u64> = of(&schedule);
        assert_eq!(seconds, of(&schedule));
        let counts = |second| seconds.iter().filter(|at| **at == second).count();
        assert!((0..100).all(|second| (50..200).contains(&counts(second))), "10,000 over 100 seconds");
        schedule.jitter_seconds = 0;
        assert_eq!(schedule.jitter_of(7), Duration::ZERO);
    }
}
