//! Frames over a byte stream that can be read or written: a pipe, a socket, a buffer.
//!
//! Messages and data keep the order in which they were given. Small chunks are gathered into frames of some 256 KiB.

use std::io::{self, Read, Write};

use crate::data::{DataDecoder, DataEncoder, ExpansionError};
use crate::frame::{FrameError, FrameHeader, FrameKind, MAX_HEADER, PREFACE};
use crate::limits::MAX_DATA;

/// Data is gathered up to so many bytes before it makes a frame.
const GATHER: usize = 256 << 10;
/// So many bytes are asked of the stream at once.
const READ_SIZE: usize = 256 << 10;

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// An encoded message, yet unread.
    Message(Vec<u8>),
    /// Bytes of chunks or blobs.
    Data(Vec<u8>),
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream failed.
    #[error("the connection failed")]
    Stream(#[from] io::Error),
    /// It ended in the middle of a frame.
    #[error("the connection ended in the middle of a frame")]
    CutOff,
    /// It does not begin as it should.
    #[error("the other side does not speak this protocol")]
    Preface {
        /// The bytes that came instead.
        began: Vec<u8>,
    },
    /// It is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It does not decode.
    #[error(transparent)]
    Expansion(#[from] ExpansionError),
}

/// Reads frames.
pub struct FrameReader<R> {
    stream: R,
    buffer: Vec<u8>,
    start: usize,
    decoder: DataDecoder,
    received: u64,
}

impl<R: Read> FrameReader<R> {
    /// Reads from a stream of which `already` was read before.
    pub fn new(stream: R, already: Vec<u8>) -> io::Result<Self> {
        let received = already.len() as u64;
        Ok(Self { stream, buffer: already, start: 0, decoder: DataDecoder::new()?, received })
    }

    /// Reads the preface.
    pub fn preface(&mut self) -> Result<(), ReadError> {
        while self.pending().len() < PREFACE.len() && PREFACE.starts_with(self.pending()) {
            if !self.fill()? {
                break;
            }
        }
        if !self.pending().starts_with(&PREFACE) {
            return Err(ReadError::Preface { began: self.pending().iter().copied().take(200).collect() });
        }
        self.start += PREFACE.len();
        Ok(())
    }

    /// The next frame; `None` at the end of the stream.
    pub fn next(&mut self) -> Result<Option<Incoming>, ReadError> {
        loop {
            let header = FrameHeader::parse(&self.pending()[..self.pending().len().min(MAX_HEADER)])?;
            if let Some((header, size)) = header
                && self.pending().len() >= size + header.len
            {
                let payload = self.start + size..self.start + size + header.len;
                self.start = payload.end;
                let payload = &self.buffer[payload];
                return Ok(Some(match header.kind {
                    FrameKind::Message => Incoming::Message(payload.to_vec()),
                    FrameKind::Data => Incoming::Data(payload.to_vec()),
                    FrameKind::Compressed { decoded } => Incoming::Data(self.decoder.decode(payload, decoded)?),
                }));
            }
            if !self.fill()? {
                return if self.pending().is_empty() { Ok(None) } else { Err(ReadError::CutOff) };
            }
        }
    }

    /// Bytes that the stream has given so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Reads more; `false` at the end. The buffer holds at most one frame and one read.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..std::mem::take(&mut self.start));
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_SIZE, 0);
        let count = loop {
            match self.stream.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.buffer.truncate(filled + count.as_ref().copied().unwrap_or(0));
        let count = count?;
        self.received += count as u64;
        Ok(count > 0)
    }
}

/// Writes frames.
pub struct FrameWriter<W> {
    stream: W,
    /// Frames that are complete.
    out: Vec<u8>,
    /// Data that has no frame yet.
    gathered: Vec<u8>,
    encoder: Option<DataEncoder>,
    sent: u64,
}

impl<W: Write> FrameWriter<W> {
    /// Writes to a stream, beginning with the preface.
    pub fn new(stream: W) -> Self {
        Self { stream, out: PREFACE.to_vec(), gathered: Vec::new(), encoder: None, sent: 0 }
    }

    /// Compresses data frames from now on, where that pays.
    pub fn compress(&mut self) -> io::Result<()> {
        self.encoder = Some(DataEncoder::new()?);
        Ok(())
    }

    /// Adds an encoded message, of 1 to `MAX_MESSAGE` bytes.
    pub fn message(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.frame_gathered();
        FrameHeader { kind: FrameKind::Message, len: bytes.len() }.write(&mut self.out);
        self.out.extend_from_slice(bytes);
        self.write_if_large()
    }

    /// Adds bytes of chunks or blobs.
    pub fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(GATHER - self.gathered.len()));
            self.gathered.extend_from_slice(now);
            rest = later;
            if self.gathered.len() == GATHER {
                self.frame_gathered();
                self.write_if_large()?;
            }
        }
        Ok(())
    }

    /// Hands everything to the stream.
    pub fn flush(&mut self) -> io::Result<()> {
        self.frame_gathered();
        self.write()?;
        self.stream.flush()
    }

    /// Bytes that were given to the stream so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    fn frame_gathered(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        debug_assert!(self.gathered.len() <= MAX_DATA, "gathered data fits into a frame");
        let decoded = self.gathered.len();
        match self.encoder.as_mut().and_then(|encoder| encoder.encode(&self.gathered)) {
            Some(compressed) => {
                FrameHeader { kind: FrameKind::Compressed { decoded }, len: compressed.len() }.write(&mut self.out);
                self.out.extend_from_slice(&compressed);
            }
            None => {
                FrameHeader { kind: FrameKind::Data, len: decoded }.write(&mut self.out);
                self.out.extend_from_slice(&self.gathered);
            }
        }
        self.gathered.clear();
    }

    fn write_if_large(&mut self) -> io::Result<()> {
        if self.out.len() >= GATHER { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out)?;
        self.sent += self.out.len() as u64;
        self.out.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
