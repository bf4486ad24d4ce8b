//! Writes frames to a stream, blocking as the stream does.
//!
//! Data is gathered into frames of some 256 KiB, messages into writes of some 64 KiB. Messages and data arrive in the
//! order of the calls. Nothing is on its way for sure before [`FrameWriter::flush`]: call it before waiting for
//! anything.

use std::io::{self, IoSlice, Write};

use crate::codec::{EncodeError, Message, encode};
use crate::data::Compressor;
use crate::frame::{FrameError, FrameHeader, PREFACE};

/// Data bytes of one frame.
const BATCH: usize = 256 << 10;
/// Finished frames that are gathered before they are written.
const PENDING: usize = 64 << 10;

/// Writes the frames of this side.
#[derive(Debug)]
pub struct FrameWriter<W> {
    output: W,
    /// Whole frames that were not written yet; they precede what is in `batch`.
    pending: Vec<u8>,
    /// Data that will be one frame.
    batch: Vec<u8>,
    compressor: Option<Compressor>,
    sent: u64,
}

/// Why something could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The stream could not be written.
    #[error("the connection to the other side could not be written")]
    Io {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The message must not be sent; nothing of it was.
    #[error("a message was not sent")]
    Encode {
        /// Why.
        #[source]
        source: EncodeError,
    },
    /// The bytes given as a message are empty or too long; nothing of them was sent.
    #[error("a message was not sent")]
    Frame {
        /// Why.
        #[source]
        source: FrameError,
    },
}

impl<W: Write> FrameWriter<W> {
    /// A writer at the beginning of a stream. It buffers: don't wrap `output` in another buffer.
    pub fn new(output: W) -> Self {
        let pending = PREFACE.to_vec();
        Self { output, pending, batch: Vec::new(), compressor: None, sent: 0 }
    }

    /// Whether data is compressed from now on, where that makes it shorter.
    pub fn set_compression(&mut self, on: bool) {
        self.compressor = match self.compressor.take() {
            _ if !on => None,
            Some(compressor) => Some(compressor),
            None => Some(Compressor::new()),
        };
    }

    /// Sends a message.
    pub fn send<M: Message>(&mut self, message: &M) -> Result<(), WriteError> {
        let bytes = encode(message).map_err(|source| WriteError::Encode { source })?;
        self.message(&bytes)
    }

    /// Sends an encoded message.
    pub fn message(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let header = FrameHeader::message(bytes.len()).map_err(|source| WriteError::Frame { source })?;
        self.write_batch()?;
        self.pending.extend_from_slice(&header.encode());
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PENDING { self.write_out(&[], &[]) } else { Ok(()) }
    }

    /// Sends bytes of chunks or blobs.
    pub fn data(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            // What makes a whole frame by itself need not be copied.
            if self.batch.is_empty() && bytes.len() >= BATCH {
                let (frame, rest) = bytes.split_at(BATCH);
                self.write_data(frame)?;
                bytes = rest;
                continue;
            }
            let (now, rest) = bytes.split_at(bytes.len().min(BATCH - self.batch.len()));
            self.batch.extend_from_slice(now);
            bytes = rest;
            if self.batch.len() == BATCH {
                self.write_batch()?;
            }
        }
        Ok(())
    }

    /// Sends everything that was gathered, the preface if nothing else.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.write_batch()?;
        if !self.pending.is_empty() {
            self.write_out(&[], &[])?;
        }
        self.output.flush().map_err(|source| WriteError::Io { source })
    }

    /// Bytes that were sent so far, frames and all.
    pub fn bytes_sent(&self) -> u64 {
        self.sent
    }

    /// The stream; what was not flushed is lost.
    pub fn into_inner(self) -> W {
        self.output
    }

    fn write_batch(&mut self) -> Result<(), WriteError> {
        let mut batch = std::mem::take(&mut self.batch);
        let result = if batch.is_empty() { Ok(()) } else { self.write_data(&batch) };
        batch.clear();
        self.batch = batch;
        result
    }

    /// Sends one data frame of 1 to [`BATCH`] bytes.
    fn write_data(&mut self, data: &[u8]) -> Result<(), WriteError> {
        if let Some(mut compressor) = self.compressor.take() {
            let result = compressor.compress(data).map(|short| {
                let header = FrameHeader::zstd(short.len(), data.len()).expect("it is shorter than the data");
                self.write_out(&header.encode(), short)
            });
            self.compressor = Some(compressor);
            if let Some(result) = result {
                return result;
            }
        }
        let header = FrameHeader::raw(data.len()).expect("a batch is within the bounds of a frame");
        self.write_out(&header.encode(), data)
    }

    /// Writes what is pending, and one more frame after it.
    fn write_out(&mut self, header: &[u8], payload: &[u8]) -> Result<(), WriteError> {
        let mut slices = [IoSlice::new(&self.pending), IoSlice::new(header), IoSlice::new(payload)];
        let total = self.pending.len() + header.len() + payload.len();
        write_all_vectored(&mut self.output, &mut slices).map_err(|source| WriteError::Io { source })?;
        self.sent += total as u64;
        self.pending.clear();
        Ok(())
    }
}

fn write_all_vectored(output: &mut impl Write, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match output.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut slices, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
