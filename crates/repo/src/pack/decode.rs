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

/// Decodes blobs on one thread, with memory that is used again from one to the next.
pub(crate) struct ThreadDecoder {
    context: Decompressor<'static>,
    plain: Vec<u8>,
}

impl ThreadDecoder {
    pub(crate) fn new() -> Self {
        Self { context: new_context(), plain: Vec::new() }
    }

    /// Decodes one blob where it stands and proves that it is the one.
    pub(crate) fn decode<'a>(
        &'a mut self,
        key: &Key,
        id: &BlobId,
        sealed: &'a mut [u8],
        uncompressed_length: u32,
    ) -> Result<&'a [u8], DecodeError> {
        let stored = &*key.open_in_place(sealed).map_err(|_| DecodeError::Unauthenticated)?;
        let plain = match uncompressed_length {
            0 => stored,
            length => {
                self.plain.clear();
                decompress(&mut self.context, stored, length, &mut self.plain)?;
                &self.plain
            }
        };
        prove(id, plain).map(|()| plain)
    }
}

/// Decodes blobs for many threads at once, with contexts that are used again.
pub(crate) struct BlobDecoder {
    idle: Mutex<Vec<Decompressor<'static>>>,
    /// Contexts that are kept.
    most: usize,
}

impl Default for BlobDecoder {
    fn default() -> Self {
        // Asked once: the standard library reads a dozen files of the kernel's to tell.
        let most = 2 * thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { idle: Mutex::default(), most }
    }
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
        prove(id, &plain).map(|()| plain)
    }

    /// The plaintext of an authenticated blob, its hash unchecked.
    pub(crate) fn decompress(&self, stored: &[u8], uncompressed_length: u32) -> Result<Vec<u8>, DecodeError> {
        if uncompressed_length == 0 {
            return Ok(stored.to_vec());
        }
        let mut plain = Vec::new();
        let mut context = self.take();
        let result = decompress(&mut context, stored, uncompressed_length, &mut plain);
        self.give_back(context);
        result.map(|()| plain)
    }

    fn take(&self) -> Decompressor<'static> {
        let idle = self.idle.lock().pop();
        idle.unwrap_or_else(new_context)
    }

    fn give_back(&self, context: Decompressor<'static>) {
        let mut idle = self.idle.lock();
        if idle.len() < self.most {
            idle.push(context);
        }
    }
}

fn new_context() -> Decompressor<'static> {
    Decompressor::new().expect("a decompression context needs nothing but memory")
}

/// Appends the plaintext of a frame to `plain`, which is empty: exactly so many bytes.
fn decompress(
    context: &mut Decompressor<'static>,
    frame: &[u8],
    length: u32,
    plain: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    if length > MAX_PLAIN_LENGTH {
        return Err(DecodeError::TooLarge);
    }
    // The room that is left from an earlier blob may be more: the length is compared in any case.
    plain.reserve_exact(length as usize);
    match context.decompress_to_buffer(frame, plain) {
        Ok(_) if plain.len() == length as usize => Ok(()),
        _ => Err(DecodeError::Compression),
    }
}

fn prove(id: &BlobId, plain: &[u8]) -> Result<(), DecodeError> {
    if Sha256::digest(plain)[..] == id.as_bytes()[..] { Ok(()) } else { Err(DecodeError::Hash) }
}
