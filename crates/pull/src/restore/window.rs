//! A window: the part of a tree that is restored at a time, bounded in nodes, chunks and bytes.
//!
//! A thread of its own walks the tree and makes windows, at most one ahead of those that are under way, so that what is
//! held stays bounded however large the tree is.

use std::thread::Scope;

use crossbeam_channel::{Receiver, bounded};
use holdfast_model::{BlobId, CancelToken};
use holdfast_repo::index::BlobLocation;
use holdfast_wire::{EntryKind, RestoreNode, ToAgent};

use super::RestoreError;
use super::nodes::{Broken, NodeWalk, Step};

/// So many nodes are enough to read the packs in good order, and few enough for a small client.
const MAX_NODES: usize = 16_384;
/// Nodes of the first window, so that the agent has something to do soon; each window has twice as many as the last.
const FIRST_NODES: usize = 1024;
/// So many chunks: their ids are what a window's memory goes into.
const MAX_CHUNKS: usize = 131_072;
/// Bytes of the nodes in messages, about: whoever made the snapshot says how long names and attributes are.
const MAX_BYTES: usize = 16 << 20;
/// Encoded bytes of one message of nodes, about.
const BATCH: usize = 200 << 10;
/// Chunks of one file in one message: at most 38 bytes each.
const CHUNKS_PER_MESSAGE: usize = 8192;
/// Bytes that a chunk takes in a message, at most.
const CHUNK_BYTES: usize = 38;
/// Bytes of a node's numbers and lengths in a message, at most.
const NODE_BYTES: usize = 200;

/// Some consecutive nodes, and the directories that end within them.
pub(super) struct Window {
    first: u64,
    /// What the agent is to be told of them.
    messages: Vec<ToAgent>,
    /// Of each node, whether the agent must answer, and where its chunks begin in `chunks`.
    nodes: Vec<(bool, u32)>,
    chunks: Vec<(BlobId, BlobLocation)>,
    closed: Vec<u64>,
    broken: Vec<Broken>,
    bytes: u64,
}

/// Makes windows until the tree ends, nobody takes them any more or the work is cancelled.
pub(super) fn walk_ahead<'scope, 'a: 'scope>(
    scope: &'scope Scope<'scope, '_>,
    mut walk: NodeWalk<'a>,
    cancel: &'scope CancelToken,
) -> Receiver<Result<Window, RestoreError>> {
    let (ahead, windows) = bounded(0);
    scope.spawn(move || {
        let (mut first, mut nodes) = (0, FIRST_NODES);
        while !cancel.is_cancelled()
            && let Some(window) = Window::next(&mut walk, first, nodes).transpose()
        {
            first = window.as_ref().map_or(first, Window::end);
            nodes = (2 * nodes).min(MAX_NODES);
            let failed = window.is_err();
            if ahead.send(window).is_err() || failed {
                return;
            }
        }
    });
    windows
}

impl Window {
    /// The next window, of about so many nodes; `None` at the end of the tree.
    fn next(walk: &mut NodeWalk<'_>, first: u64, nodes: usize) -> Result<Option<Self>, RestoreError> {
        let mut window = Self {
            first,
            messages: Vec::new(),
            nodes: Vec::new(),
            chunks: Vec::new(),
            closed: Vec::new(),
            broken: Vec::new(),
            bytes: 0,
        };
        let mut batch = Batch::default();
        let (mut any, mut bytes) = (false, 0);
        while window.nodes.len() < nodes && window.chunks.len() < MAX_CHUNKS && bytes < MAX_BYTES {
            match walk.next()? {
                None => break,
                Some(Step::Node(node, places)) => {
                    let is_file = matches!(node.entry.kind, EntryKind::File { .. });
                    window.nodes.push((is_file && node.hard_link_to.is_none(), window.chunks.len() as u32));
                    window.bytes += node.chunks.iter().map(|chunk| u64::from(chunk.len)).sum::<u64>();
                    window.chunks.extend(node.chunks.iter().map(|chunk| chunk.id).zip(places));
                    bytes += encoded_bound(&node);
                    batch.add(*node, &mut window.messages);
                }
                Some(Step::Broken(broken)) => window.broken.push(broken),
                Some(Step::Close(number)) => window.closed.push(number),
            }
            any = true;
        }
        batch.end(&mut window.messages);
        Ok(any.then_some(window))
    }

