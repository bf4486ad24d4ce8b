//! What the scheduler promises, as tests: against times that are found by looking at every minute of years.

use std::collections::BTreeMap;

use holdfast_model::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

fn schedule(cron: &str, zone: &str) -> ScheduleSpec {
    let json = serde_json::json!({"name": "s", "cron": cron, "time_zone": zone});
    serde_json::from_value(json).unwrap()
}

fn uid(number: u8) -> PolicyUid {
    PolicyUid::new(Timestamp::default(), [number; 10])
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn scheduled(schedule: &ScheduleSpec, accounted: Time) -> Scheduled<'_> {
    Scheduled { policy: uid(1), schedule, is_active: true, on_missed: OnMissed::CatchUp, accounted }
}

fn only(now: &str, policy: Scheduled<'_>) -> Option<Step> {
    let mut steps = due(time(now), &[policy]);
    assert!(steps.len() <= 1);
    steps.pop()
}

#[test]
fn a_run_starts_at_its_time_and_not_before() {
    let nightly = schedule("0 2 * * *", "UTC");
    let policy = scheduled(&nightly, time("2026-11-23T12:00:00Z"));
    assert_eq!(only("2026-11-24T01:59:59Z", policy), None);
    let step = only("2026-11-24T02:00:00Z", policy).unwrap();
    let start = Start { due: time("2026-11-24T02:00:00Z"), launch: Launch::Scheduled };
    assert_eq!((step.start, step.missed, step.accounted), (Some(start), None, start.due));
    assert_eq!(only("2026-11-24T02:00:10Z", Scheduled { accounted: step.accounted, ..policy }), None);
}

#[test]
fn what_was_missed_is_made_up_for_once() {
    let nightly = schedule("0 2 * * *", "UTC");
    let policy = scheduled(&nightly, time("2026-11-20T02:00:00Z"));
    let step = only("2026-11-24T09:00:00Z", policy).unwrap();
    let (first, last) = (time("2026-11-21T02:00:00Z"), time("2026-11-24T02:00:00Z"));
    assert_eq!(step.start, Some(Start { due: last, launch: Launch::CatchUp }));
    assert_eq!(step.missed, Some(Missed { runs: 4, first, last }));
    let skipped = only("2026-11-24T09:00:00Z", Scheduled { on_missed: OnMissed::Skip, ..policy }).unwrap();
    assert_eq!((skipped.start, skipped.missed, skipped.accounted), (None, step.missed, last));
}

#[test]
fn a_run_that_is_due_now_makes_up_for_those_before_it() {
    let hourly = schedule("@hourly", "UTC");
    let step = only("2026-11-24T09:00:01Z", scheduled(&hourly, time("2026-11-24T06:00:00Z"))).unwrap();
    assert_eq!(step.start, Some(Start { due: time("2026-11-24T09:00:00Z"), launch: Launch::Scheduled }));
    assert_eq!(step.missed.unwrap().runs, 2);
}

#[test]
fn nothing_is_owed_for_times_that_passed_while_a_policy_was_not_to_run() {
    let hourly = schedule("@hourly", "UTC");
    let off = Scheduled { is_active: false, ..scheduled(&hourly, time("2026-11-24T06:00:00Z")) };
    let step = only("2026-11-24T09:30:00Z", off).unwrap();
    assert_eq!((step.start, step.missed), (None, None));
    let on = Scheduled { is_active: true, accounted: step.accounted, ..off };
    assert_eq!(only("2026-11-24T09:59:00Z", on), None);
    assert!(only("2026-11-24T10:00:00Z", on).unwrap().missed.is_none());
}

#[test]
fn a_year_of_missed_minutes_is_not_counted_to_its_end() {
    let minutely = schedule("* * * * *", "UTC");
    let step = only("2026-11-24T09:00:00Z", scheduled(&minutely, time("2025-11-24T09:00:00Z"))).unwrap();
    assert_eq!(step.missed.unwrap().runs, MOST_COUNTED);
    assert_eq!(step.start.unwrap().due, time("2026-11-24T09:00:00Z"));
}

/// A schedule of which the times can be found without cron.
#[derive(Debug, Clone)]
enum Plain {
    /// At a time of day, on some days of the week (Monday's bit the lowest).
    At { hour: i8, minute: i8, days: u8 },
    /// Every so many minutes of each hour.
    Every { minutes: i8 },
}

impl Plain {
    fn cron(&self) -> String {
        match self {
            Self::At { hour, minute, days } => {
                let days: Vec<String> =
                    (0..7).filter(|day| days >> day & 1 == 1).map(|day| (day + 1).to_string()).collect();
                format!("{minute} {hour} * * {}", days.join(","))
            }
            Self::Every { minutes } => format!("*/{minutes} * * * *"),
        }
    }

