//! The link over two byte streams: frames on standard input and output, in the binary.
//!
//! What was sent leaves within a moment, however little it is, and in large pieces while there is much. A stream that
//! is broken is closed for good.

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use holdfast_wire::{
    Decompressor, Frame, FrameError, FrameReader, FrameWriter, FromAgent, ReadError, ToAgent, WriteError, decode,
};
use parking_lot::{Condvar, Mutex};

use crate::{Down, Downlink, LinkClosed, Uplink};

/// How long something waits for more to go with it.
const DELAY: Duration = Duration::from_millis(1);

/// Sends frames to a stream.
pub struct StreamUplink<W> {
    shared: Arc<Shared<W>>,
}

struct Shared<W> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    writer: FrameWriter<W>,
    /// Whether there is something to flush.
    dirty: bool,
    broken: bool,
    /// Whether nobody sends any more.
    done: bool,
}

impl<W: Write + Send + 'static> StreamUplink<W> {
    /// Sends to a stream, with a thread that flushes it.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(output: W) -> std::io::Result<Self> {
        let state = State { writer: FrameWriter::new(output), dirty: true, broken: false, done: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let flushed = Arc::clone(&shared);
        Builder::new().name("flusher".into()).spawn(move || flush(&flushed))?;
        Ok(Self { shared })
    }

    /// Sends what is still held back: before the process ends.
    pub fn flush(&self) {
        let mut state = self.shared.state.lock();
        // A stream that is broken has nobody at its end.
        let _broken = state.write(|writer| writer.flush());
    }

    fn write(&self, write: impl FnOnce(&mut FrameWriter<W>) -> Result<(), WriteError>) -> Result<(), LinkClosed> {
        let mut state = self.shared.state.lock();
        state.write(write)?;
        let was_dirty = std::mem::replace(&mut state.dirty, true);
        drop(state);
        // One that has been told already flushes this as well.
        if !was_dirty {
            self.shared.changed.notify_one();
        }
        Ok(())
    }
}

impl<W> State<W> {
    fn write(&mut self, write: impl FnOnce(&mut FrameWriter<W>) -> Result<(), WriteError>) -> Result<(), LinkClosed> {
        if self.broken {
            return Err(LinkClosed);
        }
        write(&mut self.writer).map_err(|_| {
            self.broken = true;
            LinkClosed
        })
    }
}

fn flush<W: Write>(shared: &Shared<W>) {
    let mut state = shared.state.lock();
    while !state.done {
        if state.dirty {
            // Let others add to it.
            shared.changed.wait_while_for(&mut state, |state| !state.done, DELAY);
            state.dirty = false;
            let _broken = state.write(|writer| writer.flush());
        } else {
            shared.changed.wait(&mut state);
        }
    }
}

impl<W> Drop for StreamUplink<W> {
    fn drop(&mut self) {
        self.shared.state.lock().done = true;
        self.shared.changed.notify_one();
    }
}

impl<W: Write + Send + 'static> Uplink for StreamUplink<W> {
    fn message(&self, message: FromAgent) -> Result<(), LinkClosed> {
        self.write(|writer| writer.send(&message))
    }

    fn chunk(&self, bytes: Vec<u8>) -> Result<(), LinkClosed> {
        self.write(|writer| writer.data(&bytes))
    }

    fn set_compression(&self, on: bool) {
        self.shared.state.lock().writer.set_compression(on);
    }
}

/// Receives frames from a stream.
pub struct StreamDownlink<R> {
    reader: FrameReader<R>,
    decompressor: Option<Decompressor>,
    /// Bytes of a blob that are still to come.
    blob: usize,
    on_error: Box<dyn FnMut(StreamError) + Send>,
}

/// Why a stream ended other than between two frames.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// It can't be read, or holds something else.
    #[error("what comes from the server is not the protocol, or can't be read")]
    Read {
        /// Why.
        #[source]
        source: ReadError,
    },
    /// A message that can't be.
    #[error("the server sent a message that no server of a matching release sends")]
    Message {
        /// What is wrong with it.
        #[source]
        source: holdfast_wire::Violation,
    },
    /// Bytes that belong to nothing.
    #[error("the server sent data where none was due")]
    Data,
}

impl<R: Read + Send> StreamDownlink<R> {
    /// Receives from a stream. What is wrong with it is told to `on_error`, once, before the link counts as closed.
    pub fn new(input: R, on_error: impl FnMut(StreamError) + Send + 'static) -> Self {
        Self { reader: FrameReader::new(input), decompressor: None, blob: 0, on_error: Box::new(on_error) }
    }

    fn receive(&mut self) -> Result<Option<Down>, StreamError> {
        if self.blob > 0 {
            let len = std::mem::take(&mut self.blob);
            return self.blob(len).map(|bytes| bytes.map(Down::Blob));
        }
        let frame = match self.reader.next_frame() {
            // A server that ends before its first word has only changed its mind.
            Err(ReadError::Frame { source: FrameError::NotHoldfast { noise } }) if noise.as_bytes().is_empty() => None,
            other => other.map_err(|source| StreamError::Read { source })?,
        };
        match frame {
            None => Ok(None),
            Some(Frame::Message(bytes)) => {
                let message: ToAgent = decode(bytes).map_err(|source| StreamError::Message { source })?;
                if let ToAgent::Blob(header) = &message {
                    self.blob = header.stored_len as usize;
                }
                Ok(Some(Down::Message(message)))
            }
            Some(Frame::Raw(_) | Frame::Zstd { .. }) => Err(StreamError::Data),
        }
    }

    /// All bytes of the blob that was announced; its length has been checked with the message.
    fn blob(&mut self, len: usize) -> Result<Option<Vec<u8>>, StreamError> {
        let mut blob = Vec::with_capacity(len);
        while blob.len() < len {
            match self.reader.next_frame().map_err(|source| StreamError::Read { source })? {
                None => return Ok(None),
                Some(Frame::Message(_)) => return Err(StreamError::Data),
                Some(Frame::Raw(bytes)) => blob.extend_from_slice(bytes),
                Some(Frame::Zstd { bytes, decoded_len }) => {
                    let decompressor = self.decompressor.get_or_insert_with(Decompressor::new);
                    let bytes = decompressor.decompress(bytes, decoded_len).map_err(|_| StreamError::Data)?;
                    blob.extend_from_slice(bytes);
                }
            }
            if blob.len() > len {
                return Err(StreamError::Data);
            }
        }
        Ok(Some(blob))
    }
}

impl<R: Read + Send> Downlink for StreamDownlink<R> {
    fn next(&mut self) -> Result<Down, LinkClosed> {
        match self.receive() {
            Ok(Some(down)) => Ok(down),
            Ok(None) => Err(LinkClosed),
            Err(error) => {
                (self.on_error)(error);
                Err(LinkClosed)
            }
        }
    }
}
