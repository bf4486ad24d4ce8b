//! Tells who wants to hear it what became of each node, with its path, which goes over the connection only once.

use std::collections::HashMap;

use holdfast_wire::{EntryKind, RestoreNode, RestoreOutcome, ToAgent};

/// Hears what becomes of the nodes of a restore, each once, in whatever order.
pub trait Witness {
    /// This became of a node.
    fn hear(&mut self, node: &Witnessed<'_>);
}

/// What became of a node.
#[derive(Debug, Clone, Copy)]
pub struct Witnessed<'a> {
    /// Its number: the same tree and selection give each node the same.
    pub number: u64,
    /// Its path beneath the target, without a leading `/`.
    pub path: &'a [u8],
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Bytes of a file.
    pub bytes: u64,
    /// What became of it.
    pub outcome: RestoreOutcome,
}

/// A witness, and the nodes of which nothing was said yet: those of the windows that are under way, and the directories that
/// are open.
pub(super) struct Witnessing<'a> {
    witness: &'a mut dyn Witness,
    open: HashMap<u64, Told>,
    next: u64,
}

struct Told {
    path: Vec<u8>,
    is_dir: bool,
    bytes: u64,
}

impl<'a> Witnessing<'a> {
    pub(super) fn new(witness: &'a mut dyn Witness) -> Self {
        Self { witness, open: HashMap::new(), next: 0 }
    }

    /// The agent is told of nodes.
    pub(super) fn announce(&mut self, message: &ToAgent) {
        let ToAgent::Nodes(nodes) = message else { return };
        for RestoreNode { path, entry, .. } in nodes {
            let bytes = match entry.kind {
                EntryKind::File { size } => size,
                _ => 0,
            };
            let is_dir = matches!(entry.kind, EntryKind::Dir { .. });
            self.open.insert(self.next, Told { path: path.to_vec(), is_dir, bytes });
            self.next += 1;
        }
    }

    /// The agent says what became of a node.
    pub(super) fn take(&mut self, number: u64, outcome: RestoreOutcome) {
        if let Some(Told { path, is_dir, bytes }) = self.open.remove(&number) {
            self.witness.hear(&Witnessed { number, path: &path, is_dir, bytes, outcome });
        }
    }
}
