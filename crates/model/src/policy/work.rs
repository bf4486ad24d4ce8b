//! What a policy backs up: one type each, with its own variables.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Directories and files.
    Folders(Folders),
    /// The whole machine, but for what no restore wants.
    Rootfs,
    /// Its configuration: `/etc`.
    Config,
    /// Its mail: `/var/mail` and `/var/lib/mail`, where they are.
    Mail,
}

/// The types, without their variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// See [`Work::Folders`].
    Folders,
    /// See [`Work::Rootfs`].
    Rootfs,
    /// See [`Work::Config`].
    Config,
    /// See [`Work::Mail`].
    Mail,
}

/// Directories and files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folders {
    /// Where they are, at least one.
    pub paths: Vec<RootPath>,
}

/// What is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Excludes {
    /// Patterns, in restic's language.
    pub patterns: Vec<String>,
    /// The same, whatever the case.
    pub patterns_any_case: Vec<String>,
    /// Directories that hold a file of one of these names, or of this name and content (`NAME:CONTENT`).
    pub if_present: Vec<String>,
    /// Directories that say that they are caches (`CACHEDIR.TAG`).
    pub caches: bool,
    /// Files with more bytes.
    pub larger_than_bytes: Option<u64>,
    /// Whether other file systems that are mounted beneath are left out.
    pub one_file_system: bool,
}

/// An absolute path on a client, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootPath(String);

/// A text that is not an absolute path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an absolute path: write it from / on, without . and ..")]
pub struct PathError {
    text: String,
}

impl Work {
    /// The type.
    pub fn kind(&self) -> WorkKind {
        match self {
            Self::Folders(_) => WorkKind::Folders,
            Self::Rootfs => WorkKind::Rootfs,
            Self::Config => WorkKind::Config,
            Self::Mail => WorkKind::Mail,
        }
    }

    /// Where a backup begins. Where a path is optional, a client that lacks it is backed up without it.
    pub fn roots(&self) -> Vec<RootPath> {
        let root = |path: &str| RootPath(path.to_owned());
        match self {
            Self::Folders(folders) => folders.paths.clone(),
            Self::Rootfs => vec![root("/")],
            Self::Config => vec![root("/etc")],
            Self::Mail => vec![root("/var/lib/mail"), root("/var/mail")],
        }
    }

    /// Those of its roots that a client may lack.
    pub fn optional_roots(&self) -> Vec<RootPath> {
        match self {
            Self::Mail => self.roots(),
            Self::Folders(_) | Self::Rootfs | Self::Config => Vec::new(),
        }
    }

    /// Whether it stays within local file systems: the client leaves out what is mounted from other machines, by containers
    /// or by the kernel, and the files that it swaps to.
    pub fn is_local_only(&self) -> bool {
        matches!(self, Self::Rootfs)
    }

    /// What is left out beside what the policy says.
    pub fn built_in_excludes(&self) -> &'static [&'static str] {
        match self {
            Self::Rootfs => ROOTFS_EXCLUDES,
            _ => &[],
        }
    }
}

/// What no restore of a machine wants: what the kernel makes up, what the next start empties, what lies over something else.
/// Of a directory its content is left out, never itself: a restored machine needs the place to mount on. What is mounted from
/// elsewhere, and where else the machine swaps to, only it can say: see [`Work::is_local_only`].
const ROOTFS_EXCLUDES: &[&str] = &[
    "/proc/*",
    "/sys/*",
    "/dev/*",
    "/run/*",
    "/tmp/*",
    "/var/tmp/*",
    "/var/run/*",
    "/var/lock/*",
    "lost+found",
    "/swapfile",
    "/swap.img",
    "/var/swap",
    "/var/lib/lxcfs/*",
    "/var/lib/docker/overlay2/*/merged/*",
    "/var/lib/docker/containers/*/mounts/*",
    "/var/lib/containers/storage/overlay/*/merged/*",
    "/var/lib/containerd/io.containerd.runtime*",
    "/var/lib/kubelet/pods/*/volumes/kubernetes.io~nfs/*",
    "/var/cache/apt/archives/*.deb",
    "/root/.cache/holdfast",
    "/home/*/.cache/holdfast",
];

impl RootPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RootPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let good = text.len() <= 4096
            && text.starts_with('/')
            && !text.contains('\0')
            && text.split('/').all(|part| !matches!(part, "." | ".."));
        if !good {
            return Err(PathError { text: text.chars().take(200).collect() });
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        Ok(Self(format!("/{}", parts.join("/"))))
    }
}

impl fmt::Display for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RootPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RootPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::PatternList;

    #[test]
    fn a_type_and_its_variables_are_one_object() {
        let read = |json: &str| serde_json::from_str::<Work>(json).map_err(|error| error.to_string());
        let folders = read(r#"{"type": "folders", "paths": ["/srv//www/"]}"#).unwrap();
        assert_eq!(folders.roots(), [RootPath("/srv/www".into())]);
        assert_eq!(read(r#"{"type": "rootfs"}"#), Ok(Work::Rootfs));
        assert!(read(r#"{"type": "folders", "path": ["/srv"]}"#).unwrap_err().contains("unknown field"));
        assert!(read(r#"{"type": "folders", "paths": ["srv"]}"#).unwrap_err().contains("not an absolute path"));
        assert!(read(r#"{"type": "floppy"}"#).unwrap_err().contains("unknown variant"));
    }

    #[test]
    fn a_whole_machine_leaves_out_what_the_kernel_makes_up_and_keeps_the_places_to_mount_on() {
        let excluded = PatternList::parse(Work::Rootfs.built_in_excludes(), false).unwrap();
        let is_out = |path: &str| excluded.matches(path.as_bytes());
        for path in
            ["/proc/1/maps", "/home/lost+found/x", "/tmp/x", "/var/lib/docker/overlay2/ab/merged/etc", "/swap.img"]
        {
            assert!(is_out(path), "{path}");
        }
        for path in [
            "/proc",
            "/etc/fstab",
            "/home/ann/tmp/x",
            "/var/lib/docker/volumes/db/_data/x",
            "/srv/proc/x",
            "/mnt/data/x",
        ] {
            assert!(!is_out(path), "{path}");
        }
    }
}