    /// All times after `from` and up to `until`, found day by day or minute by minute.
    fn times(&self, zone: &TimeZone, from: Time, until: Time) -> Vec<Time> {
        let all: Vec<Time> = match *self {
            Self::At { hour, minute, days } => {
                let first = from.to_zoned(zone.clone()).date().yesterday().unwrap();
                let last = until.to_zoned(zone.clone()).date().tomorrow().unwrap();
                let dates = first.series(jiff::Span::new().days(1)).take_while(|date| *date <= last);
                let dates = dates.filter(|date| days >> date.weekday().to_monday_zero_offset() & 1 == 1);
                dates.map(|date| when(zone, date.at(hour, minute, 0, 0))).collect()
            }
            Self::Every { minutes } => {
                let minute = |number: i64| Time::from_second(number * 60).unwrap();
                let all = (from.as_second() / 60..=until.as_second() / 60).map(minute);
                all.filter(|time| time.to_zoned(zone.clone()).minute() % minutes == 0).collect()
            }
        };
        all.into_iter().filter(|time| *time > from && *time <= until).collect()
    }
}

/// When the clock shows this first; if it never does, when it has been put forward over it.
fn when(zone: &TimeZone, civil: jiff::civil::DateTime) -> Time {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        jiff::tz::AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().unwrap();
            let change = zone.following(before.checked_sub(jiff::SignedDuration::from_hours(3)).unwrap()).next();
            change.unwrap().timestamp()
        }
        _ => ambiguous.earlier().unwrap(),
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    prop_oneof![
        (0i8..24, 0i8..60, 1u8..128).prop_map(|(hour, minute, days)| Plain::At { hour, minute, days }),
        prop_oneof![Just(10i8), Just(15), Just(30), Just(20)].prop_map(|minutes| Plain::Every { minutes }),
    ]
}

const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"];

/// How often somebody looks, in seconds: mostly at once, sometimes after hours or days away.
fn pauses() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![40 => 30i64..3600, 8 => 3600i64..40_000, 1 => 80_000i64..900_000], 40..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Over months to years of looks at random times, in zones whose clocks change: every due time is accounted for once, none
    /// is made up that was not due, and nothing starts before its time.
    #[test]
    fn every_due_time_is_accounted_for_once(
        plain in plain(),
        zone in prop::sample::select(&ZONES[..]),
        begin in 1_700_000_000i64..1_800_000_000,
        pauses in pauses(),
        catch_up: bool,
        switched_off in prop::collection::vec(any::<bool>(), 1..8),
    ) {
        let schedule = schedule(&plain.cron(), zone);
        let start = Time::from_second(begin).unwrap();
        let on_missed = if catch_up { OnMissed::CatchUp } else { OnMissed::Skip };
        let (mut now, mut accounted) = (start, start);
        let mut seen: BTreeMap<Time, &str> = BTreeMap::new();
        let mut note = |time: Time, what| seen.insert(time, what).map_or(Ok(()), |before| {
            Err(TestCaseError::fail(format!("{time} was {before} and then {what}")))
        });
        let zone = schedule.time_zone.time_zone();
        for (nth, pause) in pauses.iter().enumerate() {
            now = now.checked_add(Duration::from_secs(*pause as u64)).unwrap();
            // Mostly on.
            let is_active = nth % 16 != 5 || switched_off[nth / 16 % switched_off.len()];
            let policy = Scheduled { policy: uid(1), schedule: &schedule, is_active, on_missed, accounted };
            let Some(step) = due(now, &[policy]).pop() else { continue };
            prop_assert!(step.accounted > accounted && step.accounted <= now);
            if !is_active {
                prop_assert_eq!((&step.start, &step.missed), (&None, &None));
                for time in plain.times(zone, accounted, step.accounted) {
                    note(time, "passed")?;
                }
            }
            if let Some(Start { due, launch }) = step.start {
                prop_assert_eq!(due, step.accounted);
                let is_late = now.duration_since(due).as_secs() > LATE.as_secs() as i64;
                prop_assert_eq!(launch, if is_late { Launch::CatchUp } else { Launch::Scheduled });
                if launch == Launch::Scheduled {
                    note(due, "started")?;
                }
            }
            if let Some(missed) = step.missed {
                let times = plain.times(zone, accounted, missed.last);
                prop_assert_eq!((times.len() as u32, times[0]), (missed.runs, missed.first));
                for time in times {
                    note(time, "missed")?;
                }
            }
            accounted = step.accounted;
        }
        let expected = plain.times(zone, start, accounted);
        prop_assert_eq!(seen.into_keys().collect::<Vec<_>>(), expected);
        prop_assert!(plain.times(zone, accounted, now).is_empty(), "what was due last was not seen");
    }
}
