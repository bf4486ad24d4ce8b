//! Choosing snapshots by host, tags and paths, with restic's rules.

use std::fmt;

use holdfast_model::Timestamp;

use super::Snapshot;

/// Which snapshots are meant. Empty lists say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotFilter {
    /// The snapshot's host must be one of these.
    pub hosts: Vec<String>,
    /// The snapshot must have all the tags of one of these lists. An empty tag in a list means: a snapshot without tags.
    pub tags: Vec<Vec<String>>,
    /// The snapshot must have all of these among its paths.
    pub paths: Vec<String>,
    /// The snapshot must not be younger.
    pub until: Option<Timestamp>,
}

impl SnapshotFilter {
    /// Whether every snapshot passes.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.tags.is_empty() && self.paths.is_empty() && self.until.is_none()
    }

    /// Whether this snapshot is meant.
    pub fn matches(&self, snapshot: &Snapshot) -> bool {
        (self.hosts.is_empty() || self.hosts.contains(&snapshot.hostname))
            && (self.tags.is_empty() || self.tags.iter().any(|tags| has_tags(snapshot, tags)))
            && self.paths.iter().all(|path| snapshot.paths.contains(path))
            && self.until.is_none_or(|until| snapshot.time.at <= until)
    }
}

fn has_tags(snapshot: &Snapshot, tags: &[String]) -> bool {
    for tag in tags {
        if tag.is_empty() && snapshot.tags.is_empty() {
            return true;
        }
        if !snapshot.tags.contains(tag) {
            return false;
        }
    }
    true
}

impl fmt::Display for SnapshotFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.hosts.is_empty() {
            parts.push(format!("host {}", self.hosts.join(" or ")));
        }
        if !self.tags.is_empty() {
            let lists: Vec<_> = self.tags.iter().map(|tags| tags.join(",")).collect();
            parts.push(format!("tag {}", lists.join(" or ")));
        }
        if !self.paths.is_empty() {
            parts.push(format!("path {}", self.paths.join(" and ")));
        }
        if let Some(until) = self.until {
            parts.push(format!("not after {}", crate::time::ZonedTime::utc(until)));
        }
        f.write_str(&if parts.is_empty() { "\"latest\": it has none".to_owned() } else { parts.join(", ") })
    }
}
