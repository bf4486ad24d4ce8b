//! A directory as a tar archive, in the interchange format of POSIX (pax(1)): any name, size, time and attribute.
//!
//! Extended attributes and access control lists are written as star, GNU tar and bsdtar read them. Hard links within
//! the archive stay hard links. Sockets have no place in an archive and are left out.

mod header;

use std::collections::HashMap;
use std::io::Write;

use holdfast_model::{CancelToken, TreeId};

use self::header::{Header, Kind};
use super::{Blobs, CatalogueError, Walk, display_path, dump_file};
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

fn add(
    blobs: &dyn Blobs,
    path: &[u8],
    node: &Node,
    links: &mut HashMap<(u64, u64), Vec<u8>>,
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
        NodeKind::File { content } => {
            let key = (node.device_id, node.inode);
            let first = if node.links > 1 && node.inode != 0 { links.get(&key) } else { None };
            match first {
                Some(first) => Kind::HardLink(first),
                None => {
                    size = content_size(blobs, path, content)?;
                    Kind::File
                }
            }
        }
    };
    let is_content = matches!(kind, Kind::File);
    write(out, &Header { name, node, kind, size }.to_bytes())?;
    if is_content {
        dump_file(blobs, path, node, out, cancel)?;
        write(out, &[0; BLOCK][..padding(size)])?;
        if node.links > 1 && node.inode != 0 {
            links.insert((node.device_id, node.inode), name.to_vec());
        }
    }
    Ok(())
}

/// The length of the content that will follow. A node's own size may differ if its file changed while it was read, or if
/// whoever wrote it lied.
fn content_size(blobs: &dyn Blobs, path: &[u8], content: &[holdfast_model::BlobId]) -> Result<u64, CatalogueError> {
    let mut sum = 0;
    for &id in content {
        let size = blobs.size(crate::pack::BlobKind::Data, id);
        sum += size.ok_or_else(|| CatalogueError::MissingBlob { path: display_path(path), id })?.plain;
    }
    Ok(sum)
}

fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), CatalogueError> {
    out.write_all(bytes).map_err(|source| CatalogueError::Write { source })
}
