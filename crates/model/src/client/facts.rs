//! What a client said of itself when it was prepared. It may lie: nothing here decides what is stored or believed.

use serde::{Deserialize, Serialize};

use crate::Time;

/// Facts of one client, each as long as it wishes: whoever takes them in bounds them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Facts {
    /// When it said so, by the server's clock.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub found: Option<Time>,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// `PRETTY_NAME` of its `os-release`.
    pub os: String,
    /// As `uname -m` has it.
    pub architecture: String,
    /// As `uname -r` has it.
    pub kernel: String,
    /// Processors.
    pub processors: u32,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// How far its clock is ahead of the server's; negative if behind.
    pub clock_skew_seconds: i64,
    /// Its mounted local file systems.
    pub file_systems: Vec<FileSystem>,
    /// What runs or is installed there.
    pub services: Vec<Service>,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FileSystem {
    /// Where.
    pub mount_point: String,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes in all.
    pub size_bytes: u64,
    /// Bytes that are free.
    pub free_bytes: u64,
}

/// Something that a policy of its own may suit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// PostgreSQL.
    Postgresql,
    /// MySQL or MariaDB.
    Mysql,
    /// Docker.
    Docker,
    /// libvirt.
    Libvirt,
    /// LVM.
    Lvm,
    /// btrfs.
    Btrfs,
    /// ZFS.
    Zfs,
}
