//! Groups of snapshots, to each of which a retention is applied on its own.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Candidate;

/// What snapshots of one group have in common. The default is restic's: host and paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupBy {
    /// The same host.
    pub host: bool,
    /// The same paths.
    pub paths: bool,
    /// The same tags.
    pub tags: bool,
}

/// A text that names something else to group by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("snapshots cannot be grouped by {text:?}: name any of host, paths and tags, separated by commas")]
pub struct ParseGroupByError {
    text: String,
}

/// What the snapshots of a group have in common; empty where they are not grouped by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct GroupKey {
    /// The host.
    pub host: String,
    /// The paths, sorted.
    pub paths: Vec<String>,
    /// The tags, sorted.
    pub tags: Vec<String>,
}

/// Divides snapshots into groups. Groups come sorted by their key, snapshots within them as they were.
pub fn group(by: GroupBy, candidates: &[Candidate]) -> BTreeMap<GroupKey, Vec<&Candidate>> {
    let sorted = |grouped: bool, texts: &[String]| {
        let mut texts = if grouped { texts.to_vec() } else { Vec::new() };
        texts.sort_unstable();
        texts
    };
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for candidate in candidates {
        let key = GroupKey {
            host: if by.host { candidate.host.clone() } else { String::new() },
            paths: sorted(by.paths, &candidate.paths),
            tags: sorted(by.tags, &candidate.tags),
        };
        groups.entry(key).or_default().push(candidate);
    }
    groups
}

impl GroupBy {
    /// All snapshots in one group.
    pub const NOTHING: Self = Self { host: false, paths: false, tags: false };
}

impl Default for GroupBy {
    fn default() -> Self {
        Self { host: true, paths: true, tags: false }
    }
}

/// Names, separated by commas; singular or plural. Empty text groups by nothing.
impl FromStr for GroupBy {
    type Err = ParseGroupByError;

    fn from_str(text: &str) -> Result<Self, ParseGroupByError> {
        let mut by = Self::NOTHING;
        for name in text.split(',') {
            match name {
                "host" | "hosts" => by.host = true,
                "path" | "paths" => by.paths = true,
                "tag" | "tags" => by.tags = true,
                "" => {}
                _ => return Err(ParseGroupByError { text: name.chars().take(80).collect() }),
            }
        }
        Ok(by)
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(self.host, "host"), (self.paths, "paths"), (self.tags, "tags")];
        let names: Vec<_> = names.into_iter().filter_map(|(grouped, name)| grouped.then_some(name)).collect();
        f.write_str(&names.join(","))
    }
}

impl Serialize for GroupBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GroupBy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.host.is_empty() {
            parts.push(format!("host {}", self.host));
        }
        for (name, texts) in [("path", &self.paths), ("tags", &self.tags)] {
            if !texts.is_empty() {
                parts.push(format!("{name} [{}]", texts.join(" ")));
            }
        }
        f.write_str(&parts.join(", "))
    }
}
