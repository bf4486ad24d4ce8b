//! Walks a snapshot's tree in the order of a restore: a directory, what lies in it, then its end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use holdfast_chunker::Sha256;
use holdfast_model::TreeId;
use holdfast_repo::Repository;
use holdfast_repo::index::{BlobLocation, IndexView};
use holdfast_repo::pack::BlobKind;
use holdfast_repo::tree::{Node, NodeKind, Tree};
use holdfast_wire::{ChunkRef, EntryKind, RestoreNode, Xattr, limits};
use serde_bytes::ByteBuf;

use super::{RestoreError, RestoreRequest, Selection};
use crate::text::with_causes;

/// One step of the walk.
pub(super) enum Step {
    /// A node to restore, and where its chunks lie. It gets the next number.
    Node(Box<RestoreNode>, Vec<BlobLocation>),
    /// A node that cannot be restored.
    Broken(Broken),
    /// Everything beneath this node has been given out.
    Close(u64),
}

/// A node that the agent is not told of.
pub(super) struct Broken {
    pub(super) path: Vec<u8>,
    pub(super) why: String,
    /// Whether the repository lacks something of it, or gives it damaged.
    pub(super) is_damage: bool,
}

/// Why a node cannot be restored, and whether that is the repository's fault.
struct Fault {
    why: String,
    is_damage: bool,
}

impl Fault {
    fn of_node(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_damage: false }
    }

    fn damage(why: String) -> Self {
        Self { why, is_damage: true }
    }
}

struct Level {
    tree: Arc<Tree>,
    next: usize,
    /// How many of its faults have been told.
    faults: usize,
    /// Length of the path of this directory.
    path: usize,
    /// The directory's own number, if it is restored itself.
    number: Option<u64>,
    /// Whether the agent was not told of one of its names: it must not take the directory for complete then.
    broken: bool,
}

/// Device and inode, and what the node is, content included. Numbers alone do not tell: devices are numbered anew with
/// a reboot, so that trees of different days may give two files the same; and a file may change between two listings.
type FileIdentity = (u64, u64, [u8; 32]);

/// The node that further names are linked to.
struct FirstName {
    number: u64,
    /// Further names that it has. The agent forgets it after so many.
    left: u64,
}

/// The walk.
pub(super) struct NodeWalk<'a> {
    repository: &'a Repository,
    index: Arc<IndexView>,
    selection: &'a dyn Selection,
    whole_beneath: &'a [Vec<u8>],
    levels: Vec<Level>,
    /// Path of the current directory, each component with a `/` in front.
    path: Vec<u8>,
    next_number: u64,
    /// The first node of each file that has several names and has not met them all.
    first_names: HashMap<FileIdentity, FirstName>,
}

impl<'a> NodeWalk<'a> {
    pub(super) fn new(repository: &'a Repository, request: &RestoreRequest<'a>) -> Result<Self, RestoreError> {
        let tree = load(repository, request.tree)?;
        let top = Level { tree, next: 0, faults: 0, path: 0, number: None, broken: false };
        Ok(Self {
            repository,
            index: repository.engine().index(),
            selection: request.selection,
            whole_beneath: request.whole_beneath,
            levels: vec![top],
            path: Vec::new(),
            next_number: 0,
            first_names: HashMap::new(),
        })
    }

