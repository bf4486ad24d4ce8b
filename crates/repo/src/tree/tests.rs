//! The bytes of trees, and trees that somebody tampered with.

use super::*;
use crate::time::ZonedTime;
use holdfast_model::{BlobId, Id, Timestamp, TreeId};
use proptest::prelude::*;

/// A tree as restic 0.19.1 wrote it (`restic cat tree`), with names, types and attributes of every sort.
const BY_RESTIC: &[u8] = include_bytes!("testdata/by-restic.json");

fn blob(byte: u8) -> BlobId {
    Id::new([byte; 32]).into()
}

fn file(name: &[u8]) -> Node {
    Node::new(name, NodeKind::File { content: vec![] }, 0o644)
}

#[test]
fn a_tree_of_restic_is_written_again_to_the_last_byte() {
    let tree = Tree::parse(BY_RESTIC).unwrap();
    assert_eq!(String::from_utf8_lossy(&tree.to_bytes()), String::from_utf8_lossy(BY_RESTIC));
    let kinds: std::collections::HashSet<_> = tree.nodes().iter().map(|node| node.kind.as_str()).collect();
    // All but sockets, which restic leaves out.
    assert_eq!(kinds.len(), 6, "{kinds:?}");
    assert!(tree.find(b"\xff\xfe not utf-8").is_some());
}

#[test]
fn a_node_is_written_as_restic_writes_it() {
    let time = |seconds, nanoseconds| ZonedTime::utc(Timestamp { seconds, nanoseconds });
    let mut node = Node::new(&b"a<b>"[..], NodeKind::File { content: vec![blob(0xab)] }, 0o4755);
    (node.mtime, node.atime, node.ctime) = (time(0, 0), time(1, 500_000_000), time(-1, 1));
    (node.uid, node.gid, node.inode, node.size, node.links) = (1000, 100, 7, 12, 1);
    node.user = Some("anna".into());
    node.xattrs = vec![Xattr { name: b"user.x".as_slice().into(), value: b"\x00y".as_slice().into() }];
    let tree = Tree::new(vec![node]).unwrap();
    let expected = format!(
        concat!(
            r#"{{"nodes":[{{"name":"a\u003cb\u003e","type":"file","mode":8389101,"mtime":"1970-01-01T00:00:00Z","#,
            r#""atime":"1970-01-01T00:00:01.5Z","ctime":"1969-12-31T23:59:59.000000001Z","uid":1000,"gid":100,"#,
            r#""user":"anna","inode":7,"size":12,"links":1,"extended_attributes":[{{"name":"user.x","value":"AHk="}}],"#,
            r#""content":["{}"]}}]}}"#,
            "\n"
        ),
        blob(0xab)
    );
    assert_eq!(String::from_utf8(tree.to_bytes()).unwrap(), expected);
    assert_eq!(Tree::default().to_bytes(), b"{\"nodes\":[]}\n");
}

#[test]
fn nodes_are_sorted_by_the_bytes_of_their_names() {
    let tree = Tree::new(vec![file(b"b"), file(b"a\xff"), file(b"a"), file("aä".as_bytes()), file(b"B")]).unwrap();
    let names: Vec<_> = tree.nodes().iter().map(|node| &*node.name).collect();
    assert_eq!(names, [&b"B"[..], b"a", "aä".as_bytes(), b"a\xff", b"b"]);
    assert_eq!(tree.find(b"a\xff").unwrap().name, b"a\xff"[..].into());
    assert!(tree.find(b"c").is_none());
}

#[test]
fn no_tree_is_made_of_names_that_lead_elsewhere() {
    let long = [b'x'; 256];
    for (name, fault) in [
        (&b""[..], NameFault::Empty),
        (b".", NameFault::Dots),
        (b"..", NameFault::Dots),
        (b"a/b", NameFault::Slash),
        (b"/etc", NameFault::Slash),
        (b"a\0", NameFault::Nul),
        (&long, NameFault::TooLong),
    ] {
        assert!(matches!(Tree::new(vec![file(name)]), Err(NodeError::Name { fault: f, .. }) if f == fault), "{name:?}");
        let mut out = Vec::new();
        let mut writer = TreeWriter::new(&mut out);
        writer.node(&file(b"good"));
        writer.node(&file(name));
        writer.finish();
        assert!(
            matches!(Tree::parse(&out), Err(TreeError::Node { source: NodeError::Name { fault: f, .. } }) if f == fault)
        );
        let read = Tree::read(&out).unwrap();
        assert_eq!((read.nodes().len(), read.faults().len()), (1, 1));
    }
    assert!(matches!(Tree::new(vec![file(b"a"), file(b"a")]), Err(NodeError::Duplicate { .. })));
    assert!(Tree::new(vec![file(&long[..255])]).is_ok());
}

