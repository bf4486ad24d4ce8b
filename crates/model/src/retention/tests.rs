//! What `retention` promises, as tests.

use proptest::prelude::*;

use super::*;
use crate::{SnapshotId, Timestamp};

const NOW: Timestamp = Timestamp { seconds: 1_800_000_000, nanoseconds: 0 };

fn candidate(nth: usize, time: &str) -> Candidate {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&nth.to_be_bytes());
    Candidate {
        id: SnapshotId::new(id),
        time: snapshot_time(time, &jiff::tz::TimeZone::UTC).unwrap(),
        host: "web1".into(),
        paths: vec!["/etc".into()],
        tags: Vec::new(),
    }
}

fn candidates(times: &[&str]) -> Vec<Candidate> {
    times.iter().enumerate().map(|(nth, time)| candidate(nth, time)).collect()
}

/// Kept snapshots by their number, with their reasons.
fn kept(retention: &Retention, candidates: &[Candidate]) -> Vec<(usize, String)> {
    let decision = retention.apply(candidates.iter().collect(), NOW);
    assert_eq!(decision.keep.len() + decision.remove.len(), candidates.len());
    let number = |kept: &Kept<'_>| candidates.iter().position(|candidate| candidate == kept.snapshot).unwrap();
    let reasons = |kept: &Kept<'_>| kept.reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join(", ");
    decision.keep.iter().map(|kept| (number(kept), reasons(kept))).collect()
}

fn limited(count: u32) -> Count {
    Count::Limited(count)
}

#[test]
fn weeks_around_new_year_are_those_of_iso_8601() {
    // 2024-12-30 (Monday) to 2025-01-05 is week 1 of 2025; 2023-01-01 is a Sunday, in week 52 of 2022.
    let all = candidates(&[
        "2025-01-05T12:00:00Z",
        "2025-01-01T12:00:00Z",
        "2024-12-30T12:00:00Z",
        "2024-12-29T12:00:00Z",
        "2023-01-02T12:00:00Z",
        "2023-01-01T12:00:00Z",
        "2022-12-26T12:00:00Z",
        "2022-01-03T12:00:00Z",
    ]);
    let weekly = "weekly snapshot".to_owned();
    let retention = Retention { weekly: limited(4), ..Retention::default() };
    assert_eq!(kept(&retention, &all), [0, 3, 4, 5].map(|nth| (nth, weekly.clone())));
}

#[test]
fn quarters_begin_with_january() {
    let all = candidates(&[
        "2025-01-01T00:00:00Z",
        "2024-12-31T23:59:59Z",
        "2024-10-01T00:00:00Z",
        "2024-09-30T12:00:00Z",
        "2024-03-31T12:00:00Z",
        "2023-12-31T12:00:00Z",
    ]);
    let quarterly = "quarterly snapshot".to_owned();
    let retention = Retention { quarterly: limited(4), ..Retention::default() };
    assert_eq!(kept(&retention, &all), [0, 1, 3, 4].map(|nth| (nth, quarterly.clone())));
}

#[test]
fn the_oldest_snapshot_stays_while_periods_are_left() {
    let all = candidates(&["2024-05-03T12:00:00Z", "2024-05-02T12:00:00Z", "2024-05-01T12:00:00Z"]);
    let retention = Retention { monthly: limited(2), ..Retention::default() };
    assert_eq!(kept(&retention, &all), [(0, "monthly snapshot".to_owned()), (2, "oldest monthly snapshot".to_owned())]);
    let retention = Retention { monthly: limited(1), ..Retention::default() };
    assert_eq!(kept(&retention, &all), [(0, "monthly snapshot".to_owned())]);
    let retention = Retention { within_yearly: "1d".parse().unwrap(), ..Retention::default() };
    assert_eq!(kept(&retention, &all), [(0, "yearly within 1d".to_owned())], "the oldest is too old");
}

#[test]
fn every_rule_gives_its_reason() {
    let mut all = candidates(&["2024-05-03T12:00:00Z", "2024-05-02T12:00:00Z", "2024-05-01T12:00:00Z"]);
    all[1].tags = vec!["keep".into(), "x".into()];
    let retention = Retention {
        last: limited(1),
        daily: Count::Unlimited,
        within: "1d".parse().unwrap(),
        within_monthly: "3d".parse().unwrap(),
        tags: vec!["keep,x".parse().unwrap()],
        ..Retention::default()
    };
    let expected = [
        (0, "within 1d, last snapshot, daily snapshot, monthly within 3d"),
        (1, "has tags [keep, x], daily snapshot"),
        (2, "daily snapshot, oldest monthly within 3d"),
    ];
    assert_eq!(kept(&retention, &all), expected.map(|(nth, reasons)| (nth, reasons.to_owned())));
}

#[test]
fn snapshots_from_the_future_do_not_move_what_durations_count_from() {
    let all = candidates(&["2090-01-01T12:00:00Z", "2024-05-02T12:00:00Z", "2024-05-01T12:00:00Z"]);
    let retention = Retention { within: "1d".parse().unwrap(), ..Retention::default() };
    assert_eq!(kept(&retention, &all), [0, 1].map(|nth| (nth, "within 1d".to_owned())));
    assert_eq!(kept(&retention, &all[..1]).len(), 1, "if all are from the future, all are within");
}

