//! From a plaintext to what stands in a pack: compressed if that helps, sealed, and proven readable.
//!
//! Invariant: with verification on, no blob leaves here that does not decode to its plaintext again (a defect of
//! memory, processor or compressor would otherwise be found at restore). Contexts and buffers are reused: one
//! [`BlobEncoder`] per thread. Which pack a blob goes to is not known here.

use std::io::Cursor;

use zstd::bulk::{Compressor, Decompressor};

use super::compression::looks_compressible;
use super::{BlobKind, Compression};
use crate::crypto::{Key, NONCE_LEN};

/// Larger sealed blobs become a part of their pack's file by themselves, so that they are not copied once more.
const OWN_PART: usize = 64 << 10;

/// A blob as it will stand in a pack.
pub(crate) struct Sealed<'a> {
    pub(crate) bytes: SealedBytes<'a>,
    /// Bytes of the plaintext if it is compressed, 0 if it is stored as it is.
    pub(crate) uncompressed_length: u32,
}

impl Sealed<'_> {
    /// Bytes that it takes in a pack.
    pub(crate) fn length(&self) -> u32 {
        let bytes: &[u8] = match &self.bytes {
            SealedBytes::Lent(bytes) => bytes,
            SealedBytes::Given(bytes) => bytes,
        };
        u32::try_from(bytes.len()).unwrap_or(u32::MAX)
    }
}

/// Small blobs are lent from a buffer that the next one reuses; large ones are given away.
pub(crate) enum SealedBytes<'a> {
    Lent(&'a [u8]),
    Given(Vec<u8>),
}

/// A blob that did not decode to what was encoded: the machine is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a blob did not decode to what had been encoded; check this machine's memory and processor")]
pub struct EncodeFault;

/// Encodes blobs, one after the other.
pub(crate) struct BlobEncoder {
    compressor: Compressor<'static>,
    /// What the compressor is set to.
    level: i32,
    quick: Compressor<'static>,
    verify: Option<Verifier>,
    scratch: Vec<u8>,
    sample: Vec<u8>,
}

struct Verifier {
    decompressor: Decompressor<'static>,
    sealed: Vec<u8>,
    plain: Vec<u8>,
}

impl BlobEncoder {
    pub(crate) fn new(verify: bool) -> Self {
        const MEMORY: &str = "a compression context needs nothing but memory";
        let decompressor = || Decompressor::new().expect(MEMORY);
        Self {
            compressor: Compressor::new(1).expect(MEMORY),
            level: 1,
            quick: Compressor::new(1).expect(MEMORY),
            verify: verify.then(|| Verifier { decompressor: decompressor(), sealed: Vec::new(), plain: Vec::new() }),
            scratch: Vec::new(),
            sample: Vec::new(),
        }
    }

    /// Encodes one blob.
    pub(crate) fn encode(
        &mut self,
        key: &Key,
        kind: BlobKind,
        plain: &[u8],
        compression: Compression,
    ) -> Result<Sealed<'_>, EncodeFault> {
        let is_compressed = match compression {
            _ if plain.is_empty() => false,
            _ if kind == BlobKind::Tree => self.compress(plain, compression, true)?,
            Compression::Off => false,
            Compression::Auto if !looks_compressible(plain, &mut self.quick, &mut self.sample) => false,
            _ => self.compress(plain, compression, false)?,
        };
        self.seal(key, plain, is_compressed)
    }

    /// Encodes one blob compressed, whether that helps or not.
    pub(crate) fn encode_compressed(
        &mut self,
        key: &Key,
        plain: &[u8],
        compression: Compression,
    ) -> Result<Sealed<'_>, EncodeFault> {
        let is_compressed = self.compress(plain, compression, true)?;
        self.seal(key, plain, is_compressed)
    }

    /// Seals what is encoded already: `stored` is what `plain` is stored as, compressed if `uncompressed_length` is not 0.
    pub(crate) fn seal_stored(
        &mut self,
        key: &Key,
        stored: &[u8],
        uncompressed_length: u32,
        plain: &[u8],
    ) -> Result<Sealed<'_>, EncodeFault> {
        let sealed = Sealed { bytes: SealedBytes::Given(key.seal(stored)), uncompressed_length };
        if let Some(verifier) = &mut self.verify {
            verifier.check(key, &sealed, plain)?;
        }
        Ok(sealed)
    }

    /// Seals a plaintext, or what stands compressed in the scratch buffer.
    fn seal(&mut self, key: &Key, plain: &[u8], is_compressed: bool) -> Result<Sealed<'_>, EncodeFault> {
        let Self { scratch, verify, .. } = self;
        let sealed = if is_compressed {
            key.seal_in_place(scratch, 0);
            let bytes = if scratch.len() >= OWN_PART {
                SealedBytes::Given(scratch.as_slice().to_vec())
            } else {
                SealedBytes::Lent(scratch)
            };
            Sealed { bytes, uncompressed_length: plain.len() as u32 }
        } else if plain.len() >= OWN_PART {
            Sealed { bytes: SealedBytes::Given(key.seal(plain)), uncompressed_length: 0 }
        } else {
            scratch.clear();
            key.seal_into(scratch, plain);
            Sealed { bytes: SealedBytes::Lent(scratch), uncompressed_length: 0 }
        };
        if let Some(verifier) = verify {
            verifier.check(key, &sealed, plain)?;
        }
        Ok(sealed)
    }

    /// Compresses into the scratch buffer, behind room for a nonce; false if the blob is better stored as it is, unless
    /// it `must` be compressed.
    fn compress(&mut self, plain: &[u8], compression: Compression, must: bool) -> Result<bool, EncodeFault> {
        if self.level != compression.level() {
            self.level = compression.level();
            self.compressor.set_compression_level(self.level).map_err(|_| EncodeFault)?;
        }
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        out.resize(NONCE_LEN, 0);
        out.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        let mut out = Cursor::new(out);
        out.set_position(NONCE_LEN as u64);
        let length = self.compressor.compress_to_buffer(plain, &mut out).map_err(|_| EncodeFault)?;
        self.scratch = out.into_inner();
        // What shrinks by less than 1/64 is not worth decoding at every restore.
        Ok(must || length + plain.len() / 64 < plain.len())
    }
}

impl Verifier {
    fn check(&mut self, key: &Key, sealed: &Sealed<'_>, plain: &[u8]) -> Result<(), EncodeFault> {
        let bytes = match &sealed.bytes {
            SealedBytes::Lent(bytes) => bytes,
            SealedBytes::Given(bytes) => bytes.as_slice(),
        };
        if sealed.uncompressed_length == 0 {
            return if key.opens_to(bytes, plain) { Ok(()) } else { Err(EncodeFault) };
        }
        self.sealed.clear();
        self.sealed.extend_from_slice(bytes);
        let stored = &*key.open_in_place(&mut self.sealed).map_err(|_| EncodeFault)?;
        self.plain.clear();
        self.plain.reserve(plain.len());
        self.decompressor.decompress_to_buffer(stored, &mut self.plain).map_err(|_| EncodeFault)?;
        if self.plain == plain { Ok(()) } else { Err(EncodeFault) }
    }
}
