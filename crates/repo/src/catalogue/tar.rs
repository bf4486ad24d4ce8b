//! A directory as a tar archive, in the interchange format of POSIX (pax(1)): any name, size, time and attribute.
//!
//! Extended attributes and access control lists are written as star, GNU tar and bsdtar read them. Hard links within
//! the archive stay hard links. Sockets have no place in an archive and are left out.

mod header;

use std::collections::HashMap;
use std::io::Write;

use holdfast_model::{CancelToken, TreeId};

use self::header::{Header, Kind};
use super::{Blobs, CatalogueError, Place, Walk, display_path, dump_file, file_size};
use crate::tree::{Node, NodeKind};

const BLOCK: usize = 512;

/// Writes everything beneath the directory at `path` as an archive. Names in it are relative to the root of the
/// snapshot, as in restic's.
pub fn dump_tar(
    blobs: &dyn Blobs,
    path: &[u8],
    tree: TreeId,
    out: &mut dyn Write,
    cancel: &CancelToken,
) -> Result<(), CatalogueError> {
    let mut links = HashMap::new();
    for entry in Walk::new(blobs, path, tree) {
        cancel.check()?;
        let entry = entry?;
        add(blobs, &entry.path, entry.node(), &mut links, out, cancel)?;
    }
    write(out, &[0; 2 * BLOCK])
}

/// Writes what is at `path` as an archive: everything beneath a directory, or the one file.
pub fn tar_place(
    blobs: &dyn Blobs,
    path: &[u8],
    place: &Place,
    out: &mut dyn Write,
    cancel: &CancelToken,
) -> Result<(), CatalogueError> {
    match place {
        Place::Node(node) if !node.is_dir() => {
            add(blobs, path, node, &mut HashMap::new(), out, cancel)?;
            write(out, &[0; 2 * BLOCK])
        }
        _ => match place.tree() {
            Some(tree) => dump_tar(blobs, path, tree, out, cancel),
            None => Err(CatalogueError::NotADirectory { path: display_path(path) }),
        },
    }
}

/// The first name of a file that has several, and how many of them are still to come.
struct FirstName {
    name: Vec<u8>,
    left: u64,
}

fn add(
    blobs: &dyn Blobs,
    path: &[u8],
    node: &Node,
    links: &mut HashMap<(u64, u64), FirstName>,
    out: &mut dyn Write,
    cancel: &CancelToken,
) -> Result<(), CatalogueError> {
    let name = path.strip_prefix(b"/").unwrap_or(path);
    let mut size = 0;
    let kind = match &node.kind {
        NodeKind::Socket => return Ok(()),
        NodeKind::Dir { .. } => Kind::Directory,
        NodeKind::Symlink { target } => Kind::Symlink(target),
        NodeKind::Block { device } => Kind::Block(*device),
        NodeKind::Char { device } => Kind::Char(*device),
        NodeKind::Fifo => Kind::Fifo,
        NodeKind::File { .. } => {
            let key = (node.device_id, node.inode);
            let first = if node.links > 1 && node.inode != 0 { links.get_mut(&key) } else { None };
            match first {
                Some(first) => {
                    first.left = first.left.saturating_sub(1);
                    Kind::HardLink(&first.name)
                }
                None => {
                    size = file_size(blobs, path, node)?;
                    Kind::File
                }
            }
        }
    };
    let is_content = matches!(kind, Kind::File);
    let is_link = matches!(kind, Kind::HardLink(_));
    write(out, &Header { name, node, kind, size }.to_bytes())?;
    if is_content {
        dump_file(blobs, path, node, out, cancel)?;
        write(out, &[0; BLOCK][..padding(size)])?;
        if node.links > 1 && node.inode != 0 {
            let first = FirstName { name: name.to_vec(), left: node.links - 1 };
            links.insert((node.device_id, node.inode), first);
        }
    }
    // Whoever has been met by all its names is forgotten: most of them are, so that few are kept.
    let key = (node.device_id, node.inode);
    if is_link && links.get(&key).is_some_and(|first| first.left == 0) {
        links.remove(&key);
    }
    Ok(())
}

fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), CatalogueError> {
    out.write_all(bytes).map_err(|source| CatalogueError::Write { source })
}
