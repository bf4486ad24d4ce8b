//! The ends of a handover: a sender and a receiver on each side, waiting where they must.

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
    /// The bell of the ring to the vault.
    pub up: OwnedFd,
    /// The bell of the ring to the puller.
    pub down: OwnedFd,
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

/// Sends records.
pub struct Sender {
    writer: Writer,
    bell: Doorbell,
    gone: bool,
}

/// Receives records.
pub struct Receiver {
    reader: Reader,
    bell: Doorbell,
    gone: bool,
}

/// Makes the vault's ends, and what to give to the puller.
pub fn vault_ends(sizes: Sizes) -> Result<(Sender, Receiver, PullerFds), HandoverError> {
    let (len, up, down) = layout(sizes);
    let memory = map::create(len)?;
    let map = Arc::new(Map::new(&memory, len)?);
    let (our_up, up_fd) = doorbell::pair()?;
    let (our_down, down_fd) = doorbell::pair()?;
    let sender = Sender::new(Writer::new(map.clone(), down), our_down);
    let receiver = Receiver::new(Reader::new(map, up), our_up);
    Ok((sender, receiver, PullerFds { memory, up: up_fd, down: down_fd }))
}

/// Takes the puller's ends from what it was given.
pub fn puller_ends(sizes: Sizes, fds: PullerFds) -> Result<(Sender, Receiver), HandoverError> {
    let (len, up, down) = layout(sizes);
    let map = Arc::new(Map::new(&fds.memory, len)?);
    let sender = Sender::new(Writer::new(map.clone(), up), fds.up);
    Ok((sender, Receiver::new(Reader::new(map, down), fds.down)))
}

fn layout(sizes: Sizes) -> (usize, Place, Place) {
    // A ring must have room for the largest record with its header.
    let capacity = |size: usize| size.max(2 * MAX_RECORD).next_multiple_of(4096);
    let up = Place { offset: 0, capacity: capacity(sizes.up) };
    let down = Place { offset: COUNTERS + up.capacity, capacity: capacity(sizes.down) };
    (down.offset + COUNTERS + down.capacity, up, down)
}

impl Sender {
    fn new(writer: Writer, bell: OwnedFd) -> Self {
        Self { writer, bell: Doorbell::new(bell), gone: false }
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

    /// Sends a record, waiting for room.
    pub fn send(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), HandoverError> {
        while !self.try_send(kind, bytes)? {
            self.gone |= self.bell.wait(None)? == Wake::Gone;
        }
        Ok(())
    }
}

impl Receiver {
    fn new(reader: Reader, bell: OwnedFd) -> Self {
        Self { reader, bell: Doorbell::new(bell), gone: false }
    }

    /// The next record, if one is there.
    pub fn try_recv(&mut self) -> Result<Option<Record>, HandoverError> {
        let record = self.reader.read()?;
        match record {
            Some(_) => self.bell.ring(),
            // What it wrote before it ended was in the ring until now.
            None if self.gone => return Err(HandoverError::Gone),
            None => {}
        }
        Ok(record)
    }

    /// The next record, waiting at most so long; `None` if none came in that time.
    pub fn recv(&mut self, timeout: Option<Duration>) -> Result<Option<Record>, HandoverError> {
        loop {
            if let Some(record) = self.try_recv()? {
                return Ok(Some(record));
            }
            match self.bell.wait(timeout)? {
                Wake::Rung => {}
                Wake::Gone => self.gone = true,
                Wake::TimedOut => return Ok(None),
            }
        }
    }
}

/// Waits until the sender may have room or the receiver a record, or the other process is gone.
pub fn wait_for_either(sender: &mut Sender, receiver: &mut Receiver) -> Result<(), HandoverError> {
    let (sending, receiving) = doorbell::wait_for_either(&sender.bell, &receiver.bell)?;
    sender.gone |= sending == Some(Wake::Gone);
    receiver.gone |= receiving == Some(Wake::Gone);
    Ok(())
}
