//! Trees: the directories of a snapshot, as JSON documents whose SHA-256 is their id.
//!
//! A [`Tree`] is sorted by the bytes of its names, and no name occurs twice or is one that a file system would not take:
//! neither a tree that we build nor one that we read breaks that. The bytes are restic's to the last one (its design
//! document, "Trees and Data"; the details are those of Go's `encoding/json` and `strconv.Quote`).
//! Where trees are stored is not known here.

mod mode;
mod node;
mod parse;
mod printable;
mod quote;
mod write;

pub use mode::FileMode;
pub use node::{Node, NodeKind, Xattr};
pub use quote::{display_name, name_of_display};

/// Longest name of a node in bytes: no Linux file system takes more.
pub const MAX_NAME: usize = 255;

/// A directory: its nodes in order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    faults: Vec<NodeError>,
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// No bytes at all.
    #[error("is empty")]
    Empty,
    /// `.` or `..`
    #[error("means a directory itself or the one above")]
    Dots,
    /// More than [`MAX_NAME`] bytes.
    #[error("is longer than 255 bytes")]
    TooLong,
    /// Contains `/`.
    #[error("contains a slash")]
    Slash,
    /// Contains a zero byte.
    #[error("contains a zero byte")]
    Nul,
    /// Not in the form of Go's `strconv.Quote`.
    #[error("has an escape sequence that does not exist")]
    Quoting,
}

/// Why a node can't be part of a tree. `name` is the node's, as [`display_name`] shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The name would lead out of the directory, or is none.
    #[error("the name \"{name}\" {fault}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// Two nodes have the same name.
    #[error("the name \"{name}\" occurs twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Neither a file, a directory, a link nor a special file.
    #[error("\"{name}\" is of the unknown type {kind:?}")]
    UnknownType {
        /// The name.
        name: String,
        /// The type as it is written.
        kind: String,
    },
    /// A directory that leads nowhere.
    #[error("the directory \"{name}\" has no tree")]
    NoSubtree {
        /// The name.
        name: String,
    },
    /// A file whose content is not said.
    #[error("the file \"{name}\" has no list of blobs")]
    NoContent {
        /// The name.
        name: String,
    },
    /// A file or directory that names the blob 000…0, which cannot exist.
    #[error("\"{name}\" names a blob that is all zeroes")]
    NullBlob {
        /// The name.
        name: String,
    },
    /// A time, attribute or link target is not in its form.
    #[error("the {field} of \"{name}\" can't be read")]
    Field {
        /// The name.
        name: String,
        /// The field as it is called in the document.
        field: &'static str,
    },
}

/// Why bytes are no tree.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Not the document that a tree is.
    #[error("the tree is no valid document")]
    Json {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// One of its nodes is wrong.
    #[error("the tree has a node that can't be used")]
    Node {
        /// Which and why.
        #[source]
        source: NodeError,
    },
}

impl Tree {
    /// A tree of nodes in any order. Fails at a name that no tree may have, or that occurs twice.
    pub fn new(mut nodes: Vec<Node>) -> Result<Self, NodeError> {
        if !nodes.is_sorted_by(|a, b| a.name < b.name) {
            nodes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        }
        for (i, node) in nodes.iter().enumerate() {
            check_name(&node.name).map_err(|fault| NodeError::Name { name: display_name(&node.name), fault })?;
            if i > 0 && nodes[i - 1].name == node.name {
                return Err(NodeError::Duplicate { name: display_name(&node.name) });
            }
        }
        Ok(Self { nodes, faults: Vec::new() })
    }

    /// The nodes in order of their names.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of that name.
    pub fn find(&self, name: &[u8]) -> Option<&Node> {
        self.nodes.binary_search_by(|node| (*node.name).cmp(name)).ok().map(|at| &self.nodes[at])
    }

    /// What was wrong with the nodes that were left out when the tree was read.
    pub fn faults(&self) -> &[NodeError] {
        &self.faults
    }

    /// Reads a tree that must be right. Fails at the first node that is wrong; [`read`](Self::read) gives the others.
    pub fn parse(document: &[u8]) -> Result<Self, TreeError> {
        let mut tree = Self::read(document)?;
        match tree.faults.pop() {
            None => Ok(tree),
            Some(source) => Err(TreeError::Node { source }),
        }
    }

    /// The document: what is hashed and stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.nodes.len() * 512);
        self.write(&mut out);
        out
    }

    /// Appends the document.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut writer = TreeWriter::new(out);
        for node in &self.nodes {
            writer.node(node);
        }
        writer.finish();
    }
}

/// Writes a tree node by node, for directories too large to be held. The caller keeps the order and checks the names
/// ([`check_name`]).
#[derive(Debug)]
pub struct TreeWriter<'a> {
    out: &'a mut Vec<u8>,
    any: bool,
}

impl<'a> TreeWriter<'a> {
    /// Appends the beginning of a tree to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.extend_from_slice(br#"{"nodes":["#);
        Self { out, any: false }
    }

    /// Appends a node. Its name must be greater than the one before.
    pub fn node(&mut self, node: &Node) {
        if self.any {
            self.out.push(b',');
        }
        self.any = true;
        node.write(self.out);
    }

    /// Appends the end.
    pub fn finish(self) {
        self.out.extend_from_slice(b"]}\n");
    }
}

/// Whether a tree may hold this name.
pub fn check_name(name: &[u8]) -> Result<(), NameFault> {
    match name {
        b"" => Err(NameFault::Empty),
        b"." | b".." => Err(NameFault::Dots),
        _ if name.len() > MAX_NAME => Err(NameFault::TooLong),
        _ if name.contains(&b'/') => Err(NameFault::Slash),
        _ if name.contains(&0) => Err(NameFault::Nul),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
