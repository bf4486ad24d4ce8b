//! One node of the snapshot, its path checked.

use holdfast_wire::{Entry, EntryKind, RestoreNode};
use rustix::fs::FileType;

use super::node_path::{BadPath, NodePath};

/// What is to be restored at a place, without content.
#[derive(Debug)]
pub(super) struct Node {
    /// Its number in the session.
    pub(super) number: u64,
    pub(super) path: NodePath,
    pub(super) entry: Entry,
    pub(super) user: String,
    pub(super) group: String,
}

impl Node {
    /// Checks path and name. The chunks are taken out by the caller.
    pub(super) fn new(number: u64, node: RestoreNode) -> Result<Self, BadPath> {
        let path = NodePath::parse(&node.path)?;
        // The target itself keeps the name that it has here.
        if path.split().is_some_and(|(_, name)| name != node.entry.name.as_slice()) {
            return Err(BadPath::OtherName);
        }
        Ok(Self { number, path, entry: node.entry, user: node.user, group: node.group })
    }

    pub(super) fn file_type(&self) -> FileType {
        match self.entry.kind {
            EntryKind::File { .. } => FileType::RegularFile,
            EntryKind::Dir { .. } => FileType::Directory,
            EntryKind::Symlink { .. } => FileType::Symlink,
            EntryKind::Block { .. } => FileType::BlockDevice,
            EntryKind::Char { .. } => FileType::CharacterDevice,
            EntryKind::Fifo => FileType::Fifo,
            EntryKind::Socket => FileType::Socket,
        }
    }
}
