//! One end of a handover: sends and receives records, waiting where it must.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::doorbell::{self, Doorbell, Wake};
use crate::map::{self, Map};
use crate::record::{Kind, MAX_RECORD, Record};
use crate::ring::{BrokenRing, COUNTERS, Place, Reader, Writer};

/// How many bytes each ring holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// To the vault.
    pub up: usize,
    /// To the puller.
    pub down: usize,
}

/// What the puller's process gets.
#[derive(Debug)]
pub struct PullerFds {
    /// The shared memory.
    pub memory: OwnedFd,
    /// The bell.
    pub doorbell: OwnedFd,
}

/// Why a handover ended.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The other process has ended, and everything that it said was received.
    #[error("the other process has ended")]
    Gone,
    /// The other process wrote what no honest one writes.
    #[error(transparent)]
    Broken(#[from] BrokenRing),
    /// The system refuses.
    #[error("the shared memory cannot be used")]
    System(#[from] io::Error),
}

/// What happened while an end waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A record came.
    Record(Record),
    /// Nothing came in the time given.
    Quiet,
}

/// One end.
pub struct End {
    writer: Writer,
    reader: Reader,
    bell: Doorbell,
    gone: bool,
}

/// Makes the vault's end, and what to give to the puller.
pub fn vault_end(sizes: Sizes) -> Result<(End, PullerFds), HandoverError> {
    let (len, up, down) = layout(sizes);
    let memory = map::create(len)?;
    let (ours, theirs) = doorbell::pair()?;
    let map = Arc::new(Map::new(&memory, len)?);
    let end = End::new(map, down, up, ours);
    Ok((end, PullerFds { memory, doorbell: theirs }))
}

/// Takes the puller's end from what it was given.
pub fn puller_end(sizes: Sizes, fds: PullerFds) -> Result<End, HandoverError> {
    let (len, up, down) = layout(sizes);
    let map = Arc::new(Map::new(&fds.memory, len)?);
    Ok(End::new(map, up, down, fds.doorbell))
}

fn layout(sizes: Sizes) -> (usize, Place, Place) {
    // A ring must have room for the largest record with its header.
    let capacity = |size: usize| size.max(2 * MAX_RECORD).next_multiple_of(4096);
    let up = Place { offset: 0, capacity: capacity(sizes.up) };
    let down = Place { offset: COUNTERS + up.capacity, capacity: capacity(sizes.down) };
    (down.offset + COUNTERS + down.capacity, up, down)
}

impl End {
    fn new(map: Arc<Map>, writes: Place, reads: Place, bell: OwnedFd) -> Self {
        Self {
            writer: Writer::new(map.clone(), writes),
            reader: Reader::new(map, reads),
            bell: Doorbell::new(bell),
            gone: false,
        }
    }

    /// Sends a record if there is room; `false` if there is none now.
    pub fn try_send(&mut self, kind: Kind, bytes: &[u8]) -> Result<bool, HandoverError> {
        if self.gone {
            return Err(HandoverError::Gone);
        }
        let sent = self.writer.write(kind, bytes)?;
        if sent {
            self.bell.ring();
        }
        Ok(sent)
    }

    /// The next record, if one is there.
    pub fn try_recv(&mut self) -> Result<Option<Record>, HandoverError> {
        let record = self.reader.read()?;
        match record {
            Some(_) => self.bell.ring(),
            None if self.gone => return Err(HandoverError::Gone),
            None => {}
        }
        Ok(record)
    }

    /// Waits until the other side has sent or taken something, or is gone.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<(), HandoverError> {
        if self.bell.wait(timeout)? == Wake::Gone {
            self.gone = true;
        }
        Ok(())
    }

    /// The next record, waiting at most so long.
    pub fn recv(&mut self, timeout: Option<Duration>) -> Result<Event, HandoverError> {
        loop {
            if let Some(record) = self.try_recv()? {
                return Ok(Event::Record(record));
            }
            match self.bell.wait(timeout)? {
                Wake::Rung => {}
                // What it wrote before it ended is still in the ring.
                Wake::Gone => self.gone = true,
                Wake::TimedOut => return Ok(Event::Quiet),
            }
        }
    }
}
