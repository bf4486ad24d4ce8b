//! The packets of SFTP version 3, as OpenSSH speaks it.
//!
//! Sources: draft-ietf-secsh-filexfer-02, OpenSSH's PROTOCOL (its extensions). Whatever a server sends is bounded before
//! it is kept, and parsed without trust; nothing here reads or writes.

use std::io::{self, Read};

/// The largest packet that is accepted, in bytes, as OpenSSH's own limit.
const MAX_PACKET: u32 = 256 << 10;

/// Types of packets.
pub(super) mod kind {
    pub(in crate::sftp) const INIT: u8 = 1;
    pub(in crate::sftp) const VERSION: u8 = 2;
    pub(in crate::sftp) const OPEN: u8 = 3;
    pub(in crate::sftp) const CLOSE: u8 = 4;
    pub(in crate::sftp) const READ: u8 = 5;
    pub(in crate::sftp) const WRITE: u8 = 6;
    pub(in crate::sftp) const FSETSTAT: u8 = 10;
    pub(in crate::sftp) const OPENDIR: u8 = 11;
    pub(in crate::sftp) const READDIR: u8 = 12;
    pub(in crate::sftp) const REMOVE: u8 = 13;
    pub(in crate::sftp) const MKDIR: u8 = 14;
    pub(in crate::sftp) const STAT: u8 = 17;
    pub(in crate::sftp) const RENAME: u8 = 18;
    pub(in crate::sftp) const EXTENDED: u8 = 200;
    pub(in crate::sftp) const STATUS: u8 = 101;
    pub(in crate::sftp) const HANDLE: u8 = 102;
    pub(in crate::sftp) const DATA: u8 = 103;
    pub(in crate::sftp) const NAME: u8 = 104;
    pub(in crate::sftp) const ATTRS: u8 = 105;
    pub(in crate::sftp) const EXTENDED_REPLY: u8 = 201;
}

/// Flags of `OPEN`.
pub(super) mod open {
    pub(in crate::sftp) const READ: u32 = 0x01;
    pub(in crate::sftp) const WRITE: u32 = 0x02;
    pub(in crate::sftp) const CREATE: u32 = 0x08;
    pub(in crate::sftp) const EXCLUSIVE: u32 = 0x20;
}

/// Codes of `STATUS`.
pub(super) mod status {
    pub(in crate::sftp) const OK: u32 = 0;
    pub(in crate::sftp) const EOF: u32 = 1;
    pub(in crate::sftp) const NO_SUCH_FILE: u32 = 2;
    pub(in crate::sftp) const PERMISSION_DENIED: u32 = 3;
    pub(in crate::sftp) const FAILURE: u32 = 4;
    pub(in crate::sftp) const NO_CONNECTION: u32 = 6;
    pub(in crate::sftp) const CONNECTION_LOST: u32 = 7;
}

const ATTR_SIZE: u32 = 0x01;
const ATTR_OWNER: u32 = 0x02;
const ATTR_MODE: u32 = 0x04;
const ATTR_TIMES: u32 = 0x08;
const ATTR_EXTENDED: u32 = 0x8000_0000;

/// What a server says about a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) size: Option<u64>,
    pub(super) mode: Option<u32>,
    pub(super) modified: Option<u32>,
}

impl Attributes {
    /// Whether this is a regular file, as far as the server tells.
    pub(super) fn is_file(&self) -> bool {
        self.mode.is_none_or(|mode| mode & 0o170_000 == 0o100_000)
    }
}

/// The start of a packet to send.
#[derive(Debug)]
pub(super) struct Request(Vec<u8>);

impl Request {
    /// A packet of a type; its length and id are filled in by [`Request::finish`].
    pub(super) fn new(kind: u8) -> Self {
        let mut bytes = vec![0; 9];
        bytes[4] = kind;
        Self(bytes)
    }

    pub(super) fn text(mut self, text: impl AsRef<[u8]>) -> Self {
        let bytes = text.as_ref();
        self.0.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(super) fn u64(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Attributes that say nothing but a mode.
    pub(super) fn mode(self, mode: u32) -> Self {
        self.u32(ATTR_MODE).u32(mode)
    }

    /// The bytes of the packet up to `rest` bytes of content that follow.
    pub(super) fn finish(mut self, id: u32, rest: usize) -> Vec<u8> {
        let length = (self.0.len() - 4 + rest) as u32;
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0[5..9].copy_from_slice(&id.to_be_bytes());
        self.0
    }
}

/// The first packet, which has a version in place of an id.
pub(super) fn hello() -> [u8; 9] {
    [0, 0, 0, 5, kind::INIT, 0, 0, 0, 3]
}

/// A packet that came: its type and what follows.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) kind: u8,
    bytes: Vec<u8>,
    at: usize,
}

/// A packet that ends before it should, or is of another kind than was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the SFTP server sent a packet that makes no sense")]
pub(super) struct Malformed;

impl Packet {
    /// Reads one packet.
    pub(super) fn read(reader: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; 5];
        reader.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        if !(1..=MAX_PACKET).contains(&length) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, Malformed));
        }
        let mut bytes = Vec::with_capacity(length as usize - 1);
        reader.take(u64::from(length) - 1).read_to_end(&mut bytes)?;
        if bytes.len() + 1 < length as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Self { kind: head[4], bytes, at: 0 })
    }

    fn take(&mut self, length: usize) -> Result<&[u8], Malformed> {
        let end = self.at.checked_add(length).ok_or(Malformed)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Malformed)?;
        self.at = end;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().map_err(|_| Malformed)?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.take(8)?.try_into().map_err(|_| Malformed)?))
    }

    pub(super) fn text(&mut self) -> Result<&[u8], Malformed> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    pub(super) fn attributes(&mut self) -> Result<Attributes, Malformed> {
        let flags = self.u32()?;
        let mut attributes = Attributes::default();
        if flags & ATTR_SIZE != 0 {
            attributes.size = Some(self.u64()?);
        }
        if flags & ATTR_OWNER != 0 {
            self.u64()?;
        }
        if flags & ATTR_MODE != 0 {
            attributes.mode = Some(self.u32()?);
        }
        if flags & ATTR_TIMES != 0 {
            self.u32()?;
            attributes.modified = Some(self.u32()?);
        }
        if flags & ATTR_EXTENDED != 0 {
            for _ in 0..self.u32()? {
                self.text()?;
                self.text()?;
            }
        }
        Ok(attributes)
    }

    /// Whether all was read.
    pub(super) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_laid_out_as_the_draft_says() {
        let bytes = Request::new(kind::OPEN).text("ab").u32(open::READ).mode(0o600).finish(7, 3);
        let expected = [0, 0, 0, 26, 3, 0, 0, 0, 7, 0, 0, 0, 2, b'a', b'b', 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 1, 0x80];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn packets_of_no_or_enormous_length_are_refused_unread() {
        for head in [[0, 0, 0, 0, 101], [0, 4, 0, 1, 101], [255, 255, 255, 255, 101]] {
            assert_eq!(Packet::read(&mut &head[..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        let short = [0, 0, 0, 9, 101, 0, 0];
        assert_eq!(Packet::read(&mut &short[..]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_parsed_without_a_panic(bytes: Vec<u8>, steps in prop::collection::vec(0..4u8, 0..20)) {
            let mut packet = Packet { kind: kind::NAME, bytes, at: 0 };
            for step in steps {
                match step {
                    0 => drop(packet.u32()),
                    1 => drop(packet.u64()),
                    2 => drop(packet.text().map(<[u8]>::len)),
                    _ => drop(packet.attributes()),
                }
            }
        }
    }
}
