//! What a tree refers to, read from its document without building the tree.

use holdfast_model::{BlobId, TreeId};

use crate::cursor::{Cursor, SyntaxError};
use crate::tree::Tree;

/// The blobs that the nodes of one tree name, as often as they are named.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    pub(crate) data: Vec<BlobId>,
    pub(crate) trees: Vec<TreeId>,
}

impl References {
    /// Reads them from the document of a tree, whatever else is in it.
    pub(crate) fn of(document: &[u8]) -> Result<Self, SyntaxError> {
        let mut references = Self::default();
        let cursor = &mut Cursor::new(document);
        cursor.object(|cursor, key| match key {
            b"nodes" => cursor.nullable_array(|cursor| references.node(cursor)),
            _ => cursor.skip(),
        })?;
        cursor.end().map(|()| references)
    }

    fn node(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
        cursor.object(|cursor, key| match key {
            b"content" => cursor.nullable_array(|cursor| {
                self.data.push(BlobId::new(cursor.id()?));
                Ok(())
            }),
            b"subtree" if !cursor.next_is(b'n') => {
                self.trees.push(TreeId::new(cursor.id()?));
                Ok(())
            }
            // `content` could be spelled so.
            _ if key.contains(&b'\\') => Err(cursor.error("a name of a field without escapes")),
            _ => cursor.skip(),
        })
    }

    /// Those of a tree that was built here.
    pub(crate) fn of_tree(tree: &Tree) -> Self {
        let nodes = tree.nodes().iter();
        let data = nodes.clone().flat_map(|node| node.content()).copied().collect();
        Self { data, trees: nodes.filter_map(|node| node.subtree()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Node, NodeKind};

    #[test]
    fn a_document_refers_to_what_its_tree_refers_to() {
        let file = |name: &str, content: &[u8]| {
            let content = content.iter().map(|&n| BlobId::new([n; 32])).collect();
            Node::new(name.as_bytes(), NodeKind::File { content }, 0o644)
        };
        let dir =
            |name: &str, n: u8| Node::new(name.as_bytes(), NodeKind::Dir { subtree: TreeId::new([n; 32]) }, 0o755);
        let link = Node::new(*b"link \xff", NodeKind::Symlink { target: (*b"x\xff").into() }, 0o777);
        let tree = Tree::new(vec![file("a", &[1, 2, 1]), dir("b", 3), file("c", &[]), dir("d\"", 4), link]).unwrap();
        let references = References::of(&tree.to_bytes()).unwrap();
        assert_eq!(references, References::of_tree(&tree));
        assert_eq!(references.data, [1, 2, 1].map(|n| BlobId::new([n; 32])));
        assert_eq!(references.trees, [3, 4].map(|n| TreeId::new([n; 32])));
    }

    #[test]
    fn nodes_that_no_tree_may_have_keep_their_blobs() {
        let id = "ab".repeat(32);
        let document = format!(
            r#"{{"nodes":[{{"name":"..","type":"martian","mtime":5,"content":["{id}"]}},{{"subtree":"{id}"}},
               {{"subtree":null,"content":null,"generic_attributes":{{"content":["x"],"\u0041":1}}}}],"more":[]}}"#
        );
        let references = References::of(document.as_bytes()).unwrap();
        assert_eq!((references.data.len(), references.trees.len()), (1, 1));
        for bad in [r#"{"nodes":[{"content":["12"]}]}"#, r#"{"nodes":[{"c\u006fntent":[]}]}"#, r#"{"nodes":["#] {
            assert!(References::of(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(References::of(br#"{"nodes":null}"#).unwrap(), References::default());
    }
}
