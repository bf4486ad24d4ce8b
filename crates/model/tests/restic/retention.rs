//! Retention: the same snapshots must stay, for the same reasons.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use holdfast_model::retention::{Candidate, GroupBy, PlanError, Reason, Retention, plan, snapshot_time};
use holdfast_model::{Clock, SystemClock};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::{repository, restic};

/// What to keep and how to group, as restic's options without `--keep-`.
const SETTINGS: &[&str] = &[
    "last=1",
    "last=7",
    "last=unlimited",
    "hourly=24",
    "daily=7",
    "daily=unlimited",
    "weekly=5",
    "weekly=60",
    "weekly=unlimited",
    "monthly=12",
    "monthly=unlimited",
    "yearly=3",
    "yearly=unlimited",
    "daily=7 weekly=5 monthly=12 yearly=3",
    "last=3 hourly=5 daily=4 weekly=3 monthly=2 yearly=1",
    "hourly=200 yearly=200",
    "within=1d",
    "within=1m",
    "within=1y5m7d2h",
    "within=31d",
    "within=2d group-by=",
    "within-hourly=2d group-by=",
    "within=48h group-by=",
    "within=100y",
    "within-hourly=3d",
    "within-daily=1m",
    "within-weekly=2y",
    "within-monthly=1y1m",
    "within-yearly=10y",
    "within-hourly=2d within-daily=1m within-weekly=6m within-monthly=2y within-yearly=100y",
    "daily=3 within-monthly=5y tag=important",
    "tag=important last=1",
    "tag=important,db tag=other last=1",
    "tag= last=1",
    "within=36h group-by=",
    "daily=7 weekly=60 group-by=host",
    "weekly=4 monthly=4 group-by=paths",
    "weekly=unlimited within=1m group-by=tags",
    "last=2 group-by=host,paths,tags",
    "yearly=9 weekly=9 group-by=",
    "tag=important",
    "within-daily=7d within=3d daily=2 group-by=host,tags",
];

/// Times around turns of the year, of the month and of the clock, and plain ones, in several offsets.
fn times() -> Vec<String> {
    let mut times = Vec::new();
    for year in 2015..=2024 {
        for (day, zone) in [("12-28", "+01:00"), ("12-30", "Z"), ("12-31", "-05:00")] {
            times.push(format!("{year}-{day}T23:30:00.{year}{zone}"));
        }
        for (day, zone) in [("01-01", "+01:00"), ("01-03", "Z"), ("01-04", "+05:45"), ("02-28", "+01:00")] {
            times.push(format!("{year}-{day}T00:15:00.1{zone}"));
        }
    }
    // The clocks of Berlin change on 2024-03-31 and 2024-10-27.
    for time in ["03-30T02:30:00+01:00", "03-31T01:59:59+01:00", "03-31T03:00:00+02:00", "03-31T03:30:00+02:00"] {
        times.push(format!("2024-{time}"));
    }
    for time in ["10-27T02:30:00+02:00", "10-27T02:30:00+01:00", "10-27T02:45:00+01:00", "10-28T02:30:00+01:00"] {
        times.push(format!("2024-{time}"));
    }
    // The newest are just after a change of Berlin's clocks, so that durations are counted back over it.
    for hour in 0..72 {
        times.push(format!("2025-03-{:02}T{:02}:10:00.5+02:00", 29 + hour / 24, hour % 24));
    }
    for hour in 0..48 {
        times.push(format!("2025-03-{:02}T{:02}:40:00.5-08:00", 28 + hour / 24, hour % 24));
    }
    times.push("2080-01-01T00:00:00Z".to_owned());
    times
}

fn snapshots() -> Vec<Value> {
    let strings = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let snapshot = |(nth, time): (usize, String)| {
        let host = ["web1", "web2", "web1", "db1", ""][nth * 7 % 5];
        let paths = strings(["/etc /var", "/var /etc", "/home"][nth * 5 % 3]);
        let tags = strings(["", "important", "db important", "other db", "important db"][nth * 3 / 2 % 5]);
        json!({"time": time, "tree": "a".repeat(64), "hostname": host, "paths": paths, "tags": tags})
    };
    times().into_iter().enumerate().map(snapshot).collect()
}

fn candidate(id: &str, snapshot: &Value, zone: &TimeZone) -> Candidate {
    let strings = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).expect("strings") };
    let string = |value: &Value| value.as_str().expect("a string").to_owned();
    Candidate {
        id: id.parse().expect("an id"),
        time: snapshot_time(&string(&snapshot["time"]), zone).expect("a time"),
        host: string(&snapshot["hostname"]),
        paths: strings(&snapshot["paths"]),
        tags: strings(&snapshot["tags"]),
    }
}

