//! The document of a snapshot, and which snapshots a filter chooses.

use holdfast_model::Timestamp;

use super::*;

/// As restic 0.19.1 wrote it.
const BY_RESTIC: &str = include_str!("by-restic.json");

#[test]
fn a_snapshot_of_restic_is_written_again_to_the_last_byte() {
    let snapshot = Snapshot::parse(BY_RESTIC.as_bytes()).unwrap();
    assert_eq!(snapshot.tags, ["a<b"]);
    assert_eq!(snapshot.summary.as_ref().unwrap().total_bytes_processed, 15);
    assert!(snapshot.other.is_empty());
    assert_eq!(String::from_utf8(snapshot.to_bytes()).unwrap(), BY_RESTIC);
}

#[test]
fn fields_of_other_programs_survive() {
    let tree = "ab".repeat(32);
    let document = format!(
        r#"{{"label":"x","time":"2024-01-01T00:00:00Z","tree":"{tree}","paths":["/a"],"tags":null,"delete":{{"After":1}},
        "summary":{{"backup_start":"2024-01-01T00:00:00Z","backup_end":"2024-01-01T00:00:00Z","command":"c"}}}}"#
    );
    let mut snapshot = Snapshot::parse(document.as_bytes()).unwrap();
    snapshot.tags.push("new".to_owned());
    let written = String::from_utf8(snapshot.to_bytes()).unwrap();
    for field in [r#""label":"x""#, r#""delete":{"After":1}"#, r#""command":"c""#, r#""tags":["new"]"#] {
        assert!(written.contains(field), "{written}");
    }
}

#[test]
fn a_snapshot_without_a_tree_or_a_time_is_refused() {
    assert!(Snapshot::parse(br#"{"time":"2024-01-01T00:00:00Z","tree":null,"paths":[]}"#).is_err());
    assert!(Snapshot::parse(format!(r#"{{"tree":"{}"}}"#, "ab".repeat(32)).as_bytes()).is_err());
}

#[test]
fn filters_choose_as_restic_does() {
    let mut snapshot = Snapshot::new(ZonedTime::utc(Timestamp { seconds: 100, nanoseconds: 0 }), TreeId::default());
    snapshot.hostname = "web".into();
    snapshot.paths = vec!["/etc".into(), "/var".into()];
    snapshot.tags = vec!["a".into(), "b".into()];
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    let filter = |hosts: &[&str], tags: &[&[&str]], paths: &[&str]| SnapshotFilter {
        hosts: list(hosts),
        tags: tags.iter().map(|tags| list(tags)).collect(),
        paths: list(paths),
        until: None,
    };
    for (filter, matches) in [
        (filter(&[], &[], &[]), true),
        (filter(&["db", "web"], &[], &[]), true),
        (filter(&["db"], &[], &[]), false),
        (filter(&[], &[&["a", "b"]], &[]), true),
        (filter(&[], &[&["a", "c"]], &[]), false),
        (filter(&[], &[&["c"], &["b"]], &[]), true),
        (filter(&[], &[&[""]], &[]), false),
        (filter(&[], &[], &["/var", "/etc"]), true),
        (filter(&[], &[], &["/var", "/srv"]), false),
    ] {
        assert_eq!(filter.matches(&snapshot), matches, "{filter}");
    }
    let until = |seconds| SnapshotFilter { until: Some(Timestamp { seconds, nanoseconds: 0 }), ..Default::default() };
    assert!(until(100).matches(&snapshot) && !until(99).matches(&snapshot));
    snapshot.tags.clear();
    assert!(filter(&[], &[&[""]], &[]).matches(&snapshot));
}
