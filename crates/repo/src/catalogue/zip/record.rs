//! The records of a zip: before a file, behind it, in the directory, and at the end. All numbers are little-endian.

use std::mem;

use crate::time::{ZonedTime, civil_from_days};
use crate::tree::{Node, NodeKind};

/// What stands in 32 bits for a number that needs 64.
const LARGE_32: u64 = 0xffff_ffff;
/// Flags: size and sum come behind the file; the name is UTF-8.
const BEHIND: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
/// Made by a program for Unix that knows version 4.5, and to be read by one that does.
const MADE_BY: u16 = 3 << 8 | 45;
const NEEDED: u16 = 45;

/// How the content of an entry stands in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// As it is, its length and sum before it.
    Stored,
    /// Deflated, its lengths and sum behind it.
    Deflated {
        /// Whether those lengths take 64 bits.
        large: bool,
    },
}

impl Method {
    /// Contents from this size on may not fit 32 bits, deflated or not: what does not shrink grows a little.
    pub(super) const LARGE: u64 = 0xe000_0000;
}

/// An entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    name: Vec<u8>,
    /// Type and permissions, as `st_mode`.
    mode: u32,
    mtime: ZonedTime,
    uid: u32,
    gid: u32,
    /// Where its record before the file is.
    offset: u64,
    pub(super) method: Method,
    pub(super) crc: u32,
    pub(super) size: u64,
    /// Bytes in the archive.
    pub(super) stored: u64,
}

impl Entry {
    /// An entry of that name, as it is, of which the content is still to be told.
    pub(super) fn new(name: Vec<u8>, node: &Node, offset: u64) -> Self {
        let kind = match node.kind {
            NodeKind::Dir { .. } => 0o040_000,
            NodeKind::Symlink { .. } => 0o120_000,
            _ => 0o100_000,
        };
        Self {
            name,
            mode: kind | node.mode.permissions(),
            mtime: node.mtime,
            uid: node.uid,
            gid: node.gid,
            offset,
            method: Method::Stored,
            crc: 0,
            size: 0,
            stored: 0,
        }
    }

    /// The record before the file.
    pub(super) fn local(&self) -> Vec<u8> {
        let (crc, size, stored) = match self.method {
            Method::Stored => (self.crc, self.size, self.stored),
            Method::Deflated { large: false } => (0, 0, 0),
            Method::Deflated { large: true } => (0, LARGE_32, LARGE_32),
        };
        let mut extra = self.extra();
        if self.method == (Method::Deflated { large: true }) {
            // That both are here says that those behind the file have 64 bits.
            extra.splice(0..0, Bytes::default().u16(1).u16(16).u64(0).u64(0).0);
        }
        let mut record = Bytes::default().u32(0x0403_4b50).u16(NEEDED);
        record = self.common(record, crc, stored, size).u16(extra.len() as u16);
        record.0.extend_from_slice(&self.name);
        record.0.extend_from_slice(&extra);
        record.0
    }

    /// The record behind the file.
    pub(super) fn descriptor(&self) -> Vec<u8> {
        let record = Bytes::default().u32(0x0807_4b50).u32(self.crc);
        match self.method {
            Method::Deflated { large: true } => record.u64(self.stored).u64(self.size).0,
            _ => record.u32(self.stored as u32).u32(self.size as u32).0,
        }
    }

    /// The record in the directory.
    pub(super) fn central(&self) -> Vec<u8> {
        let (mut size, mut stored, mut offset) = (self.size, self.stored, self.offset);
        let mut large = Bytes::default();
        for number in [&mut size, &mut stored, &mut offset] {
            if *number >= LARGE_32 {
                large = large.u64(mem::replace(number, LARGE_32));
            }
        }
        let mut extra = self.extra();
        if !large.0.is_empty() {
            let head = Bytes::default().u16(1).u16(large.0.len() as u16);
            extra.splice(0..0, head.0.into_iter().chain(large.0));
        }
        let is_dir = u32::from(self.name.ends_with(b"/"));
        let record = Bytes::default().u32(0x0201_4b50).u16(MADE_BY).u16(NEEDED);
        let record = self.common(record, self.crc, stored, size).u16(extra.len() as u16);
        // No comment, on the first disk, no text; the mode, and the bit for directories of DOS.
        let mut record = record.u16(0).u16(0).u16(0).u32(self.mode << 16 | is_dir << 4).u32(offset as u32);
        record.0.extend_from_slice(&self.name);
        record.0.extend_from_slice(&extra);
        record.0
    }

