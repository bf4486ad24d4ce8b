//! Numbers and bytes that look random and are the same in every run.
//!
//! The generator is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): good
//! enough for test data, worthless for secrets.

/// A deterministic source of test data.
#[derive(Debug, Clone)]
pub struct Prng {
    state: u64,
}

impl Prng {
    /// A source that gives the same sequence for the same seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound - 1`. `bound` must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Fills a buffer with bytes that no compressor can shrink.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for part in buffer.chunks_mut(8) {
            part.copy_from_slice(&self.next_u64().to_le_bytes()[..part.len()]);
        }
    }

    /// So many bytes that no compressor can shrink.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes
    }

    /// So many bytes of made-up words, which compress about as well as prose.
    pub fn text(&mut self, length: usize) -> Vec<u8> {
        const SYLLABLES: [&str; 16] =
            ["ka", "lo", "mer", "ti", "sun", "da", "ru", "ven", "po", "shi", "el", "ga", "nor", "bi", "que", "fa"];
        let mut text = Vec::with_capacity(length + 16);
        while text.len() < length {
            for _ in 0..=self.below(3) {
                text.extend_from_slice(SYLLABLES[self.below(16) as usize].as_bytes());
            }
            text.push(if self.below(12) == 0 { b'\n' } else { b' ' });
        }
        text.truncate(length);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        assert_eq!(Prng::new(7).bytes(1001), Prng::new(7).bytes(1001));
        assert_ne!(Prng::new(7).bytes(1001), Prng::new(8).bytes(1001));
    }

    #[test]
    fn the_first_number_is_that_of_the_published_algorithm() {
        assert_eq!(Prng::new(1_234_567).next_u64(), 6_457_827_717_110_365_317);
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut prng = Prng::new(1);
        let seen: std::collections::BTreeSet<u64> = (0..1000).map(|_| prng.below(6)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn text_has_the_length_asked_for() {
        let text = Prng::new(3).text(777);
        assert_eq!(text.len(), 777);
        assert!(text.is_ascii());
    }
}
