//! One ring: records from one writer to one reader, through memory that the other side may scribble on at any time.
//!
//! Positions count words since the beginning and never wrap. Each side keeps its own position to itself, publishes it
//! for the other to see, and checks the other's against it: whatever stands in the memory, nothing is read or written
//! outside the ring and nothing panics. A lying other side can make this one wait, or end the session; no more.
//!
//! A record is a word with its kind (lowest byte) and length (upper half), then its bytes, filled up to whole words.
//! It is published as a whole.
//!
//! Whoever has nothing to do says so in the memory, looks once more and waits at the doorbell; the other side rings
//! it if it finds that said after having published. All four steps are sequentially consistent, so one of the two
//! sees the other.

mod copy;
mod either;
mod reader;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Instant;

use crate::bell::{Bell, Woken};
use crate::error::HandoverError;
use crate::layout::Places;
use crate::mapping::Mapping;
use crate::record::Bounds;

pub(crate) use either::wait_for_either;
pub(crate) use reader::RingReader;
pub(crate) use writer::RingWriter;

/// What reader and writer of a ring have in common: one process's side of it.
#[derive(Debug)]
pub(crate) struct Side {
    mapping: Arc<Mapping>,
    places: Places,
    bounds: Bounds,
    bell: Arc<Bell>,
    closed: Arc<AtomicBool>,
    gone: bool,
}

/// Ends a blocked or future call of one side of a ring, from any thread.
#[derive(Debug, Clone)]
pub struct Closer {
    bell: Arc<Bell>,
    closed: Arc<AtomicBool>,
}

impl Closer {
    /// Closes that side: its calls fail with [`HandoverError::Closed`], the other process finds this one gone.
    pub fn close(&self) {
        self.closed.store(true, SeqCst);
        self.bell.hang_up();
    }

    /// Waits until that side is closed or the other process has ended. May be called beside any other call.
    pub fn wait_for_end(&self) -> Result<(), HandoverError> {
        self.bell.wait_for_end()
    }
}

impl Side {
    pub(crate) fn new(mapping: Arc<Mapping>, places: Places, bounds: Bounds, bell: Bell) -> Self {
        let closed = Arc::new(AtomicBool::new(false));
        Self { mapping, places, bounds, bell: Arc::new(bell), closed, gone: false }
    }

    pub(crate) fn closer(&self) -> Closer {
        Closer { bell: self.bell.clone(), closed: self.closed.clone() }
    }

    fn head(&self) -> &AtomicU64 {
        &self.mapping[self.places.head]
    }

    fn tail(&self) -> &AtomicU64 {
        &self.mapping[self.places.tail]
    }

    fn reader_waits(&self) -> &AtomicU64 {
        &self.mapping[self.places.reader_waits]
    }

    fn writer_waits(&self) -> &AtomicU64 {
        &self.mapping[self.places.writer_waits]
    }

    fn data(&self) -> &[AtomicU64] {
        &self.mapping[self.places.data..self.places.data + self.places.capacity]
    }

    fn capacity(&self) -> u64 {
        self.places.capacity as u64
    }

    fn check_open(&self) -> Result<(), HandoverError> {
        if self.closed.load(SeqCst) { Err(HandoverError::Closed) } else { Ok(()) }
    }

    /// Waits until there may be something to do. After the other side has gone it returns once more, so that what it
    /// left can be seen.
    fn wait(&mut self, deadline: Option<Instant>) -> Result<(), HandoverError> {
        if self.gone {
            return Err(HandoverError::PeerGone);
        }
        let woken = self.bell.wait(deadline)?;
        self.heed(woken)
    }

    fn heed(&mut self, woken: Woken) -> Result<(), HandoverError> {
        match woken {
            Woken::Rung => Ok(()),
            Woken::TimedOut => Err(HandoverError::TimedOut),
            Woken::Gone => {
                self.check_open()?;
                self.gone = true;
                Ok(())
            }
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.bell.hang_up();
    }
}

#[cfg(test)]
mod tests;