#[test]
fn days_are_those_of_the_place_where_the_snapshot_was_made() {
    let all = candidates(&["2024-05-02T00:30:00+02:00", "2024-05-01T23:30:00+02:00", "2024-05-01T22:15:00Z"]);
    let retention = Retention { daily: limited(9), ..Retention::default() };
    // Newest first: 00:30 in the east (22:30 UTC), 22:15 UTC on May 1, 23:30 in the east (21:30 UTC) on May 1.
    assert_eq!(kept(&retention, &all).iter().map(|(nth, _)| *nth).collect::<Vec<_>>(), [0, 2, 1]);
}

#[test]
fn nothing_is_planned_that_would_leave_a_group_empty() {
    let mut all = candidates(&["2024-05-03T12:00:00Z", "2024-05-02T12:00:00Z"]);
    all[0].host = "web2".into();
    all[0].tags = vec!["keep".into()];
    let empty = Retention { last: limited(0), ..Retention::default() };
    assert_eq!(plan(&empty, GroupBy::default(), &all, NOW), Err(PlanError::Empty));
    let tagged = Retention { tags: vec!["keep".parse().unwrap()], ..Retention::default() };
    let error = plan(&tagged, GroupBy::default(), &all, NOW).unwrap_err();
    assert!(error.to_string().contains("host web1, path [/etc]"), "{error}");
    let plans = plan(&tagged, GroupBy::NOTHING, &all, NOW).unwrap();
    assert_eq!(plans.len(), 1);
    assert_eq!(plans[0].decision.remove, [&all[1]]);
}

#[test]
fn groups_do_not_depend_on_the_order_of_paths_and_tags() {
    let mut all = candidates(&["2024-05-03T12:00:00Z", "2024-05-02T12:00:00Z", "2024-05-01T12:00:00Z"]);
    all[0].paths = vec!["/b".into(), "/a".into()];
    all[1].paths = vec!["/a".into(), "/b".into()];
    all[1].tags = vec!["x".into()];
    let sizes = |by: &str| group(by.parse().unwrap(), &all).values().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(sizes("host,paths"), [2, 1]);
    assert_eq!(sizes("path,tag"), [1, 1, 1]);
    assert_eq!(sizes(""), [3]);
    assert!("hosts,size".parse::<GroupBy>().unwrap_err().to_string().contains("\"size\""));
    assert_eq!(GroupBy::default().to_string(), "host,paths");
}

#[test]
fn a_policy_says_in_words_what_it_keeps() {
    assert_eq!(Retention::default().to_string(), "remove");
    let retention = Retention {
        last: limited(3),
        weekly: Count::Unlimited,
        within: "2y".parse().unwrap(),
        within_hourly: "1d".parse().unwrap(),
        tags: vec!["a,b".parse().unwrap(), "c".parse().unwrap()],
        ..Retention::default()
    };
    let words = "keep 3 latest, all weekly snapshots, hourly snapshots within 1d and all snapshots with tags \
                 [[a, b] [c]] and all snapshots within 2y of the newest";
    assert_eq!(retention.to_string(), words);
}

#[test]
fn counts_are_numbers_or_unlimited() {
    assert_eq!("7".parse(), Ok(limited(7)));
    assert_eq!("unlimited".parse(), Ok(Count::Unlimited));
    assert_eq!("-1".parse(), Ok(Count::Unlimited));
    for text in ["", "-2", "7d", "all", "99999999999"] {
        assert!(text.parse::<Count>().is_err(), "{text}");
    }
    let written = r#"{"last":3,"daily":"unlimited","weekly":-1,"within":"1y2d","tags":[["a","b"]]}"#;
    let retention: Retention = serde_json::from_str(written).unwrap();
    assert_eq!((retention.last, retention.daily, retention.weekly), (limited(3), Count::Unlimited, Count::Unlimited));
    let again: Retention = serde_json::from_str(&serde_json::to_string(&retention).unwrap()).unwrap();
    assert_eq!(again, retention);
    assert!(serde_json::from_str::<Retention>(r#"{"dayly":3}"#).is_err(), "a misspelt rule is no rule");
}

proptest! {
    #[test]
    fn a_greater_count_never_keeps_less(
        hours in prop::collection::btree_set(0..20_000i64, 1..60),
        counts in prop::array::uniform6(0..9u32),
    ) {
        let time = |hours: &i64| jiff::Timestamp::from_second(1_700_000_000 + hours * 3600).unwrap().to_string();
        let times: Vec<_> = hours.iter().map(time).collect();
        let all = candidates(&times.iter().map(String::as_str).collect::<Vec<_>>());
        let retention = |more: u32| {
            let [last, hourly, daily, weekly, monthly, yearly] = counts.map(|count| limited(count + more));
            Retention { last, hourly, daily, weekly, monthly, yearly, ..Retention::default() }
        };
        // The oldest alone may go again, when all periods find a better one.
        let few: Vec<_> = kept(&retention(0), &all).into_iter().filter(|(_, why)| !why.contains("oldest")).collect();
        let many = kept(&retention(1), &all);
        prop_assert!(few.iter().all(|(nth, _)| many.iter().any(|(other, _)| other == nth)));
        let everything = Retention { last: Count::Unlimited, ..Retention::default() };
        prop_assert_eq!(kept(&everything, &all).len(), all.len());
    }
}
