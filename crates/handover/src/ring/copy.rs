//! Bytes into and out of the words of a ring.
//!
//! Words are copied one by one with atomic operations, so that a race with the other process is no undefined
//! behaviour. Nothing is read twice.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::layout::WORD;

/// Words that so many bytes fill.
pub(super) fn words_of(len: usize) -> usize {
    len.div_ceil(WORD)
}

/// The `count` words of a ring from `position` on, in two parts since they may go around its end.
fn parts(ring: &[AtomicU64], position: u64, count: usize) -> (&[AtomicU64], &[AtomicU64]) {
    let start = (position % ring.len() as u64) as usize;
    let first = count.min(ring.len() - start);
    (&ring[start..start + first], &ring[..count - first])
}

/// Puts bytes into the ring, the last word filled up with zeros.
pub(super) fn copy_in(ring: &[AtomicU64], position: u64, bytes: &[u8]) {
    let (whole, rest) = bytes.as_chunks::<WORD>();
    let (first, second) = parts(ring, position, words_of(bytes.len()));
    let (into_first, into_second) = whole.split_at(whole.len().min(first.len()));
    for (words, chunks) in [(first, into_first), (second, into_second)] {
        for (word, chunk) in words.iter().zip(chunks) {
            word.store(u64::from_le_bytes(*chunk), Relaxed);
        }
    }
    if let (false, Some(word)) = (rest.is_empty(), second.last().or(first.last())) {
        let mut filled = [0; WORD];
        filled[..rest.len()].copy_from_slice(rest);
        word.store(u64::from_le_bytes(filled), Relaxed);
    }
}

/// Takes words out of the ring: as many as `bytes` has room for.
pub(super) fn copy_out(ring: &[AtomicU64], position: u64, bytes: &mut [u8]) {
    let (chunks, _) = bytes.as_chunks_mut::<WORD>();
    let (first, second) = parts(ring, position, chunks.len());
    let (from_first, from_second) = chunks.split_at_mut(first.len());
    for (words, chunks) in [(first, from_first), (second, from_second)] {
        for (word, chunk) in words.iter().zip(chunks) {
            *chunk = word.load(Relaxed).to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_come_back_from_any_position(
            position: u64,
            bytes in proptest::collection::vec(any::<u8>(), 0..=128),
        ) {
            let ring: Vec<AtomicU64> = (0..16).map(|_| AtomicU64::new(u64::MAX)).collect();
            let position = position.min(u64::MAX - 16);
            copy_in(&ring, position, &bytes);
            let mut out = vec![0xee; words_of(bytes.len()) * WORD];
            copy_out(&ring, position, &mut out);
            let (content, filling) = out.split_at(bytes.len());
            prop_assert_eq!(content, &bytes);
            prop_assert!(filling.iter().all(|byte| *byte == 0));
            let untouched = ring.iter().filter(|word| word.load(Relaxed) == u64::MAX).count();
            prop_assert!(untouched >= 16 - words_of(bytes.len()));
        }
    }
}
