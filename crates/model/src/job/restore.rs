//! What a restore job is told, and what it tells.
//!
//! All of it is decided when the job is made: which snapshot, what of it, and where to. Nothing is looked up later that could
//! be another thing by then.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::policy::RootPath;
use crate::snapshot_path::holds;
use crate::{ClientUid, JobUid, SnapshotId, SnapshotPath};

/// The parameters of a restore job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RestoreOrder {
    /// The snapshot, in the job's repository.
    pub snapshot: SnapshotId,
    /// What of it.
    #[serde(default)]
    pub select: Select,
    /// Where to.
    pub target: RestoreTarget,
    /// How.
    #[serde(default)]
    pub manner: Manner,
    /// Whether only to say what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// The job that planned it.
    #[serde(default)]
    pub plan: Option<JobUid>,
    /// The client that the snapshot is of, if that was known.
    #[serde(default)]
    pub of: Option<ClientUid>,
}

/// What of a snapshot is restored. All that is said must hold; all of the snapshot, if nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Select {
    /// What lies in this directory of the snapshot is put into the target itself; a path of anything else puts that into the
    /// target by its name. Paths and patterns are seen from this directory. If nothing is said it is the root: everything
    /// then lies beneath the target at its whole path.
    pub beneath: Option<SnapshotPath>,
    /// Only these paths, with all beneath them.
    pub paths: Vec<SnapshotPath>,
    /// Only what matches one of these patterns, in restic's language.
    pub include: Vec<String>,
    /// The same, whatever the case.
    pub include_any_case: Vec<String>,
    /// Not what matches one of these.
    pub exclude: Vec<String>,
    /// The same, whatever the case.
    pub exclude_any_case: Vec<String>,
}

/// Where a snapshot is restored to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "to", rename_all = "snake_case", deny_unknown_fields)]
pub enum RestoreTarget {
    /// A directory of a client, through its agent.
    Client {
        /// Which client: the one that the snapshot is of, or another.
        client: ClientUid,
        /// The directory in which the snapshot's root is put, or what `select.beneath` says; `/` gives every file the path that
        /// it had, if that says nothing.
        path: RootPath,
    },
    /// A directory of the server, beneath the one that is set apart for this.
    Directory {
        /// Where beneath it; one of its own for each job, if nothing is said.
        #[serde(default)]
        path: Option<FolderPath>,
    },
}

/// How a snapshot is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Manner {
    /// What to do with files that exist.
    pub overwrite: OverwriteMode,
    /// Whether to delete what the snapshot does not hold, in the directories that it holds as a whole.
    pub delete: bool,
    /// Whether to read back what was written.
    pub verify: bool,
    /// Whether owners go by their names where the target's machine knows them, and not by their numbers.
    pub owners_by_name: bool,
}

/// What to do with files that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OverwriteMode {
    /// Make every file as in the snapshot.
    #[default]
    Always,
    /// As always, but files of the same size and time count as the same.
    IfChanged,
    /// Replace only files that are older than the snapshot's.
    IfNewer,
    /// Leave alone what exists.
    Never,
}

/// What became of a restore, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RestoreTally {
    /// Whether it was only planned.
    pub planned: bool,
    /// Files and directories that were made or changed.
    pub restored: u64,
    /// Those that were as they should be.
    pub unchanged: u64,
    /// Those that were left alone, because the overwrite mode says so.
    pub left_alone: u64,
    /// Those that could not be restored wholly.
    pub failed: u64,
    /// Those that were deleted, because the snapshot does not hold them.
    pub deleted: u64,
    /// In a plan: files that exist and would be replaced; each of the first is named in the log.
    pub conflicts: u64,
    /// Bytes of all files that were chosen.
    pub bytes_total: u64,
    /// Bytes that were written; in a plan, those of the files that would be made or changed.
    pub bytes_written: u64,
}

/// A relative path, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderPath(String);

/// A text that is no such path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be a relative path of at most 1000 characters, without . and .. and control characters: it lies beneath the folder \
     `restores` in the data folder of the server"
)]
pub struct FolderPathError;

impl RestoreOrder {
    /// The client to which files are sent.
    pub fn client(&self) -> Option<ClientUid> {
        match &self.target {
            RestoreTarget::Client { client, .. } => Some(*client),
            RestoreTarget::Directory { .. } => None,
        }
    }

    /// Whether files are put where they were: see [`RestoreTarget::is_in_place`].
    pub fn is_in_place(&self) -> bool {
        self.target.is_in_place(&self.select)
    }

    /// Whether another restore would write where this one does.
    pub fn overlaps(&self, other: &Self) -> bool {
        let same_machine = self.client() == other.client();
        let (ours, theirs) = (self.areas(), other.areas());
        let meet = |one: &Vec<u8>| theirs.iter().any(|other| holds(one, other) || holds(other, one));
        same_machine && ours.iter().any(meet)
    }

    /// Beneath which paths of the target's machine it writes.
    fn areas(&self) -> Vec<Vec<u8>> {
        let target = match &self.target {
            RestoreTarget::Client { path, .. } => path.as_str().trim_end_matches('/').to_owned(),
            RestoreTarget::Directory { path } => format!("/{}", path.as_ref().map_or("", FolderPath::as_str)),
        };
        let target = target.into_bytes();
        if self.select.paths.is_empty() {
            return vec![target];
        }
        self.select.paths.iter().map(|path| [target.as_slice(), path.as_bytes()].concat()).collect()
    }
}

