//! The reading side of a ring.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use super::copy::{copy_out, words_of};
use super::{Closer, Side};
use crate::error::HandoverError;
use crate::layout::WORD;

/// Takes records out of a ring.
#[derive(Debug)]
pub(crate) struct RingReader {
    pub(super) side: Side,
    /// Words that the writer is known to have written.
    pub(super) head: u64,
    /// Words read: the truth, whatever stands in the memory.
    pub(super) tail: u64,
    /// The copy of the last record. It keeps its size: filling it with zeros again would cost as much as the copy.
    record: Vec<u8>,
}

impl RingReader {
    pub(crate) fn new(side: Side) -> Self {
        Self { side, head: 0, tail: 0, record: Vec::new() }
    }

    pub(crate) fn closer(&self) -> Closer {
        self.side.closer()
    }

    /// The next record's kind and bytes, waiting for it. What was sent before the other side ended still comes.
    pub(crate) fn receive(&mut self, deadline: Option<Instant>) -> Result<(u8, &[u8]), HandoverError> {
        self.side.check_open()?;
        while self.head == self.tail && !self.refresh()? {
            self.wait_for_record(deadline)?;
        }
        self.take()
    }

    /// The next record's kind and bytes if there is one already.
    pub(crate) fn try_receive(&mut self) -> Result<Option<(u8, &[u8])>, HandoverError> {
        self.side.check_open()?;
        if self.head == self.tail && !self.refresh()? {
            return Ok(None);
        }
        self.take().map(Some)
    }

    /// Whether there is a record to take, or a lie to find out.
    pub(crate) fn is_ready(&mut self) -> bool {
        self.head != self.tail || self.refresh().unwrap_or(true)
    }

    /// Looks how far the writer is: whether that is further than before.
    pub(super) fn refresh(&mut self) -> Result<bool, HandoverError> {
        let head = self.side.head().load(SeqCst);
        let capacity = self.side.capacity();
        if head < self.head || head - self.tail > capacity {
            return Err(HandoverError::Position { theirs: head, ours: self.tail, capacity });
        }
        let moved = head != self.head;
        self.head = head;
        Ok(moved)
    }

    fn wait_for_record(&mut self, deadline: Option<Instant>) -> Result<(), HandoverError> {
        self.side.reader_waits().store(1, SeqCst);
        let result = match self.refresh()? {
            true => Ok(()),
            false => self.side.wait(deadline),
        };
        self.side.reader_waits().store(0, SeqCst);
        result
    }

    /// Copies out the next record, which the positions say is there.
    fn take(&mut self) -> Result<(u8, &[u8]), HandoverError> {
        let mut header = [0; WORD];
        copy_out(self.side.data(), self.tail, &mut header);
        let header = u64::from_le_bytes(header);
        let (kind, len) = (header as u8, (header >> 32) as usize);
        let wrong = |fault| HandoverError::Record { kind, len, fault };
        match (self.side.bounds)(kind) {
            _ if header >> 8 & 0xff_ffff != 0 => return Err(wrong("its header is damaged")),
            None => return Err(wrong("there is no such kind in this direction")),
            Some((least, most)) if len < least || len > most => return Err(wrong("it can't have that length")),
            Some(_) => (),
        }
        let words = words_of(len);
        if 1 + words as u64 > self.head - self.tail {
            return Err(wrong("it reaches beyond what was written"));
        }
        if self.record.len() < words * WORD {
            self.record.resize(words * WORD, 0);
        }
        copy_out(self.side.data(), self.tail + 1, &mut self.record[..words * WORD]);
        self.tail += 1 + words as u64;
        self.side.tail().store(self.tail, SeqCst);
        let writer_waits = self.side.writer_waits().load(SeqCst);
        if writer_waits != 0 && writer_waits <= self.tail {
            self.side.writer_waits().store(0, SeqCst);
            self.side.bell.ring();
        }
        Ok((kind, &self.record[..len]))
    }
}
