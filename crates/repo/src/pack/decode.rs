//! From what stands in a pack back to the plaintext.
//!
//! Invariant: what is given out is authenticated, of the declared length, and hashes to the id that was asked for.
//! Nothing is allocated beyond the declared length, which is bounded. Where the bytes came from is not known here.

use std::num::NonZeroUsize;
use std::thread;

use holdfast_model::BlobId;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use zstd::bulk::Decompressor;

use super::MAX_PLAIN_LENGTH;
use crate::crypto::Key;

/// What is wrong with a blob as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The authenticator does not fit.
    #[error("it was changed, or encrypted with another key")]
    Unauthenticated,
    /// The declared length is over the bound.
    #[error("it claims to be larger than any blob may be")]
    TooLarge,
    /// zstd refuses it, or its length is not the declared one.
    #[error("it does not decompress to the declared length")]
    Compression,
    /// The plaintext is another blob's.
    #[error("its content does not match its id")]
    Hash,
}

/// Decodes blobs for many threads at once, with contexts that are used again.
#[derive(Default)]
pub(crate) struct BlobDecoder {
    idle: Mutex<Vec<Decompressor<'static>>>,
}

impl BlobDecoder {
    /// Decodes one blob and proves that it is the one.
    pub(crate) fn decode(
        &self,
        key: &Key,
        id: &BlobId,
        sealed: &mut [u8],
        uncompressed_length: u32,
    ) -> Result<Vec<u8>, DecodeError> {
        let stored = key.open_in_place(sealed).map_err(|_| DecodeError::Unauthenticated)?;
        let plain = self.decompress(stored, uncompressed_length)?;
        if Sha256::digest(&plain)[..] != id.as_bytes()[..] {
            return Err(DecodeError::Hash);
        }
        Ok(plain)
    }

    /// The plaintext of an authenticated blob, its hash unchecked.
    pub(crate) fn decompress(&self, stored: &[u8], uncompressed_length: u32) -> Result<Vec<u8>, DecodeError> {
        if uncompressed_length == 0 {
            return Ok(stored.to_vec());
        }
        if uncompressed_length > MAX_PLAIN_LENGTH {
            return Err(DecodeError::TooLarge);
        }
        let mut plain = Vec::with_capacity(uncompressed_length as usize);
        let mut context = self.take();
        let result = context.decompress_to_buffer(stored, &mut plain);
        self.give_back(context);
        match result {
            Ok(_) if plain.len() == uncompressed_length as usize => Ok(plain),
            _ => Err(DecodeError::Compression),
        }
    }

    fn take(&self) -> Decompressor<'static> {
        let idle = self.idle.lock().pop();
        idle.unwrap_or_else(|| Decompressor::new().expect("a decompression context needs nothing but memory"))
    }

    fn give_back(&self, context: Decompressor<'static>) {
        let mut idle = self.idle.lock();
        if idle.len() < 2 * thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            idle.push(context);
        }
    }
}
