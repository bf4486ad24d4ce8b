//! Bytes that compress about as well as source code, made fast: pieces of a pool of made-up words.

use holdfast_testkit::Prng;

/// How large the pool is: small enough that idioms repeat, as they do in source code.
const POOL: usize = 256 << 10;

/// A source of text.
pub(super) struct Text {
    pool: Vec<u8>,
}

impl Text {
    pub(super) fn new(seed: u64) -> Self {
        Self { pool: Prng::new(seed).text(POOL) }
    }

    /// Puts so many bytes into the buffer, in place of what it holds.
    pub(super) fn fill(&self, prng: &mut Prng, length: usize, buffer: &mut Vec<u8>) {
        buffer.clear();
        while buffer.len() < length {
            let piece = 20 + prng.below(180) as usize;
            let start = prng.below((self.pool.len() - piece) as u64) as usize;
            buffer.extend_from_slice(&self.pool[start..start + piece]);
            buffer.push(b'\n');
        }
        buffer.truncate(length);
    }
}
