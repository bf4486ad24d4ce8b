//! One node of a tree: a name with everything that is kept about it.
//!
//! What only one kind of node has is part of [`NodeKind`], so that a directory has a tree and a file has content.

use std::sync::Arc;

use holdfast_model::{BlobId, TreeId};
use serde_json::value::RawValue;

use super::FileMode;
use crate::time::ZonedTime;

/// A file, directory or other entry of a directory.
#[derive(Debug, Clone)]
pub struct Node {
    /// The bytes of the name.
    pub name: Box<[u8]>,
    /// What it is.
    pub kind: NodeKind,
    /// Permissions and type in Go's bits.
    pub mode: FileMode,
    /// Last change of the content.
    pub mtime: ZonedTime,
    /// Last access.
    pub atime: ZonedTime,
    /// Last change of content or metadata.
    pub ctime: ZonedTime,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Name of the owner, if it has one.
    pub user: Option<Arc<str>>,
    /// Name of the group, if it has one.
    pub group: Option<Arc<str>>,
    /// Number of the inode; 0 if unknown.
    pub inode: u64,
    /// Device that holds it (`st_dev`); 0 if unknown.
    pub device_id: u64,
    /// Length in bytes; restic says it of regular files only.
    pub size: u64,
    /// Count of hard links; restic says it of everything but directories, pipes and sockets.
    pub links: u64,
    /// Extended attributes.
    pub xattrs: Vec<Xattr>,
    /// Attributes of other operating systems, as they stand in the document. We keep them and make none.
    pub generic_attributes: Option<Arc<RawValue>>,
    /// What went wrong when it was read; restic's field, which we make no use of.
    pub error: Option<Box<str>>,
}

/// What a node is, with what only that kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File {
        /// The data blobs whose concatenation is its content.
        content: Vec<BlobId>,
    },
    /// A directory.
    Dir {
        /// Its tree.
        subtree: TreeId,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as it stands there.
        target: Box<[u8]>,
    },
    /// A block device (`dev` in the format).
    Block {
        /// `st_rdev`
        device: u64,
    },
    /// A character device.
    Char {
        /// `st_rdev`
        device: u64,
    },
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl NodeKind {
    /// The word for it in the format.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Dir { .. } => "dir",
            Self::Symlink { .. } => "symlink",
            Self::Block { .. } => "dev",
            Self::Char { .. } => "chardev",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
        }
    }
}

/// An extended attribute.
///
/// The format has no place for names that are not UTF-8: their other bytes are replaced when they are written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Xattr {
    /// `user.colour`, `system.posix_acl_access`, …
    pub name: Box<[u8]>,
    /// Its bytes.
    pub value: Box<[u8]>,
}

impl Node {
    /// A node of that name and kind, with permissions `st_mode & 0o7777`, and zero or nothing everywhere else.
    pub fn new(name: impl Into<Box<[u8]>>, kind: NodeKind, permissions: u32) -> Self {
        Self {
            name: name.into(),
            mode: FileMode::new(permissions, &kind),
            kind,
            mtime: ZonedTime::default(),
            atime: ZonedTime::default(),
            ctime: ZonedTime::default(),
            uid: 0,
            gid: 0,
            user: None,
            group: None,
            inode: 0,
            device_id: 0,
            size: 0,
            links: 0,
            xattrs: Vec::new(),
            generic_attributes: None,
            error: None,
        }
    }

    /// The blobs of a file's content; nothing for others.
    pub fn content(&self) -> &[BlobId] {
        match &self.kind {
            NodeKind::File { content } => content,
            _ => &[],
        }
    }

    /// The tree of a directory.
    pub fn subtree(&self) -> Option<TreeId> {
        match self.kind {
            NodeKind::Dir { subtree } => Some(subtree),
            _ => None,
        }
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        matches!(self.kind, NodeKind::Dir { .. })
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        matches!(self.kind, NodeKind::File { .. })
    }
}

impl PartialEq for Node {
    /// Equal in everything; times as instants, whatever zone they were written in.
    fn eq(&self, other: &Self) -> bool {
        let raw = |node: &Self| node.generic_attributes.as_ref().map(|raw| raw.get().to_owned());
        self.name == other.name
            && self.mtime == other.mtime
            && self.ctime == other.ctime
            && self.atime == other.atime
            && self.mode == other.mode
            && self.size == other.size
            && (self.uid, self.gid, self.inode, self.device_id, self.links)
                == (other.uid, other.gid, other.inode, other.device_id, other.links)
            && self.kind == other.kind
            && (&self.user, &self.group, &self.xattrs, &self.error)
                == (&other.user, &other.group, &other.xattrs, &other.error)
            && raw(self) == raw(other)
    }
}

impl Eq for Node {}
