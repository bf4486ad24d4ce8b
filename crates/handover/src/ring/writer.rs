//! The writing side of a ring.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use super::copy::{copy_in, words_of};
use super::{Closer, Side};
use crate::error::HandoverError;
use crate::layout::WORD;

/// Puts records into a ring.
#[derive(Debug)]
pub(crate) struct RingWriter {
    pub(super) side: Side,
    /// Words written: the truth, whatever stands in the memory.
    head: u64,
    /// Words that the reader is known to have read.
    tail: u64,
}

impl RingWriter {
    pub(crate) fn new(side: Side) -> Self {
        Self { side, head: 0, tail: 0 }
    }

    pub(crate) fn closer(&self) -> Closer {
        self.side.closer()
    }

    #[cfg(test)]
    pub(crate) fn ring_bell(&self) {
        self.side.bell.ring();
    }

    /// Sends a record, waiting for room.
    pub(crate) fn send(&mut self, kind: u8, bytes: &[u8], deadline: Option<Instant>) -> Result<(), HandoverError> {
        while !self.try_send(kind, bytes)? {
            self.wait_for_room(deadline)?;
        }
        Ok(())
    }

    /// Sends a record if there is room: whether there was.
    pub(crate) fn try_send(&mut self, kind: u8, bytes: &[u8]) -> Result<bool, HandoverError> {
        self.check_len(kind, bytes.len())?;
        self.side.check_open()?;
        let needed = 1 + words_of(bytes.len()) as u64;
        if self.room() < needed {
            self.refresh()?;
            if self.room() < needed {
                return Ok(false);
            }
        }
        let header = u64::from(kind) | (bytes.len() as u64) << 32;
        copy_in(self.side.data(), self.head, &header.to_le_bytes());
        copy_in(self.side.data(), self.head + 1, bytes);
        self.head += needed;
        self.side.head().store(self.head, SeqCst);
        if self.side.reader_waits().load(SeqCst) != 0 {
            self.side.reader_waits().store(0, SeqCst);
            self.side.bell.ring();
        }
        Ok(true)
    }

    /// Words that are known to be free.
    fn room(&self) -> u64 {
        self.side.capacity() - (self.head - self.tail)
    }

    /// Where the reader must get for half of the ring to be free; `None` if it is.
    pub(super) fn room_to_wait_for(&self) -> Option<u64> {
        let half = self.side.capacity() / 2;
        (self.room() < half).then(|| self.head - half)
    }

    fn check_len(&self, kind: u8, len: usize) -> Result<(), HandoverError> {
        // More than half a ring could never be waited for: see `wait_for_room`.
        let fits = (self.side.places.capacity / 2 - 1) * WORD;
        let (least, most) = (self.side.bounds)(kind).unwrap_or((1, 0));
        let max = most.min(fits);
        if len < least || len > max { Err(HandoverError::Length { len, max }) } else { Ok(()) }
    }

    /// Looks how far the reader is: whether that is further than before.
    pub(super) fn refresh(&mut self) -> Result<bool, HandoverError> {
        let tail = self.side.tail().load(SeqCst);
        if tail < self.tail || tail > self.head {
            let capacity = self.side.capacity();
            return Err(HandoverError::Position { theirs: tail, ours: self.head, capacity });
        }
        let moved = tail != self.tail;
        self.tail = tail;
        Ok(moved)
    }

    /// Waits until half of the ring is free, so that a full ring does not cost a wake-up for each record.
    fn wait_for_room(&mut self, deadline: Option<Instant>) -> Result<(), HandoverError> {
        let Some(half) = self.room_to_wait_for() else { return Ok(()) };
        self.side.writer_waits().store(half, SeqCst);
        let result = match self.refresh()? {
            true => Ok(()),
            false => self.side.wait(deadline),
        };
        self.side.writer_waits().store(0, SeqCst);
        result
    }
}