    /// The next step; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Step>, RestoreError> {
        while let Some(level) = self.levels.last_mut() {
            self.path.truncate(level.path);
            if let Some(fault) = level.tree.faults().get(level.faults) {
                level.faults += 1;
                let why = format!("an entry is left out: {fault}");
                return Ok(Some(Step::Broken(Broken { path: self.path.clone(), why, is_damage: false })));
            }
            let tree = level.tree.clone();
            let Some(node) = tree.nodes().get(level.next) else {
                // An agent that closes a directory deletes what it was not told of. What is not closed it leaves as it
                // is, but for metadata, at the end.
                let number = level.number.filter(|_| !level.broken);
                self.levels.pop();
                if let Some(number) = number {
                    return Ok(Some(Step::Close(number)));
                }
                continue;
            };
            level.next += 1;
            self.path.push(b'/');
            self.path.extend_from_slice(&node.name);
            if let Some(step) = self.visit(node)? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    fn visit(&mut self, node: &Node) -> Result<Option<Step>, RestoreError> {
        match self.node(node) {
            Ok(step) => Ok(step.map(|(node, places)| Step::Node(Box::new(node), places))),
            Err(Fault { why, is_damage }) => {
                if let Some(level) = self.levels.last_mut() {
                    level.broken = true;
                }
                Ok(Some(Step::Broken(Broken { path: self.path.clone(), why, is_damage })))
            }
        }
    }

    /// The node for the agent, if it is restored itself, and goes into a directory; or why that can't be done.
    fn node(&mut self, node: &Node) -> Result<Option<(RestoreNode, Vec<BlobLocation>)>, Fault> {
        if self.path.len() > limits::MAX_PATH || self.levels.len() > limits::MAX_DEPTH {
            return Err(Fault::of_node("lies too deep to be restored"));
        }
        let selected = self.selection.selects(&self.path, node.is_dir());
        let beneath = node.subtree().filter(|_| self.selection.may_select_beneath(&self.path));
        let tree = beneath.map(|id| load(self.repository, id)).transpose();
        let tree = tree.map_err(|error| Fault { why: with_causes(&error), is_damage: error.is_damage() })?;
        let is_understood = tree.as_ref().is_none_or(|tree| tree.faults().is_empty());
        let restored = if selected { Some(self.restored(node, is_understood)?) } else { None };
        if let Some(tree) = tree {
            let number = restored.is_some().then_some(self.next_number);
            self.levels.push(Level { tree, next: 0, faults: 0, path: self.path.len(), number, broken: false });
        }
        if restored.is_some() {
            self.next_number += 1;
        }
        Ok(restored)
    }

    fn restored(&mut self, node: &Node, is_understood: bool) -> Result<(RestoreNode, Vec<BlobLocation>), Fault> {
        let (chunks, mut places) = self.chunks(node).map_err(Fault::damage)?;
        let mut restored = RestoreNode {
            path: ByteBuf::from(&self.path[1..]),
            entry: entry_of(node),
            user: owner_name(node.user.as_deref()),
            group: owner_name(node.group.as_deref()),
            chunks,
            hard_link_to: None,
            whole: node.is_dir() && is_understood && self.is_whole(),
        };
        // Other programs' snapshots hold things that no agent of this protocol takes.
        restored.validate().map_err(|violation| Fault::of_node(violation.to_string()))?;
        restored.hard_link_to = self.earlier_name(node, self.next_number);
        if restored.hard_link_to.is_some() {
            restored.chunks.clear();
            places.clear();
        }
        Ok((restored, places))
    }

    fn chunks(&self, node: &Node) -> Result<(Vec<ChunkRef>, Vec<BlobLocation>), String> {
        let chunk = |id| match self.index.locations(BlobKind::Data, id).next() {
            Some(at) if at.plain_length() as usize <= limits::MAX_CHUNK => {
                Ok((ChunkRef { id: *id, len: at.plain_length() }, at))
            }
            Some(_) => Err(format!("its blob {id} is larger than a blob can be")),
            None => Err(format!("its blob {id} is missing; check the repository")),
        };
        node.content().iter().map(chunk).collect()
    }

    /// Whether the snapshot holds all that was in the current directory, and all of it is restored.
    fn is_whole(&self) -> bool {
        let beneath = |root: &Vec<u8>| {
            let root = root.strip_suffix(b"/").unwrap_or(root);
            self.path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        self.whole_beneath.iter().any(beneath)
    }

    /// The node that this one is a further name of; else it is the first.
    fn earlier_name(&mut self, node: &Node, number: u64) -> Option<u64> {
        if node.is_dir() || node.inode == 0 || (node.links < 2 && !has_uncounted_links(node)) {
            return None;
        }
        let identity = (node.device_id, node.inode, fingerprint(node));
        match self.first_names.entry(identity) {
            Entry::Vacant(place) => {
                place.insert(FirstName { number, left: links_of(node) - 1 });
                None
            }
            Entry::Occupied(mut place) => {
                let first = place.get_mut();
                let number = first.number;
                first.left -= 1;
                if first.left == 0 {
                    place.remove();
                }
                Some(number)
            }
        }
    }
}

/// What all names of one file have in common: kind and content.
fn fingerprint(node: &Node) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(node.kind.as_str().as_bytes());
    hash.update(&node.size.to_le_bytes());
    match &node.kind {
        NodeKind::File { content } => content.iter().for_each(|id| hash.update(id.as_bytes())),
        NodeKind::Symlink { target } => hash.update(target),
        NodeKind::Block { device } | NodeKind::Char { device } => hash.update(&device.to_le_bytes()),
        NodeKind::Dir { .. } | NodeKind::Fifo | NodeKind::Socket => {}
    }
    hash.finish()
}

/// The format keeps no count for pipes and sockets: as many as anybody may have.
fn links_of(node: &Node) -> u64 {
    if has_uncounted_links(node) { u64::from(u32::MAX) } else { node.links }
}

/// A name that is too long to be sent is as good as none: the number is there too.
fn owner_name(name: Option<&str>) -> String {
    name.filter(|name| name.len() <= limits::MAX_OWNER_NAME).unwrap_or_default().to_owned()
}

fn load(repository: &Repository, id: TreeId) -> Result<Arc<Tree>, RestoreError> {
    Ok(repository.engine().load_tree(id)?)
}

/// The format keeps no count of links for pipes and sockets: there, the inode alone tells.
fn has_uncounted_links(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Fifo | NodeKind::Socket)
}

/// A node's metadata as the agent knows it.
fn entry_of(node: &Node) -> holdfast_wire::Entry {
    let kind = match &node.kind {
        NodeKind::File { .. } => EntryKind::File { size: node.size },
        NodeKind::Dir { .. } => EntryKind::Dir { number: 0 },
        NodeKind::Symlink { target } => EntryKind::Symlink { target: ByteBuf::from(target.to_vec()) },
        NodeKind::Block { device } => EntryKind::Block { rdev: *device },
        NodeKind::Char { device } => EntryKind::Char { rdev: *device },
        NodeKind::Fifo => EntryKind::Fifo,
        NodeKind::Socket => EntryKind::Socket,
    };
    let xattr = |xattr: &holdfast_repo::tree::Xattr| Xattr {
        name: ByteBuf::from(xattr.name.to_vec()),
        value: ByteBuf::from(xattr.value.to_vec()),
    };
    let mut xattrs: Vec<Xattr> = node.xattrs.iter().map(xattr).collect();
    // Other programs list them in whatever order the file system gave.
    xattrs.sort_by(|a, b| a.name.cmp(&b.name));
    xattrs.dedup_by(|b, a| a.name == b.name);
    holdfast_wire::Entry {
        name: ByteBuf::from(node.name.to_vec()),
        kind,
        mode: node.mode.permissions(),
        uid: node.uid,
        gid: node.gid,
        mtime: node.mtime.at,
        atime: node.atime.at,
        ctime: node.ctime.at,
        inode: node.inode,
        device: node.device_id,
        // The agent remembers nodes with several names until it has seen them all; of these the count is not known.
        links: links_of(node),
        xattrs,
    }
}
