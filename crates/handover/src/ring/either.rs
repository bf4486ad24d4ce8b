//! Waiting for two rings at once: for room in the one or a record in the other.
//!
//! Who must never wait for room alone, because the other side may wait for its own records to be taken, waits here.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use super::{RingReader, RingWriter};
use crate::bell::Bell;
use crate::error::HandoverError;

/// Waits until there may be room for any record, or there may be one to read. After the other side has gone it returns
/// once more, so that what it left can be seen. Once the deadline has passed that is told as an error.
pub(crate) fn wait_for_either(
    writer: &mut RingWriter,
    reader: &mut RingReader,
    deadline: Option<Instant>,
) -> Result<(), HandoverError> {
    writer.side.check_open()?;
    reader.side.check_open()?;
    let Some(half) = writer.room_to_wait_for() else { return Ok(()) };
    if reader.head != reader.tail {
        return Ok(());
    }
    writer.side.writer_waits().store(half, SeqCst);
    reader.side.reader_waits().store(1, SeqCst);
    let result = look_and_wait(writer, reader, deadline);
    writer.side.writer_waits().store(0, SeqCst);
    reader.side.reader_waits().store(0, SeqCst);
    result
}

fn look_and_wait(
    writer: &mut RingWriter,
    reader: &mut RingReader,
    deadline: Option<Instant>,
) -> Result<(), HandoverError> {
    if writer.refresh()? || reader.refresh()? {
        return Ok(());
    }
    if writer.side.gone || reader.side.gone {
        return Err(HandoverError::PeerGone);
    }
    let [room, record] = Bell::wait_for_either([&writer.side.bell, &reader.side.bell], deadline)?;
    writer.side.heed(room)?;
    reader.side.heed(record)
}
