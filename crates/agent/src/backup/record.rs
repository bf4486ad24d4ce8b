//! One entry of a listing in as few bytes as possible, for the memory of listings and for digests.
//!
//! A record is `length, body`; the body is the digested part (everything that tells whether the entry changed) and
//! then the rest: the number of a directory, and before it the device, which changes with a reboot. Where the device
//! tells hard links from strangers it is digested too: a tree that is remembered must not name the device of another
//! day. The access time is the job's matter: without it, it equals the time of modification. The encoding is
//! canonical: equal entries give equal bytes. It never leaves the agent except through a digest.

use holdfast_model::Timestamp;
use holdfast_wire::{Entry, EntryKind};
use serde_bytes::ByteBuf;

use super::stat::{Kind, Stat};

/// An encoded entry outside a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    digested: usize,
}

impl Record {
    /// Encodes an entry, in the memory of the one before. A directory has its number added later.
    pub(crate) fn set(&mut self, name: &[u8], stat: &Stat, target: &[u8]) {
        let out = &mut self.bytes;
        out.clear();
        out.push(stat.kind as u8);
        put_bytes(out, name);
        for value in [u64::from(stat.mode), u64::from(stat.uid), u64::from(stat.gid), stat.inode, stat.links] {
            put(out, value);
        }
        put_time(out, stat.mtime);
        put_time(out, stat.ctime);
        match stat.kind {
            Kind::File => put(out, stat.size),
            Kind::Symlink => put_bytes(out, target),
            Kind::Block | Kind::Char => put(out, stat.rdev),
            Kind::Dir | Kind::Fifo | Kind::Socket => {}
        }
        put_time(out, stat.atime);
        let before_device = out.len();
        put(out, stat.device);
        self.digested = if device_matters(stat) { out.len() } else { before_device };
    }

    /// The part that goes into digests.
    pub(crate) fn digested(&self) -> &[u8] {
        &self.bytes[..self.digested]
    }

    /// Adds the record to a listing, with the directory's number if it is one.
    pub(crate) fn append_to(&self, listing: &mut Vec<u8>, number: Option<u64>) {
        let mut tail = Vec::new();
        if let Some(number) = number {
            put(&mut tail, number);
        }
        put(listing, (self.bytes.len() + tail.len()) as u64);
        listing.extend_from_slice(&self.bytes);
        listing.extend_from_slice(&tail);
    }
}

/// Whether the entry may have further names, which are found by device and inode.
fn device_matters(stat: &Stat) -> bool {
    match stat.kind {
        Kind::File => stat.links > 1,
        // The format keeps no count of these.
        Kind::Fifo | Kind::Socket => true,
        Kind::Dir | Kind::Symlink | Kind::Block | Kind::Char => false,
    }
}

/// Goes through a listing; each item is the offset and the body of a record.
pub(crate) fn records(listing: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = listing;
    std::iter::from_fn(move || {
        let offset = (listing.len() - rest.len()) as u32;
        let len = get(&mut rest)? as usize;
        let (body, after) = rest.split_at_checked(len)?;
        rest = after;
        Some((offset, body))
    })
}

/// The record at an offset that [`records`] gave.
pub(crate) fn record_at(listing: &[u8], offset: u32) -> Option<&[u8]> {
    records(listing.get(offset as usize..)?).next().map(|(_, body)| body)
}

/// Name of the entry, and its number if it is a directory.
pub(crate) fn name_and_number(body: &[u8]) -> Option<(&[u8], Option<u64>)> {
    let fields = Fields::read(body)?;
    Some((fields.name, fields.number))
}

/// The entry for the wire, without its extended attributes. `None` means that these are not the bytes of a record.
pub(crate) fn entry(body: &[u8]) -> Option<Entry> {
    let Fields { name, stat, target, number } = Fields::read(body)?;
    Some(wire_entry(name, &stat, target, number.unwrap_or(0)))
}

/// Name and metadata of the record.
pub(crate) fn name_and_stat(body: &[u8]) -> Option<(&[u8], Stat)> {
    let fields = Fields::read(body)?;
    Some((fields.name, fields.stat))
}

/// Metadata in the terms of the wire.
pub(crate) fn wire_entry(name: &[u8], stat: &Stat, target: &[u8], number: u64) -> Entry {
    let kind = match stat.kind {
        Kind::File => EntryKind::File { size: stat.size },
        Kind::Dir => EntryKind::Dir { number },
        Kind::Symlink => EntryKind::Symlink { target: ByteBuf::from(target) },
        Kind::Block => EntryKind::Block { rdev: stat.rdev },
        Kind::Char => EntryKind::Char { rdev: stat.rdev },
        Kind::Fifo => EntryKind::Fifo,
        Kind::Socket => EntryKind::Socket,
    };
    Entry {
        name: ByteBuf::from(name),
        kind,
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        mtime: stat.mtime,
        atime: stat.atime,
        ctime: stat.ctime,
        inode: stat.inode,
        device: stat.device,
        links: stat.links,
        xattrs: Vec::new(),
    }
}

struct Fields<'a> {
    name: &'a [u8],
    stat: Stat,
    target: &'a [u8],
    number: Option<u64>,
}

impl<'a> Fields<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let input = &mut { body };
        let kind = kind(get_byte(input)?)?;
        let name = get_bytes(input)?;
        let (mode, uid, gid) = (get(input)? as u32, get(input)? as u32, get(input)? as u32);
        let (inode, links) = (get(input)?, get(input)?);
        let (mtime, ctime) = (get_time(input)?, get_time(input)?);
        let (mut size, mut target, mut rdev) = (0, &b""[..], 0);
        match kind {
            Kind::File => size = get(input)?,
            Kind::Symlink => target = get_bytes(input)?,
            Kind::Block | Kind::Char => rdev = get(input)?,
            Kind::Dir | Kind::Fifo | Kind::Socket => {}
        }
        let atime = get_time(input)?;
        let device = get(input)?;
        let number = if input.is_empty() { None } else { Some(get(input)?) };
        let stat = Stat { kind, mode, uid, gid, size, mtime, atime, ctime, inode, device, links, rdev, blocks: 0 };
        Some(Self { name, stat, target, number })
    }
}

fn kind(byte: u8) -> Option<Kind> {
    [Kind::File, Kind::Dir, Kind::Symlink, Kind::Block, Kind::Char, Kind::Fifo, Kind::Socket]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_time(out: &mut Vec<u8>, time: Timestamp) {
    // Zigzag: small negative numbers stay short.
    put(out, (time.seconds << 1 ^ time.seconds >> 63) as u64);
    put(out, time.nanoseconds.into());
}

fn get(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = get_byte(input)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn get_byte(input: &mut &[u8]) -> Option<u8> {
    let (first, rest) = input.split_first()?;
    *input = rest;
    Some(*first)
}

fn get_bytes<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = get(input)? as usize;
    let (bytes, rest) = input.split_at_checked(len)?;
    *input = rest;
    Some(bytes)
}

fn get_time(input: &mut &[u8]) -> Option<Timestamp> {
    let zigzag = get(input)?;
    let seconds = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
    Some(Timestamp { seconds, nanoseconds: get(input)? as u32 })
}

#[cfg(test)]
mod tests;