#[test]
fn nodes_that_are_wrong_are_named_and_left_out() {
    let id = "ab".repeat(32);
    let nil = "0".repeat(64);
    for (node, error) in [
        (r#"{"name":"x","type":"file","content":null}"#.to_owned(), NodeError::NoContent { name: "x".into() }),
        (r#"{"name":"x","type":"dir","content":null}"#.into(), NodeError::NoSubtree { name: "x".into() }),
        (format!(r#"{{"name":"x","type":"dir","subtree":"{nil}"}}"#), NodeError::NullBlob { name: "x".into() }),
        (
            format!(r#"{{"name":"x","type":"file","content":["{id}","{nil}"]}}"#),
            NodeError::NullBlob { name: "x".into() },
        ),
        (
            r#"{"name":"x","type":"irregular"}"#.into(),
            NodeError::UnknownType { name: "x".into(), kind: "irregular".into() },
        ),
        (r#"{"name":"x","type":"fifo","mtime":"now"}"#.into(), NodeError::Field { name: "x".into(), field: "mtime" }),
        (
            r#"{"name":"x","type":"symlink","linktarget_raw":"?"}"#.into(),
            NodeError::Field { name: "x".into(), field: "linktarget_raw" },
        ),
        (r#"{"name":"\\q","type":"fifo"}"#.into(), NodeError::Name { name: r"\\q".into(), fault: NameFault::Quoting }),
        (r#"{"name":"b","type":"socket"}"#.into(), NodeError::Duplicate { name: "b".into() }),
    ] {
        let document = format!(r#"{{"nodes":[{node},{{"name":"b","type":"fifo"}},{{"name":"a","type":"fifo"}}]}}"#);
        let read = Tree::read(document.as_bytes()).unwrap();
        assert_eq!(read.faults(), [error]);
        assert_eq!(read.nodes().len(), 2, "{document}");
    }
}

#[test]
fn fields_and_values_that_others_write_are_understood() {
    let document = br#" {"future":{"nodes":1},"nodes":[{"name":"w","type":"file","mode":null,"user":null,"content":[],
        "generic_attributes":{"windows.creation_time":"IBQ8"},"new":[{}]}],"later":[]} "#;
    let tree = Tree::parse(document).unwrap();
    let node = tree.find(b"w").unwrap();
    assert_eq!(node.mtime, crate::time::GO_ZERO);
    assert_eq!(node.user, None);
    let written = String::from_utf8(tree.to_bytes()).unwrap();
    assert!(written.contains(r#","generic_attributes":{"windows.creation_time":"IBQ8"},"content":[]}"#), "{written}");
}

#[test]
fn other_documents_are_refused() {
    for document in [
        "",
        "{}",
        "[]",
        r#"{"nodes":null}"#,
        r#"{"nodes":[1]}"#,
        r#"{"nodes":[]}x"#,
        r#"{"nodes":[{"name":1}]}"#,
        "\u{1}",
    ] {
        assert!(matches!(Tree::parse(document.as_bytes()), Err(TreeError::Json { .. })), "{document}");
    }
    let deep = format!(r#"{{"a":{}"#, "[".repeat(1_000_000));
    assert!(Tree::parse(deep.as_bytes()).is_err());
}

#[test]
fn permissions_survive_the_bits_of_go() {
    for kind in [NodeKind::Fifo, NodeKind::Char { device: 1 }, NodeKind::Dir { subtree: TreeId::default() }] {
        for permissions in 0..=0o7777 {
            assert_eq!(FileMode::new(permissions, &kind).permissions(), permissions);
        }
    }
}

fn any_node() -> impl Strategy<Value = Node> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40).prop_map(Vec::into_boxed_slice);
    let kind = prop_oneof![
        prop::collection::vec(1u8.., 0..4)
            .prop_map(|ids| NodeKind::File { content: ids.into_iter().map(blob).collect() }),
        (1u8..).prop_map(|id| NodeKind::Dir { subtree: Id::new([id; 32]).into() }),
        bytes().prop_map(|target| NodeKind::Symlink { target }),
        any::<u64>().prop_map(|device| NodeKind::Block { device }),
        Just(NodeKind::Socket),
    ];
    let name = bytes().prop_filter("allowed", |name| check_name(name).is_ok());
    let user = prop::option::of("\\PC{1,5}".prop_map(std::sync::Arc::<str>::from));
    let xattrs = prop::collection::vec(("[a-z]{1,9}", bytes()), 0..3);
    let time = (-60_000_000_000i64..250_000_000_000, 0u32..1_000_000_000);
    (name, kind, 0u32..0o10000, time, any::<[u32; 2]>(), any::<[u64; 3]>(), user, xattrs).prop_map(
        |(name, kind, permissions, (seconds, nanoseconds), [uid, gid], [inode, size, links], user, xattrs)| {
            let mut node = Node::new(name, kind, permissions);
            node.mtime = ZonedTime::utc(Timestamp { seconds, nanoseconds });
            (node.uid, node.gid, node.inode, node.size, node.links) = (uid, gid, inode, size, links);
            node.user = user;
            node.xattrs =
                xattrs.into_iter().map(|(name, value)| Xattr { name: name.into_bytes().into(), value }).collect();
            node
        },
    )
}

proptest! {
    #[test]
    fn every_tree_is_read_back(nodes in prop::collection::vec(any_node(), 0..6)) {
        let mut nodes = nodes;
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes.dedup_by(|a, b| a.name == b.name);
        let tree = Tree::new(nodes).unwrap();
        prop_assert_eq!(Tree::parse(&tree.to_bytes()).unwrap(), tree);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        let _ = Tree::read(&bytes);
    }
}
