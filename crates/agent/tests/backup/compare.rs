//! Compares what a server was told with what the file system shows by other means.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use holdfast_model::Timestamp;
use holdfast_wire::{EntryKind, Xattr};

use crate::server::{Node, Server, Tree};

/// Fails unless the tree is what is at the path now, with everything in it.
pub(crate) fn assert_same(server: &Server, node: &Node, path: &Path) {
    assert_metadata(node, path);
    match &node.entry.kind {
        EntryKind::Dir { .. } => assert_same_tree(server, node.tree.as_ref().expect("a directory"), path),
        EntryKind::File { .. } => {
            let mut content = Vec::new();
            node.content.iter().for_each(|chunk| content.extend_from_slice(&server.blobs[&chunk.id]));
            assert!(content == fs::read(path).unwrap(), "content of {}", path.display());
        }
        _ => {}
    }
}

pub(crate) fn assert_same_tree(server: &Server, tree: &Tree, path: &Path) {
    let there: BTreeSet<Vec<u8>> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_vec()).collect();
    let told: BTreeSet<Vec<u8>> = tree.0.keys().cloned().collect();
    assert_eq!(told, there, "names in {}", path.display());
    for (name, node) in &tree.0 {
        assert_eq!(*name, *node.entry.name);
        assert_same(server, node, &path.join(OsStr::from_bytes(name)));
    }
}

pub(crate) fn assert_metadata(node: &Node, path: &Path) {
    let entry = &node.entry;
    let stat = fs::symlink_metadata(path).unwrap();
    let kind = stat.file_type();
    let expected = match () {
        () if kind.is_file() => EntryKind::File { size: stat.size() },
        () if kind.is_dir() => EntryKind::Dir { number: 0 },
        () if kind.is_symlink() => {
            EntryKind::Symlink { target: fs::read_link(path).unwrap().into_os_string().into_vec().into() }
        }
        () if kind.is_block_device() => EntryKind::Block { rdev: stat.rdev() },
        () if kind.is_char_device() => EntryKind::Char { rdev: stat.rdev() },
        () if kind.is_fifo() => EntryKind::Fifo,
        () => EntryKind::Socket,
    };
    assert_eq!(entry.kind, expected, "{}", path.display());
    let time = |seconds, nanos: i64| Timestamp { seconds, nanoseconds: nanos as u32 };
    assert_eq!(
        (entry.mode, entry.uid, entry.gid, entry.links, entry.inode, entry.device),
        (stat.mode() & 0o7777, stat.uid(), stat.gid(), stat.nlink(), stat.ino(), stat.dev()),
        "{}",
        path.display()
    );
    assert_eq!(entry.mtime, time(stat.mtime(), stat.mtime_nsec()), "{}", path.display());
    assert_eq!(entry.ctime, time(stat.ctime(), stat.ctime_nsec()), "{}", path.display());
    assert_eq!(entry.atime, entry.mtime, "{}", path.display());
    assert_eq!(entry.xattrs, xattrs(path), "{}", path.display());
}

pub(crate) fn xattrs(path: &Path) -> Vec<Xattr> {
    let mut list = vec![0; 65536];
    let len = rustix::fs::llistxattr(path, &mut list[..]).unwrap_or(0);
    let mut xattrs: Vec<Xattr> = list[..len]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 65536];
            let len = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
            Xattr { name: name.to_vec().into(), value: value[..len].to_vec().into() }
        })
        .collect();
    xattrs.sort();
    xattrs
}
