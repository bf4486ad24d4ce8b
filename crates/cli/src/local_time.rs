//! Times in the zone of this machine.

use anyhow::{Context as _, Result};
use holdfast_model::{Time, Timestamp};
use holdfast_repo::time::ZonedTime;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A point in time, as this machine's clock on the wall shows it.
pub fn local(at: Timestamp) -> Result<ZonedTime> {
    let time = jiff::Timestamp::new(at.seconds, at.nanoseconds as i32).context("the clock is out of bounds")?;
    zoned(&time.to_zoned(TimeZone::system()))
}

/// What `--time` says: `2026-11-21 03:00:00` or `2026-11-21`, in this machine's zone, or a time with an offset.
pub fn parse(text: &str) -> Result<ZonedTime> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return zoned(&time.to_zoned(TimeZone::system()));
    }
    let time: DateTime =
        text.parse().with_context(|| format!("{text:?} is no time; write it like '2026-11-21 03:00:00'"))?;
    zoned(&time.to_zoned(TimeZone::system())?)
}

/// `2026-11-21 03:00:00`, in this machine's zone.
pub fn show(time: ZonedTime) -> String {
    jiff::Timestamp::new(time.at.seconds, time.at.nanoseconds as i32).map_or_else(|_| time.to_string(), show_time)
}

/// The same of a time that a server says.
pub fn show_time(time: Time) -> String {
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `03:00`, if that is on the same day as another time; else all of it.
pub fn show_near(time: Time, other: Time) -> String {
    let [at, other] = [time, other].map(|time| time.to_zoned(TimeZone::system()));
    if at.date() == other.date() { at.strftime("%H:%M").to_string() } else { show_time(time) }
}

fn zoned(time: &jiff::Zoned) -> Result<ZonedTime> {
    Ok(ZonedTime::parse(&time.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string())?)
}
