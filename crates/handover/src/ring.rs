//! One direction: a ring of bytes with one writer and one reader.
//!
//! Two counters say how many bytes were ever written and read. Each side keeps its own counter in private memory and
//! only publishes it; of the other's counter it believes nothing but what lies within the ring's capacity and does not
//! go backwards.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::map::Map;
use crate::record::{Kind, MAX_RECORD, Record};

/// Kind, three bytes of nothing, and the length.
const HEADER: usize = 8;
/// Room for the two counters, each on a cache line of its own.
pub(crate) const COUNTERS: usize = 128;

/// The other side has written what no honest one writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other end of the ring is broken: {0}")]
pub struct BrokenRing(&'static str);

/// Where a ring lies within the shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) offset: usize,
    pub(crate) capacity: usize,
}

/// The writing end.
pub(crate) struct Writer {
    map: Arc<Map>,
    place: Place,
    written: u64,
    read_seen: u64,
}

/// The reading end.
pub(crate) struct Reader {
    map: Arc<Map>,
    place: Place,
    read: u64,
    written_seen: u64,
}

impl Place {
    fn written<'a>(&self, map: &'a Map) -> &'a std::sync::atomic::AtomicU64 {
        map.counter(self.offset)
    }

    fn read<'a>(&self, map: &'a Map) -> &'a std::sync::atomic::AtomicU64 {
        map.counter(self.offset + COUNTERS / 2)
    }

    /// Splits a range of the endless stream into its two parts in the ring.
    fn parts(&self, position: u64, len: usize) -> [(usize, usize); 2] {
        let start = (position % self.capacity as u64) as usize;
        let first = len.min(self.capacity - start);
        [(self.offset + COUNTERS + start, first), (self.offset + COUNTERS, len - first)]
    }
}

impl Writer {
    pub(crate) fn new(map: Arc<Map>, place: Place) -> Self {
        Self { map, place, written: 0, read_seen: 0 }
    }

    /// Writes a record if there is room; `false` if there is none.
    pub(crate) fn write(&mut self, kind: Kind, bytes: &[u8]) -> Result<bool, BrokenRing> {
        assert!(bytes.len() <= MAX_RECORD, "records are bounded by whoever makes them");
        let needed = (HEADER + bytes.len()) as u64;
        if self.room() < needed {
            self.refresh()?;
            if self.room() < needed {
                return Ok(false);
            }
        }
        let mut header = [0; HEADER];
        header[0] = kind as u8;
        header[4..].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.copy_in(self.written, &header);
        self.copy_in(self.written + HEADER as u64, bytes);
        self.written += needed;
        self.place.written(&self.map).store(self.written, Ordering::Release);
        Ok(true)
    }

    fn room(&self) -> u64 {
        self.place.capacity as u64 - (self.written - self.read_seen)
    }

    fn refresh(&mut self) -> Result<(), BrokenRing> {
        let read = self.place.read(&self.map).load(Ordering::Acquire);
        if read < self.read_seen || read > self.written {
            return Err(BrokenRing("it has read what was not written"));
        }
        self.read_seen = read;
        Ok(())
    }

    fn copy_in(&self, position: u64, bytes: &[u8]) {
        let [(first, len), (second, _)] = self.place.parts(position, bytes.len());
        self.map.write(first, &bytes[..len]);
        self.map.write(second, &bytes[len..]);
    }
}

impl Reader {
    pub(crate) fn new(map: Arc<Map>, place: Place) -> Self {
        Self { map, place, read: 0, written_seen: 0 }
    }

    /// Takes out the next record; `None` if there is none.
    pub(crate) fn read(&mut self) -> Result<Option<Record>, BrokenRing> {
        if self.available() == 0 {
            let written = self.place.written(&self.map).load(Ordering::Acquire);
            if written < self.written_seen || written - self.read > self.place.capacity as u64 {
                return Err(BrokenRing("it has written more than fits"));
            }
            self.written_seen = written;
            if self.available() == 0 {
                return Ok(None);
            }
        }
        if self.available() < HEADER as u64 {
            return Err(BrokenRing("a record ends before it begins"));
        }
        let mut header = [0; HEADER];
        self.copy_out(self.read, &mut header);
        let kind = Kind::from_number(header[0]).ok_or(BrokenRing("a record of no kind"))?;
        let len = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        if len > MAX_RECORD || self.available() < (HEADER + len) as u64 {
            return Err(BrokenRing("a record that is not there"));
        }
        let mut bytes = vec![0; len];
        self.copy_out(self.read + HEADER as u64, &mut bytes);
        self.read += (HEADER + len) as u64;
        self.place.read(&self.map).store(self.read, Ordering::Release);
        Ok(Some(Record { kind, bytes }))
    }

    fn available(&self) -> u64 {
        self.written_seen - self.read
    }

    fn copy_out(&self, position: u64, bytes: &mut [u8]) {
        let [(first, len), (second, _)] = self.place.parts(position, bytes.len());
        let (head, tail) = bytes.split_at_mut(len);
        self.map.read(first, head);
        self.map.read(second, tail);
    }
}
