//! Reads frames from a stream, blocking as the stream does.

use std::io::{self, Read};

use crate::decoder::{Frame, FrameDecoder};
use crate::frame::FrameError;

/// Reads the frames of the other side.
#[derive(Debug)]
pub struct FrameReader<R> {
    input: R,
    decoder: FrameDecoder,
    received: u64,
}

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream could not be read.
    #[error("the connection to the other side could not be read")]
    Io {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What came is not the protocol.
    #[error("what the other side sent is not the protocol")]
    Frame {
        /// What is wrong with it.
        #[source]
        source: FrameError,
    },
}

impl<R: Read> FrameReader<R> {
    /// A reader at the beginning of a stream. It buffers: don't wrap `input` in another buffer.
    pub fn new(input: R) -> Self {
        Self { input, decoder: FrameDecoder::new(), received: 0 }
    }

    /// The next frame, waiting for it; `None` at the end of the stream.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, ReadError> {
        while self.decoder.ready().map_err(|source| ReadError::Frame { source })?.is_none() {
            match self.input.read(self.decoder.space()) {
                Ok(0) => {
                    self.decoder.finish().map_err(|source| ReadError::Frame { source })?;
                    return Ok(None);
                }
                Ok(count) => {
                    self.decoder.filled(count);
                    self.received += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(source) => return Err(ReadError::Io { source }),
            }
        }
        self.decoder.next().map_err(|source| ReadError::Frame { source })
    }

    /// Bytes that have come so far, frames and all.
    pub fn bytes_received(&self) -> u64 {
        self.received
    }
}
