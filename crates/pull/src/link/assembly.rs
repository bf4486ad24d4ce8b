//! Puts the chunks together that come as one stream of bytes, in the order in which they were asked for.

use std::collections::VecDeque;

use holdfast_wire::ViolationClass;

use crate::Violation;

/// Chunks that are due, and the one that is coming in.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    due: VecDeque<usize>,
    current: Vec<u8>,
}

impl Assembly {
    /// A chunk of so many bytes was asked for.
    pub(super) fn expect(&mut self, len: usize) {
        self.due.push_back(len);
    }

    /// Takes bytes from the front until they complete a chunk, or are all taken. More bytes than were asked for are refused.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, Violation> {
        while !bytes.is_empty() {
            let unasked = || Violation::new(ViolationClass::ChunkOrder, "bytes of a chunk that was not asked for");
            let len = *self.due.front().ok_or_else(unasked)?;
            if self.current.is_empty() {
                // The length is that of an announcement within its bound.
                self.current.reserve_exact(len);
            }
            let (now, later) = bytes.split_at(bytes.len().min(len - self.current.len()));
            self.current.extend_from_slice(now);
            *bytes = later;
            if self.current.len() == len {
                self.due.pop_front();
                return Ok(Some(std::mem::take(&mut self.current)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_out_as_they_were_asked_for_however_the_bytes_are_cut() {
        for step in 1..8 {
            let mut assembly = Assembly::default();
            [3, 1, 4].into_iter().for_each(|len| assembly.expect(len));
            let mut chunks = Vec::new();
            for mut part in b"abcdefgh".chunks(step) {
                while let Some(chunk) = assembly.take(&mut part).unwrap() {
                    chunks.push(chunk);
                }
            }
            assert_eq!(chunks, [b"abc".to_vec(), b"d".to_vec(), b"efgh".to_vec()]);
            assert!(assembly.take(&mut &b"x"[..]).is_err(), "nothing is due");
        }
    }
}