    /// The number of the first node after this window.
    pub(super) fn end(&self) -> u64 {
        self.first + self.nodes.len() as u64
    }

    /// Index of a node by its number.
    pub(super) fn index(&self, number: u64) -> Option<usize> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        (index < self.nodes.len()).then_some(index)
    }

    /// Of each node, whether the agent must answer what it needs of it.
    pub(super) fn questions(&self) -> impl Iterator<Item = bool> + '_ {
        self.nodes.iter().map(|(is_question, _)| *is_question)
    }

    /// The chunks of a node, as a range of all [`chunks`](Self::chunk).
    pub(super) fn chunks_of(&self, index: usize) -> std::ops::Range<u32> {
        let end = self.nodes.get(index + 1).map_or(self.chunks.len() as u32, |(_, start)| *start);
        self.nodes[index].1..end
    }

    /// A chunk of some node, and where it lies.
    pub(super) fn chunk(&self, index: u32) -> &(BlobId, BlobLocation) {
        &self.chunks[index as usize]
    }

    /// Directories whose end lies in this window.
    pub(super) fn take_closed(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.closed)
    }

    /// What could not be read from the repository.
    pub(super) fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The nodes in messages of bounded size, in order.
    pub(super) fn take_messages(&mut self) -> Vec<ToAgent> {
        std::mem::take(&mut self.messages)
    }
}

/// Nodes that make up a message.
#[derive(Default)]
struct Batch {
    nodes: Vec<RestoreNode>,
    size: usize,
}

impl Batch {
    fn add(&mut self, mut node: RestoreNode, messages: &mut Vec<ToAgent>) {
        // A file of many chunks goes on in messages of its own.
        let more = node.chunks.split_off(node.chunks.len().min(CHUNKS_PER_MESSAGE));
        self.size += encoded_bound(&node);
        self.nodes.push(node);
        if self.size >= BATCH || !more.is_empty() {
            self.end(messages);
            messages.extend(more.chunks(CHUNKS_PER_MESSAGE).map(|chunks| ToAgent::MoreChunks(chunks.to_vec())));
        }
    }

    fn end(&mut self, messages: &mut Vec<ToAgent>) {
        if !self.nodes.is_empty() {
            messages.push(ToAgent::Nodes(std::mem::take(&mut self.nodes)));
        }
        self.size = 0;
    }
}

/// Bytes that a node takes in a message, at most: to count them exactly is to encode it.
fn encoded_bound(node: &RestoreNode) -> usize {
    let target = match &node.entry.kind {
        EntryKind::Symlink { target } => target.len(),
        _ => 0,
    };
    let xattrs: usize = node.entry.xattrs.iter().map(|xattr| xattr.name.len() + xattr.value.len() + 10).sum();
    let names = node.path.len() + node.entry.name.len() + node.user.len() + node.group.len();
    NODE_BYTES + names + target + xattrs + node.chunks.len() * CHUNK_BYTES
}

#[cfg(test)]
mod tests {
    use holdfast_model::Timestamp;
    use holdfast_wire::{ChunkRef, Entry, Xattr, encoded_len};
    use serde_bytes::ByteBuf;

    use super::*;

    #[test]
    fn no_node_takes_more_than_its_bound() {
        let last = Timestamp { seconds: i64::MIN, nanoseconds: u32::MAX };
        let xattr = Xattr { name: ByteBuf::from(vec![1; 255]), value: ByteBuf::from(vec![1; 300]) };
        let entry = Entry {
            name: ByteBuf::from(vec![1; 255]),
            kind: EntryKind::Symlink { target: ByteBuf::from(vec![1; 4000]) },
            mode: u32::MAX,
            uid: u32::MAX,
            gid: u32::MAX,
            mtime: last,
            atime: last,
            ctime: last,
            inode: u64::MAX,
            device: u64::MAX,
            links: u64::MAX,
            xattrs: vec![xattr; 3],
        };
        let node = RestoreNode {
            path: ByteBuf::from(vec![1; 4000]),
            entry,
            user: "u".repeat(200),
            group: "g".repeat(200),
            whole: true,
            chunks: vec![ChunkRef { id: BlobId::new([255; 32]), len: u32::MAX }; 1000],
            hard_link_to: Some(u64::MAX),
        };
        assert!(encoded_len(&node) <= encoded_bound(&node));
    }
}
