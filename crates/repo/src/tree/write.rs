//! Writing a node: the fields in restic's order, left out where Go's `omitempty` leaves them out.
//!
//! By hand, because a backup writes some ten million of them; `tests.rs` compares with restic's own bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_model::Id;

use super::quote::write_quoted;
use super::{Node, NodeKind};
use crate::json::{write_lossy_string, write_string};

impl Node {
    /// Appends the node as it stands in a tree.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"name":""#);
        write_quoted(out, &self.name);
        out.extend_from_slice(br#"","type":""#);
        out.extend_from_slice(self.kind.as_str().as_bytes());
        out.push(b'"');
        number(out, br#","mode":"#, u64::from(self.mode.bits()));
        for (field, time) in
            [(br#","mtime":""#, self.mtime), (br#","atime":""#, self.atime), (br#","ctime":""#, self.ctime)]
        {
            out.extend_from_slice(field);
            time.write(out);
            out.push(b'"');
        }
        out.extend_from_slice(br#","uid":"#);
        decimal(out, u64::from(self.uid));
        out.extend_from_slice(br#","gid":"#);
        decimal(out, u64::from(self.gid));
        for (field, name) in [(&br#","user":"#[..], &self.user), (br#","group":"#, &self.group)] {
            if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
                out.extend_from_slice(field);
                write_string(out, name);
            }
        }
        number(out, br#","inode":"#, self.inode);
        number(out, br#","device_id":"#, self.device_id);
        number(out, br#","size":"#, self.size);
        number(out, br#","links":"#, self.links);
        self.write_target(out);
        self.write_attributes(out);
        if let NodeKind::Block { device } | NodeKind::Char { device } = self.kind {
            number(out, br#","device":"#, device);
        }
        self.write_content(out);
        if let Some(error) = self.error.as_deref().filter(|error| !error.is_empty()) {
            out.extend_from_slice(br#","error":"#);
            write_string(out, error);
        }
        out.push(b'}');
    }

    fn write_target(&self, out: &mut Vec<u8>) {
        let NodeKind::Symlink { target } = &self.kind else { return };
        if target.is_empty() {
            return;
        }
        out.extend_from_slice(br#","linktarget":"#);
        write_lossy_string(out, target);
        if std::str::from_utf8(target).is_err() {
            out.extend_from_slice(br#","linktarget_raw":"#);
            base64(out, target);
        }
    }

    fn write_attributes(&self, out: &mut Vec<u8>) {
        for (i, xattr) in self.xattrs.iter().enumerate() {
            out.extend_from_slice(if i == 0 { br#","extended_attributes":[{"name":"# } else { br#",{"name":"# });
            write_lossy_string(out, &xattr.name);
            out.extend_from_slice(br#","value":"#);
            base64(out, &xattr.value);
            out.push(b'}');
        }
        if !self.xattrs.is_empty() {
            out.push(b']');
        }
        if let Some(raw) = &self.generic_attributes {
            out.extend_from_slice(br#","generic_attributes":"#);
            out.extend_from_slice(raw.get().as_bytes());
        }
    }

    fn write_content(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#","content":"#);
        match &self.kind {
            NodeKind::File { content } => {
                out.push(b'[');
                for (i, id) in content.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    hexadecimal(out, Id::from(*id));
                }
                out.push(b']');
            }
            NodeKind::Dir { subtree } => {
                out.extend_from_slice(br#"null,"subtree":"#);
                hexadecimal(out, Id::from(*subtree));
            }
            _ => out.extend_from_slice(b"null"),
        }
    }
}

/// A field that is left out when it is zero.
fn number(out: &mut Vec<u8>, field: &[u8], value: u64) {
    if value != 0 {
        out.extend_from_slice(field);
        decimal(out, value);
    }
}

fn decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

fn hexadecimal(out: &mut Vec<u8>, id: Id) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'"'; 2 + 2 * Id::LEN];
    for (pair, byte) in text[1..].chunks_exact_mut(2).zip(id.as_bytes()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out.extend_from_slice(&text);
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let len = STANDARD.encode_slice(bytes, &mut out[start..]).expect("four digits for every three bytes are enough");
    out.truncate(start + len);
    out.push(b'"');
}