fn retention(setting: &str) -> (Retention, GroupBy) {
    let (mut retention, mut by) = (Retention::default(), GroupBy::default());
    for (name, value) in setting.split_whitespace().map(|part| part.split_once('=').expect("name=value")) {
        let count = || value.parse().expect("a count");
        let duration = || value.parse().expect("a duration");
        match name {
            "last" => retention.last = count(),
            "hourly" => retention.hourly = count(),
            "daily" => retention.daily = count(),
            "weekly" => retention.weekly = count(),
            "monthly" => retention.monthly = count(),
            "yearly" => retention.yearly = count(),
            "within" => retention.within = duration(),
            "within-hourly" => retention.within_hourly = duration(),
            "within-daily" => retention.within_daily = duration(),
            "within-weekly" => retention.within_weekly = duration(),
            "within-monthly" => retention.within_monthly = duration(),
            "within-yearly" => retention.within_yearly = duration(),
            "tag" => retention.tags.push(value.parse().expect("tags")),
            "group-by" => by = value.parse().expect("a grouping"),
            _ => panic!("no rule is named {name}"),
        }
    }
    (retention, by)
}

/// Reasons by snapshot, in order; none for those that go.
type Outcome = BTreeMap<String, Vec<String>>;

fn ours(setting: &str, candidates: &[Candidate]) -> Result<Outcome, PlanError> {
    let (retention, by) = retention(setting);
    let mut outcome = Outcome::new();
    for group in plan(&retention, by, candidates, SystemClock.now())? {
        for kept in group.decision.keep {
            let reasons = kept.reasons.iter().map(Reason::to_string).collect();
            outcome.insert(kept.snapshot.id.to_string(), reasons);
        }
        outcome.extend(group.decision.remove.iter().map(|snapshot| (snapshot.id.to_string(), Vec::new())));
    }
    Ok(outcome)
}

fn theirs(program: &str, repository: &Path, zone: &str, setting: &str) -> Result<Outcome, String> {
    let option = |part: &str| if part.starts_with("group-by") { format!("--{part}") } else { format!("--keep-{part}") };
    let output = Command::new(program)
        .args(["forget", "--dry-run", "--no-lock", "--no-cache", "--json", "--repo"])
        .arg(repository)
        .args(setting.split_whitespace().map(option))
        .env("RESTIC_PASSWORD", repository::PASSWORD)
        .env("TZ", zone)
        .output()
        .expect("restic can be started");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let groups: Vec<Value> = serde_json::from_slice(&output.stdout).expect("restic prints JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    let mut outcome = Outcome::new();
    for group in groups {
        outcome.extend(list(&group["remove"]).iter().map(|snapshot| (id(snapshot), Vec::new())));
        for reason in list(&group["reasons"]) {
            let matches = serde_json::from_value(reason["matches"].clone()).expect("strings");
            outcome.insert(id(&reason["snapshot"]), matches);
        }
    }
    Ok(outcome)
}

#[test]
fn the_same_snapshots_are_kept_for_the_same_reasons_as_by_restic() {
    let Some(program) = restic() else { return };
    let dir = tempfile::tempdir().unwrap();
    let snapshots = snapshots();
    let ids = repository::create(dir.path(), &snapshots);
    for name in ["UTC", "Europe/Berlin", "America/Los_Angeles"] {
        let Ok(zone) = TimeZone::get(name) else {
            eprintln!("SKIPPED: the time zone {name} is not installed");
            continue;
        };
        let candidates: Vec<_> = ids.iter().zip(&snapshots).map(|(id, it)| candidate(id, it, &zone)).collect();
        let mut refused = 0;
        for setting in SETTINGS {
            match (ours(setting, &candidates), theirs(&program, dir.path(), name, setting)) {
                (Ok(ours), Ok(theirs)) => {
                    assert_eq!(ours.len(), snapshots.len(), "{setting}");
                    let differ = |(id, reasons): &(&String, &Vec<String>)| ours.get(*id) != Some(reasons);
                    let different: Vec<_> = theirs.iter().filter(differ).map(|(id, why)| (&ours[id], why)).collect();
                    assert!(different.is_empty(), "{name}, {setting}: {different:?} (ours, theirs)");
                    assert_eq!(ours.len(), theirs.len(), "{setting}");
                }
                (Err(PlanError::NothingKept { .. }), Err(theirs)) => {
                    assert!(theirs.contains("refusing to delete last snapshot"), "{setting}: {theirs}");
                    refused += 1;
                }
                (ours, theirs) => panic!("{name}, {setting}: {ours:?} {theirs:?}"),
            }
        }
        assert_eq!(refused, 1, "one setting keeps nothing of some group");
    }
}
