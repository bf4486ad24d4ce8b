//! The header of one member of an archive: a ustar block, with an extended header before it for what that can't hold.
//!
//! Source: POSIX.1-2017, pax(1), "pax Extended Header" and "ustar Interchange Format"; star(5) for `SCHILY.*`.

use super::{BLOCK, padding};
use crate::time::ZonedTime;
use crate::tree::{Node, Xattr};

/// What a member is.
pub(super) enum Kind<'a> {
    File,
    HardLink(&'a [u8]),
    Symlink(&'a [u8]),
    Char(u64),
    Block(u64),
    Directory,
    Fifo,
}

pub(super) struct Header<'a> {
    /// Relative, without a slash at its end.
    pub(super) name: &'a [u8],
    pub(super) node: &'a Node,
    pub(super) kind: Kind<'a>,
    /// Bytes of content that follow.
    pub(super) size: u64,
}

impl Header<'_> {
    /// All blocks that stand before the content.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut name = self.name.to_vec();
        if matches!(self.kind, Kind::Directory) {
            name.push(b'/');
        }
        let (flag, link): (u8, &[u8]) = match self.kind {
            Kind::File => (b'0', b""),
            Kind::HardLink(target) => (b'1', target),
            Kind::Symlink(target) => (b'2', target),
            Kind::Char(_) => (b'3', b""),
            Kind::Block(_) => (b'4', b""),
            Kind::Directory => (b'5', b""),
            Kind::Fifo => (b'6', b""),
        };
        let records = self.records(&name, link);
        let mut out = Vec::new();
        if !records.is_empty() {
            let extended = Block::new(b'x', b"pax_header", records.len() as u64);
            out.extend_from_slice(&extended.finish());
            out.extend_from_slice(&records);
            out.resize(out.len() + padding(records.len() as u64), 0);
        }
        out.extend_from_slice(&self.block(flag, &name, link).finish());
        out
    }

    fn block(&self, flag: u8, name: &[u8], link: &[u8]) -> Block {
        let node = self.node;
        let mut block = Block::new(flag, name, self.size);
        block.number(100..108, u64::from(node.mode.permissions()));
        block.number(108..116, u64::from(node.uid));
        block.number(116..124, u64::from(node.gid));
        block.number(136..148, u64::try_from(node.mtime.at.seconds).unwrap_or(0));
        block.text(157..257, link);
        block.text(265..297, node.user.as_deref().unwrap_or_default().as_bytes());
        block.text(297..329, node.group.as_deref().unwrap_or_default().as_bytes());
        if let Kind::Char(device) | Kind::Block(device) = self.kind {
            block.number(329..337, u64::from(rustix::fs::major(device)));
            block.number(337..345, u64::from(rustix::fs::minor(device)));
        }
        block
    }

    /// What the block can't hold.
    fn records(&self, name: &[u8], link: &[u8]) -> Vec<u8> {
        let node = self.node;
        let mut out = Vec::new();
        for (key, value, room) in [
            ("path", name, 100),
            ("linkpath", link, 100),
            ("uname", node.user.as_deref().unwrap_or_default().as_bytes(), 32),
            ("gname", node.group.as_deref().unwrap_or_default().as_bytes(), 32),
        ] {
            if value.len() > room || !value.is_ascii() {
                record(&mut out, key, value);
            }
        }
        for (key, value, digits) in
            [("size", self.size, 11), ("uid", u64::from(node.uid), 7), ("gid", u64::from(node.gid), 7)]
        {
            if value >= 1 << (3 * digits) {
                record(&mut out, key, value.to_string().as_bytes());
            }
        }
        for (key, time) in [("mtime", node.mtime), ("atime", node.atime), ("ctime", node.ctime)] {
            record(&mut out, key, decimal(time).as_bytes());
        }
        for xattr in &node.xattrs {
            self.attribute(&mut out, xattr);
        }
        out
    }

    fn attribute(&self, out: &mut Vec<u8>, xattr: &Xattr) {
        let acl = match &*xattr.name {
            b"system.posix_acl_access" => Some("SCHILY.acl.access"),
            b"system.posix_acl_default" => Some("SCHILY.acl.default"),
            _ => None,
        };
        match (acl, acl.and_then(|_| acl_text(&xattr.value))) {
            (Some(key), Some(text)) => record(out, key, text.as_bytes()),
            // One that is malformed can't be said in words, and no reader would take it otherwise.
            (Some(_), None) => {}
            (None, _) => record(out, &format!("SCHILY.xattr.{}", String::from_utf8_lossy(&xattr.name)), &xattr.value),
        }
    }
}

/// Appends a record. Its length counts its own digits.
fn record(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + " =\n".len();
    let mut len = rest;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    out.extend_from_slice(format!("{len} {key}=").as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// Seconds with a fraction; before 1970 the number as a whole is negative.
fn decimal(time: ZonedTime) -> String {
    let (mut seconds, mut nanos) = (i128::from(time.at.seconds), time.at.nanoseconds);
    let sign = if seconds < 0 { "-" } else { "" };
    if seconds < 0 && nanos > 0 {
        seconds += 1;
        nanos = 1_000_000_000 - nanos;
    }
    let text = format!("{sign}{}.{nanos:09}", seconds.abs());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An access control list of Linux in the long text form (acl(5)), with numbers for names.
fn acl_text(acl: &[u8]) -> Option<String> {
    let (version, entries) = acl.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*version) != 2 || entries.len() % 8 != 0 {
        return None;
    }
    let mut text = String::new();
    for entry in entries.chunks_exact(8) {
        let tag = u16::from_le_bytes([entry[0], entry[1]]);
        let permissions = u16::from_le_bytes([entry[2], entry[3]]);
        let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
        match tag {
            0x01 => text.push_str("user::"),
            0x02 => text.push_str(&format!("user:{id}:")),
            0x04 => text.push_str("group::"),
            0x08 => text.push_str(&format!("group:{id}:")),
            0x10 => text.push_str("mask::"),
            0x20 => text.push_str("other::"),
            _ => return None,
        }
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            text.push(if permissions & bit == 0 { '-' } else { letter });
        }
        text.push('\n');
    }
    Some(text)
}

struct Block([u8; BLOCK]);

impl Block {
    fn new(flag: u8, name: &[u8], size: u64) -> Self {
        let mut block = Self([0; BLOCK]);
        block.text(0..100, name);
        for at in [100, 108, 116] {
            block.number(at..at + 8, 0);
        }
        block.number(124..136, size);
        block.number(136..148, 0);
        block.0[156] = flag;
        block.0[257..265].copy_from_slice(b"ustar\x0000");
        block
    }

    /// As much of a text as there is room for; a record has the whole.
    fn text(&mut self, at: std::ops::Range<usize>, text: &[u8]) {
        let len = text.len().min(at.len());
        self.0[at.start..at.start + len].copy_from_slice(&text[..len]);
    }

    /// An octal number with a zero byte behind it; 0 if there is no room, and a record has the whole.
    fn number(&mut self, at: std::ops::Range<usize>, value: u64) {
        let digits = at.len() - 1;
        let value = if value >= 1 << (3 * digits) { 0 } else { value };
        self.0[at.start..at.start + digits].copy_from_slice(format!("{value:0digits$o}").as_bytes());
    }

    fn finish(mut self) -> [u8; BLOCK] {
        self.0[148..156].fill(b' ');
        let sum: u64 = self.0.iter().map(|&byte| u64::from(byte)).sum();
        self.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}
