//! Cuts a byte stream into frames, without doing the reading itself.
//!
//! The buffer holds at most one frame more than what was last read; it grows only after a header has passed its bounds.

use crate::frame::{FrameError, FrameHeader, FrameKind, Noise, PREFACE};

/// Room that is offered to a read, at least.
const READ: usize = 64 << 10;
/// The buffer's first size: frames of the usual 256 KiB, and some of the next.
const BUFFER: usize = 512 << 10;

/// One frame of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// One message, still encoded.
    Message(&'a [u8]),
    /// Data as it is.
    Raw(&'a [u8]),
    /// Compressed data.
    Zstd {
        /// As it came.
        bytes: &'a [u8],
        /// What it must decode to, in bytes.
        decoded_len: usize,
    },
}

/// Takes bytes as they arrive and gives frames.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    greeted: bool,
}

impl FrameDecoder {
    /// A decoder at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the next bytes of the stream go; never empty. Tell with [`Self::filled`] how many there were.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        // The rest of the frame that has begun must fit, if its length is known.
        let pending = match FrameHeader::parse(&self.buffer[self.start..self.end]) {
            Ok(Some(header)) if self.greeted => header.header_len() + header.payload_len(),
            _ => 0,
        };
        let wanted = pending.max(self.end - self.start + READ);
        if self.start + wanted > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if wanted > self.buffer.len() {
            self.buffer.resize(wanted.next_power_of_two().max(BUFFER), 0);
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes were put into [`Self::space`].
    ///
    /// # Panics
    /// If there was not so much space.
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.buffer.len() - self.end, "more bytes were read than there was space");
        self.end += count;
    }

    /// Whether a frame can be taken with [`Self::next`]: `None` if more bytes are needed.
    ///
    /// # Errors
    /// What comes is no stream of frames; nothing more can be read from it.
    pub fn ready(&mut self) -> Result<Option<FrameHeader>, FrameError> {
        if !self.greeted && !self.greet()? {
            return Ok(None);
        }
        let pending = &self.buffer[self.start..self.end];
        let header = FrameHeader::parse(pending)?;
        Ok(header.filter(|header| pending.len() - header.header_len() >= header.payload_len()))
    }

    /// The next frame; `None` if more bytes are needed. Errors as [`Self::ready`].
    #[expect(clippy::should_implement_trait, reason = "what it gives borrows from the decoder")]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        Ok(self.ready()?.map(|header| {
            let begin = self.start + header.header_len();
            self.start = begin + header.payload_len();
            let bytes = &self.buffer[begin..self.start];
            match header.kind() {
                FrameKind::Message => Frame::Message(bytes),
                FrameKind::Raw => Frame::Raw(bytes),
                FrameKind::Zstd => Frame::Zstd { bytes, decoded_len: header.decoded_len() },
            }
        }))
    }

    /// Tells whether the stream may end here, once all frames have been taken.
    pub fn finish(&self) -> Result<(), FrameError> {
        match self.greeted {
            false => Err(self.noise()),
            true if self.start < self.end => Err(FrameError::Truncated),
            true => Ok(()),
        }
    }

    /// Takes the preface; `false` if more bytes are needed.
    fn greet(&mut self) -> Result<bool, FrameError> {
        let pending = &self.buffer[self.start..self.end];
        let come = pending.len().min(PREFACE.len());
        if pending[..come] != PREFACE[..come] {
            return Err(self.noise());
        }
        self.greeted = come == PREFACE.len();
        if self.greeted {
            self.start += come;
        }
        Ok(self.greeted)
    }

    fn noise(&self) -> FrameError {
        FrameError::NotHoldfast { noise: Noise::new(&self.buffer[self.start..self.end]) }
    }
}

#[cfg(test)]
mod tests;