    /// What both records of an entry say alike, up to the length of the name.
    fn common(&self, record: Bytes, crc: u32, stored: u64, size: u64) -> Bytes {
        let (method, behind) = match self.method {
            Method::Stored => (0, 0),
            Method::Deflated { .. } => (8, BEHIND),
        };
        let is_text = std::str::from_utf8(&self.name).is_ok();
        let flags = behind | if is_text { UTF8 } else { 0 };
        let (time, date) = dos_time(self.mtime);
        let record = record.u16(flags).u16(method).u16(time).u16(date).u32(crc);
        record.u32(stored as u32).u32(size as u32).u16(self.name.len() as u16)
    }

    /// Time and owner, as Info-ZIP has them.
    fn extra(&self) -> Vec<u8> {
        let mut extra = Bytes::default();
        if let Ok(seconds) = i32::try_from(self.mtime.at.seconds) {
            extra = extra.u16(0x5455).u16(5).u8(1).u32(seconds as u32);
        }
        extra.u16(0x7875).u16(11).u8(1).u8(4).u32(self.uid).u8(4).u32(self.gid).0
    }
}

/// The end of an archive.
pub(super) struct End {
    pub(super) entries: u64,
    /// Where the directory begins, and ends.
    pub(super) start: u64,
    pub(super) end: u64,
}

impl End {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let size = self.end - self.start;
        let mut bytes = Bytes::default();
        if self.entries >= 0xffff || size >= LARGE_32 || self.start >= LARGE_32 {
            bytes = bytes.u32(0x0606_4b50).u64(44).u16(MADE_BY).u16(NEEDED).u32(0).u32(0);
            bytes = bytes.u64(self.entries).u64(self.entries).u64(size).u64(self.start);
            bytes = bytes.u32(0x0706_4b50).u32(0).u64(self.end).u32(1);
        }
        let entries = self.entries.min(0xffff) as u16;
        let bytes = bytes.u32(0x0605_4b50).u16(0).u16(0).u16(entries).u16(entries);
        bytes.u32(size.min(LARGE_32) as u32).u32(self.start.min(LARGE_32) as u32).u16(0).0
    }
}

/// A time in two halves, as DOS has it: in UTC, to two seconds, from 1980 to 2107.
fn dos_time(time: ZonedTime) -> (u16, u16) {
    let seconds = time.at.seconds;
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    match year {
        ..1980 => (0, 1 << 5 | 1),
        1980..=2107 => {
            let second = seconds.rem_euclid(86_400);
            let (hour, minute) = (second / 3600, second / 60 % 60);
            let clock = hour << 11 | minute << 5 | ((second % 60) / 2);
            (clock as u16, ((year - 1980) << 9 | month << 5 | day) as u16)
        }
        _ => (23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31),
    }
}

#[derive(Debug, Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u8(mut self, number: u8) -> Self {
        self.0.push(number);
        self
    }

    fn u16(mut self, number: u16) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }
}

#[cfg(test)]
mod tests {
    use holdfast_model::Timestamp;

    use super::*;

    fn dos(seconds: i64) -> (u16, u16) {
        dos_time(ZonedTime::utc(Timestamp { seconds, nanoseconds: 0 }))
    }

    #[test]
    fn times_that_a_zip_cannot_say_become_the_nearest() {
        // 2001-09-09T01:46:40Z
        assert_eq!(dos(1_000_000_000), (1 << 11 | 46 << 5 | 20, 21 << 9 | 9 << 5 | 9));
        assert_eq!(dos(-1), (0, 33));
        assert_eq!(dos(i64::MAX / 1000), (23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31));
    }

    #[test]
    fn numbers_that_do_not_fit_stand_in_their_own_field() {
        let node = Node::new(&b"x"[..], NodeKind::Fifo, 0o644);
        let mut entry = Entry::new(b"x".to_vec(), &node, 5 << 32);
        (entry.size, entry.stored, entry.method) = (6 << 32, 7, Method::Deflated { large: true });
        let central = entry.central();
        let field = Bytes::default().u16(1).u16(16).u64(6 << 32).u64(5 << 32).0;
        assert!(central.windows(field.len()).any(|window| window == field));
        assert_eq!(entry.descriptor().len(), 24);
        let end = End { entries: 70_000, start: 1, end: 2 };
        assert_eq!(end.to_bytes().len(), 56 + 20 + 22);
        assert_eq!(End { entries: 1, ..end }.to_bytes().len(), 22);
    }
}
