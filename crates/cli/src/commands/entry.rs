//! One entry of a snapshot: a line for people, or restic's JSON fields.
//!
//! Names that are not UTF-8 are escaped for people; in JSON their other bytes are replaced, as restic does.

use std::borrow::Cow;

use holdfast_repo::time::ZonedTime;
use holdfast_repo::tree::{FileMode, Node, NodeKind};
use serde::Serialize;

use crate::{local_time, output};

/// The line of an entry, with mode, owner, size and time if it is to be `long`.
pub fn line(path: &[u8], node: &Node, long: bool) -> String {
    let shown = output::path(path);
    if !long {
        return shown;
    }
    let mode = output::permissions(letter(&node.kind), node.mode.permissions());
    let target = match &node.kind {
        NodeKind::Symlink { target } => format!(" -> {}", output::path(target)),
        _ => String::new(),
    };
    let time = local_time::show(node.mtime);
    format!("{mode} {:>5} {:>5} {:>10} {time} {shown}{target}", node.uid, node.gid, node.size)
}

fn letter(kind: &NodeKind) -> char {
    match kind {
        NodeKind::File { .. } => '-',
        NodeKind::Dir { .. } => 'd',
        NodeKind::Symlink { .. } => 'l',
        NodeKind::Block { .. } => 'b',
        NodeKind::Char { .. } => 'c',
        NodeKind::Fifo => 'p',
        NodeKind::Socket => 's',
    }
}

/// An entry as `restic ls --json` has it.
#[derive(Serialize)]
pub struct Listed<'a> {
    name: Cow<'a, str>,
    r#type: &'static str,
    path: Cow<'a, str>,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u64,
    permissions: String,
    mtime: ZonedTime,
    atime: ZonedTime,
    ctime: ZonedTime,
    #[serde(skip_serializing_if = "is_zero")]
    inode: u64,
    message_type: &'static str,
    struct_type: &'static str,
}

impl<'a> Listed<'a> {
    /// Of a node.
    pub fn new(path: &'a [u8], node: &'a Node) -> Self {
        Self {
            name: String::from_utf8_lossy(&node.name),
            r#type: node.kind.as_str(),
            path: String::from_utf8_lossy(path),
            uid: node.uid,
            gid: node.gid,
            size: node.is_file().then_some(node.size),
            mode: node.mode.bits().into(),
            permissions: permissions(node.mode),
            mtime: node.mtime,
            atime: node.atime,
            ctime: node.ctime,
            inode: node.inode,
            message_type: "node",
            struct_type: "node",
        }
    }
}

/// An entry as `restic find --json` has it.
#[derive(Serialize)]
pub struct Found {
    path: String,
    permissions: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u64,
    mtime: ZonedTime,
    atime: ZonedTime,
    ctime: ZonedTime,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    inode: u64,
    #[serde(skip_serializing_if = "is_zero")]
    device_id: u64,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    links: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    linktarget: Option<String>,
}

impl Found {
    /// Of a node.
    pub fn new(path: &[u8], node: &Node) -> Self {
        let linktarget = match &node.kind {
            NodeKind::Symlink { target } => Some(String::from_utf8_lossy(target).into_owned()),
            _ => None,
        };
        Self {
            path: String::from_utf8_lossy(path).into_owned(),
            permissions: permissions(node.mode),
            r#type: node.kind.as_str(),
            mode: node.mode.bits().into(),
            mtime: node.mtime,
            atime: node.atime,
            ctime: node.ctime,
            uid: node.uid,
            gid: node.gid,
            user: node.user.as_deref().map(str::to_owned),
            group: node.group.as_deref().map(str::to_owned),
            inode: node.inode,
            device_id: node.device_id,
            size: node.size,
            links: node.links,
            linktarget,
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A mode as Go's `fs.FileMode.String` writes it, which is what restic's JSON has.
fn permissions(mode: FileMode) -> String {
    let bits = mode.bits();
    let kinds = "dalTLDpSugct?".chars().enumerate().filter(|(at, _)| bits & (1 << (31 - at)) != 0);
    let mut text: String = kinds.map(|(_, letter)| letter).collect();
    if text.is_empty() {
        text.push('-');
    }
    text.extend(
        "rwxrwxrwx".chars().enumerate().map(|(at, letter)| if bits & (1 << (8 - at)) != 0 { letter } else { '-' }),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_as_go_writes_them() {
        for (bits, text) in [
            (0o644, "-rw-r--r--"),
            (1 << 31 | 1 << 20 | 0o777, "dtrwxrwxrwx"),
            (1 << 23 | 0o755, "urwxr-xr-x"),
            (1 << 26 | 1 << 21 | 0o600, "Dcrw-------"),
            (1 << 27 | 0o777, "Lrwxrwxrwx"),
        ] {
            assert_eq!(permissions(FileMode::from_bits(bits)), text);
        }
    }
}