impl RestoreTarget {
    /// Whether what is selected is put where it was on some client, or is spread beneath its root: what is there is replaced.
    pub fn is_in_place(&self, select: &Select) -> bool {
        let Self::Client { path, .. } = self else { return false };
        let to = path.as_str().trim_end_matches('/').as_bytes();
        let from = select.beneath.as_ref().map_or(&b""[..], |from| if from.is_root() { b"" } else { from.as_bytes() });
        // What lies there may be a file, which is put into the directory that it was in.
        let parent = &from[..from.iter().rposition(|byte| *byte == b'/').unwrap_or(0)];
        to.is_empty() || to == from || to == parent
    }
}

impl Select {
    /// Patterns and paths that can be given.
    pub const MOST: usize = 1000;

    /// Whether patterns choose.
    pub fn has_patterns(&self) -> bool {
        self.patterns().next().is_some()
    }

    /// All patterns.
    pub fn patterns(&self) -> impl Iterator<Item = &String> {
        let includes = self.include.iter().chain(&self.include_any_case);
        includes.chain(&self.exclude).chain(&self.exclude_any_case)
    }
}

impl FolderPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FolderPath {
    type Err = FolderPathError;

    fn from_str(text: &str) -> Result<Self, FolderPathError> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_name = |part: &&str| !matches!(*part, "" | "." | "..") && part.len() <= 255;
        let is_good = text.chars().count() <= 1000 && !text.chars().any(char::is_control) && parts.iter().all(is_name);
        if is_good { Ok(Self(text.to_owned())) } else { Err(FolderPathError) }
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for FolderPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FolderPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn order(target: RestoreTarget, paths: &[&str]) -> RestoreOrder {
        let paths = paths.iter().map(|path| path.parse().unwrap()).collect();
        RestoreOrder {
            snapshot: SnapshotId::new([1; 32]),
            select: Select { paths, ..Select::default() },
            target,
            manner: Manner::default(),
            dry_run: false,
            plan: None,
            of: None,
        }
    }

    fn client(number: u8, path: &str) -> RestoreTarget {
        let client = ClientUid::new(Timestamp::default(), [number; 10]);
        RestoreTarget::Client { client, path: path.parse().unwrap() }
    }

    fn folder(path: &str) -> RestoreTarget {
        RestoreTarget::Directory { path: Some(path.parse().unwrap()) }
    }

    #[test]
    fn two_restores_overlap_where_one_writes_into_what_the_other_does() {
        let overlap = |one: RestoreOrder, other: RestoreOrder| {
            assert_eq!(one.overlaps(&other), other.overlaps(&one));
            one.overlaps(&other)
        };
        assert!(overlap(order(client(1, "/"), &[]), order(client(1, "/srv"), &["/etc"])));
        assert!(!overlap(order(client(1, "/"), &[]), order(client(2, "/"), &[])));
        assert!(!overlap(order(client(1, "/"), &["/etc", "/srv"]), order(client(1, "/"), &["/var"])));
        assert!(overlap(order(client(1, "/"), &["/etc", "/srv"]), order(client(1, "/"), &["/srv/www"])));
        assert!(overlap(order(client(1, "/srv"), &["/www"]), order(client(1, "/"), &["/srv/www"])));
        assert!(!overlap(order(folder("a"), &[]), order(folder("ab"), &[])));
        assert!(overlap(order(folder("a"), &[]), order(folder("a/b"), &["/etc"])));
    }

    #[test]
    fn what_would_be_put_where_it_was_is_told_from_what_is_put_elsewhere() {
        let beneath = |path: &str| Select { beneath: Some(path.parse().unwrap()), ..Select::default() };
        for (from, to) in
            [("/", "/"), ("/etc", "/"), ("/etc", "/etc"), ("/etc/hosts", "/etc"), ("/etc/ssh", "/etc/ssh/")]
        {
            assert!(client(1, to).is_in_place(&beneath(from)), "{from} to {to}");
        }
        for (from, to) in [("/", "/etc"), ("/etc", "/tmp"), ("/etc/ssh", "/etc/ssh2"), ("/etc", "/etc/etc")] {
            assert!(!client(1, to).is_in_place(&beneath(from)), "{from} to {to}");
        }
        assert!(client(1, "/").is_in_place(&Select::default()) && !client(1, "/srv").is_in_place(&Select::default()));
        assert!(!folder("etc").is_in_place(&beneath("/etc")));
    }

    #[test]
    fn a_folder_leads_nowhere_else() {
        for text in ["", "/etc", "..", "a/../b", "a//b", "./a", "a/", "a\nb"] {
            assert_eq!(text.parse::<FolderPath>(), Err(FolderPathError), "{text}");
        }
        assert_eq!("a/b c".parse::<FolderPath>().unwrap().as_str(), "a/b c");
    }

    #[test]
    fn an_order_is_read_back_as_it_was_written() {
        let order = order(client(1, "/srv"), &[r"/etc/\xff"]);
        let json = serde_json::to_value(&order).unwrap();
        assert_eq!(json["target"]["to"], "client");
        assert_eq!(serde_json::from_value::<RestoreOrder>(json).unwrap(), order);
    }
}
