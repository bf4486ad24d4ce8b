//! Entries as the client lists them, nodes as the repository keeps them, and when two nodes are the same.

use std::collections::HashMap;
use std::sync::Arc;

use holdfast_model::TreeId;
use holdfast_repo::time::ZonedTime;
use holdfast_repo::tree::{Node, NodeKind, Xattr};
use holdfast_wire::{Entry, EntryKind, ViolationClass, limits};

use crate::Violation;

/// Bytes of names of users and groups that the client has told, with what each takes besides. Some 10,000s are plenty for any
/// host.
const MAX: usize = 64 << 20;
const OWNER: usize = 64;

/// Who the numbers are, by the client's word.
#[derive(Default)]
pub(super) struct Owners {
    users: HashMap<u32, Arc<str>>,
    groups: HashMap<u32, Arc<str>>,
    bytes: usize,
}

impl Owners {
    /// Adds names.
    pub(super) fn learn(&mut self, users: Vec<(u32, String)>, groups: Vec<(u32, String)>) -> Result<(), Violation> {
        for (names, table) in [(users, &mut self.users), (groups, &mut self.groups)] {
            for (number, name) in names {
                self.bytes += OWNER + name.len();
                if name.len() > limits::MAX_NAME || self.bytes > MAX {
                    return Err(Violation::new(ViolationClass::Quota, format!("owner {number}")));
                }
                table.insert(number, name.into());
            }
        }
        Ok(())
    }
}

/// The node of an entry, yet without content or subtree.
pub(super) fn node_of(entry: &Entry, owners: &Owners) -> Node {
    let kind = match &entry.kind {
        EntryKind::File { .. } => NodeKind::File { content: Vec::new() },
        EntryKind::Dir { .. } => NodeKind::Dir { subtree: TreeId::default() },
        EntryKind::Symlink { target } => NodeKind::Symlink { target: target.as_slice().into() },
        EntryKind::Block { rdev } => NodeKind::Block { device: *rdev },
        EntryKind::Char { rdev } => NodeKind::Char { device: *rdev },
        EntryKind::Fifo => NodeKind::Fifo,
        EntryKind::Socket => NodeKind::Socket,
    };
    let mut node = Node::new(entry.name.as_slice(), kind, entry.mode);
    if let EntryKind::File { size } = entry.kind {
        node.size = size;
    }
    // restic says the count of links of everything but directories, pipes and sockets.
    if !matches!(entry.kind, EntryKind::Dir { .. } | EntryKind::Fifo | EntryKind::Socket) {
        node.links = entry.links;
    }
    node.mtime = ZonedTime::utc(entry.mtime);
    node.atime = ZonedTime::utc(entry.atime);
    node.ctime = ZonedTime::utc(entry.ctime);
    node.uid = entry.uid;
    node.gid = entry.gid;
    node.user = owners.users.get(&entry.uid).cloned();
    node.group = owners.groups.get(&entry.gid).cloned();
    node.inode = entry.inode;
    node.device_id = entry.device;
    node.xattrs = entry
        .xattrs
        .iter()
        .map(|xattr| Xattr { name: xattr.name.as_slice().into(), value: xattr.value.as_slice().into() })
        .collect();
    node
}

/// Whether a file's content can be taken from the parent: restic's rule (type, size, times and inode).
pub(super) fn is_unchanged(old: &Node, new: &Node) -> bool {
    old.is_file()
        && new.is_file()
        && old.size == new.size
        && old.mtime == new.mtime
        && old.ctime == new.ctime
        && old.inode == new.inode
}

/// Whether a tree with `old` can stand for one with `new`: equal but for the device number, which says something only
/// of hard links and changes when a file system is mounted again.
pub(super) fn same_node(old: &Node, new: &Node) -> bool {
    if old.device_id == new.device_id || (new.is_file() && new.links > 1) {
        return old == new;
    }
    let mut old = old.clone();
    old.device_id = new.device_id;
    old == *new
}
