//! A window: the part of a tree that is restored at a time, bounded in nodes and bytes.

use holdfast_wire::{EntryKind, RestoreNode, ToAgent, encoded_len};

use super::RestoreError;
use super::nodes::{NodeWalk, Step};

/// So many nodes are enough to read the packs in good order, and few enough for a small client.
const MAX_NODES: usize = 16_384;
/// So many chunks: their ids are what a window's memory goes into.
const MAX_CHUNKS: usize = 131_072;
/// Encoded bytes of one message of nodes.
const BATCH: usize = 200 << 10;
/// Chunks of one file in one message: at most 38 bytes each.
const CHUNKS_PER_MESSAGE: usize = 8192;

/// Some consecutive nodes, and the directories that end within them.
pub(super) struct Window {
    first: u64,
    nodes: Vec<RestoreNode>,
    closed: Vec<u64>,
    broken: Vec<(Vec<u8>, String)>,
    bytes: u64,
}

impl Window {
    /// The next window; `None` at the end of the tree.
    pub(super) fn next(walk: &mut NodeWalk<'_>, first: u64) -> Result<Option<Self>, RestoreError> {
        let mut window = Self { first, nodes: Vec::new(), closed: Vec::new(), broken: Vec::new(), bytes: 0 };
        let (mut any, mut chunks) = (false, 0);
        while window.nodes.len() < MAX_NODES && chunks < MAX_CHUNKS {
            match walk.next()? {
                None => break,
                Some(Step::Node(node)) => {
                    chunks += node.chunks.len();
                    window.bytes += node.chunks.iter().map(|chunk| u64::from(chunk.len)).sum::<u64>();
                    window.nodes.push(*node);
                }
                Some(Step::Broken(path, why)) => window.broken.push((path, why)),
                Some(Step::Close(number)) => window.closed.push(number),
            }
            any = true;
        }
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

    /// The nodes.
    pub(super) fn nodes(&self) -> &[RestoreNode] {
        &self.nodes
    }

    /// Directories whose end lies in this window.
    pub(super) fn closed(&self) -> &[u64] {
        &self.closed
    }

    /// What could not be read from the repository.
    pub(super) fn broken(&self) -> &[(Vec<u8>, String)] {
        &self.broken
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Indexes of the nodes that the agent must answer.
    pub(super) fn questions(&self) -> impl Iterator<Item = usize> + '_ {
        let is_question =
            |node: &RestoreNode| matches!(node.entry.kind, EntryKind::File { .. }) && node.hard_link_to.is_none();
        self.nodes.iter().enumerate().filter(move |(_, node)| is_question(node)).map(|(index, _)| index)
    }

    /// The nodes in messages of bounded size, in order.
    pub(super) fn messages(&self) -> Vec<ToAgent> {
        let mut messages = Vec::new();
        let (mut batch, mut size) = (Vec::new(), 0);
        for node in &self.nodes {
            let mut node = node.clone();
            // A file of many chunks goes on in messages of its own.
            let more = node.chunks.split_off(node.chunks.len().min(CHUNKS_PER_MESSAGE));
            size += encoded_len(&node);
            batch.push(node);
            if size >= BATCH || !more.is_empty() {
                messages.push(ToAgent::Nodes(std::mem::take(&mut batch)));
                messages.extend(more.chunks(CHUNKS_PER_MESSAGE).map(|chunks| ToAgent::MoreChunks(chunks.to_vec())));
                size = 0;
            }
        }
        if !batch.is_empty() {
            messages.push(ToAgent::Nodes(batch));
        }
        messages
    }
}
