//! SHA-256 of several messages, two at a time where the processor can.
//!
//! The hashes are those of each message alone, in order, whatever their lengths. Whenever one of the two that are under
//! way ends, the next message takes its place.

use super::sha256;

/// Messages that are hashed together have at most so many bytes, all of them: one alone goes at two thirds of the speed,
/// but more would be too much to hold.
pub const TOGETHER_BYTES: u32 = 16 << 20;
/// Bytes, as they are held, that are not held back for others.
const HELD_BYTES: usize = 4 << 20;

/// Whether messages should be held back for more: those beside the largest are not as long as that one, whose rest would
/// be hashed alone. They are `total` bytes, and take up `held` bytes as they lie there.
pub fn waits_for_more(total: u32, largest: u32, held: usize) -> bool {
    total < largest.saturating_mul(2) && held <= HELD_BYTES
}

/// SHA-256 of each of these. Where the processor has instructions for it, in about two thirds of the time that one after
/// the other takes.
pub fn sha256_each(messages: &[&[u8]]) -> Vec<[u8; 32]> {
    #[cfg(target_arch = "x86_64")]
    if messages.len() > 1
        && let Some(pair) = super::pair::Pair::detect()
    {
        return two_at_a_time::hash(pair, messages);
    }
    messages.iter().map(|message| sha256(message)).collect()
}

#[cfg(target_arch = "x86_64")]
mod two_at_a_time {
    use std::cmp::Reverse;

    use sha2::block_api::compress256;

    use crate::hash::pair::{Block, Pair};

    /// What every hash begins with (FIPS 180-4, section 5.3.3).
    const BEGIN: [u32; 8] =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

    pub(super) fn hash(pair: Pair, messages: &[&[u8]]) -> Vec<[u8; 32]> {
        let mut hashes = vec![[0; 32]; messages.len()];
        // The longest first: what is left for one alone at the end is short then.
        let mut order: Vec<_> = messages.iter().zip(&mut hashes).collect();
        order.sort_unstable_by_key(|(message, _)| Reverse(message.len()));
        let mut waiting = order.into_iter().map(|(message, hash)| Hashing::begin(message, hash));
        let (mut first, mut second) = (waiting.next(), waiting.next());
        while let (Some(one), Some(other)) = (&mut first, &mut second) {
            let count = one.ready().len().min(other.ready().len());
            pair.compress(one.next(count), other.next(count));
            for lane in [&mut first, &mut second] {
                *lane = lane.take().and_then(Hashing::unless_done).or_else(|| waiting.next());
            }
        }
        first.or(second).into_iter().for_each(Hashing::finish);
        hashes
    }

    /// A message that is under way.
    struct Hashing<'a> {
        state: [u32; 8],
        /// Its whole blocks, and how many have been taken.
        body: &'a [Block],
        taken: usize,
        /// The rest of it with the padding: the last one or two of these, and how many are still to come.
        tail: [Block; 2],
        left: usize,
        hash: &'a mut [u8; 32],
    }

    impl<'a> Hashing<'a> {
        fn begin(message: &'a [u8], hash: &'a mut [u8; 32]) -> Self {
            let (body, rest) = message.as_chunks();
            let mut tail = [[0; 64]; 2];
            // The padding is a one, zeros, and the length in bits in the last eight bytes (section 5.1.1).
            let left = if rest.len() < 56 { 1 } else { 2 };
            let bytes = tail[2 - left..].as_flattened_mut();
            bytes[..rest.len()].copy_from_slice(rest);
            bytes[rest.len()] = 0x80;
            let bits = message.len() as u64 * 8;
            tail[1][56..].copy_from_slice(&bits.to_be_bytes());
            Self { state: BEGIN, body, taken: 0, tail, left, hash }
        }

        /// The blocks that can be taken at once: of the body, then of the tail.
        fn ready(&self) -> &[Block] {
            if self.taken < self.body.len() { &self.body[self.taken..] } else { &self.tail[2 - self.left..] }
        }

        /// Gives away the next so many of those.
        fn next(&mut self, count: usize) -> (&mut [u32; 8], &[Block]) {
            let blocks = if self.taken < self.body.len() {
                self.taken += count;
                &self.body[self.taken - count..self.taken]
            } else {
                self.left -= count;
                &self.tail[2 - self.left - count..2 - self.left]
            };
            (&mut self.state, blocks)
        }

        fn unless_done(self) -> Option<Self> {
            if self.left > 0 {
                return Some(self);
            }
            self.finish();
            None
        }

        /// Takes all that is left.
        fn finish(mut self) {
            compress256(&mut self.state, &self.body[self.taken..]);
            compress256(&mut self.state, &self.tail[2 - self.left..]);
            for (bytes, word) in self.hash.as_chunks_mut().0.iter_mut().zip(self.state) {
                *bytes = word.to_be_bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_by_one(messages: &[&[u8]]) -> Vec<[u8; 32]> {
        messages.iter().map(|message| sha256(message)).collect()
    }

    #[test]
    fn messages_of_every_length_hash_as_each_alone() {
        let data: Vec<u8> = (0..400u32).map(|n| (n * 37 % 251) as u8).collect();
        let messages: Vec<&[u8]> = (0..=300).flat_map(|length| [&data[..length], &data[length / 3..300]]).collect();
        assert_eq!(sha256_each(&messages), one_by_one(&messages));
        assert_eq!(sha256_each(&[]), Vec::<[u8; 32]>::new());
        assert_eq!(sha256_each(&[b"abc"]), [sha256(b"abc")]);
    }

    proptest! {
        #[test]
        fn any_messages_hash_as_each_alone(messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2000), 0..12)) {
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(sha256_each(&messages), one_by_one(&messages));
        }
    }
}
