//! What lies in a directory of a snapshot, as people and programs are shown it.

use serde::{Deserialize, Serialize};

use crate::{SnapshotPath, Time};

/// Something in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SnapshotFile {
    /// Its name, with what is not text in it as in the path.
    pub name: String,
    /// Its path, as it can be given back.
    pub path: SnapshotPath,
    /// What it is.
    pub kind: FileKind,
    /// Bytes of a regular file.
    pub size: Option<u64>,
    /// Permissions, with setuid, setgid and sticky: what `chmod` takes, as a number.
    pub mode: u32,
    /// When its content was changed last.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub modified: Time,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Name of the owner, where that was known.
    pub user: Option<String>,
    /// Name of the group, where that was known.
    pub group: Option<String>,
    /// Where a symbolic link leads, with what is not text in it as in the path.
    pub target: Option<String>,
}

/// Kinds of things in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharacterDevice,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
}
