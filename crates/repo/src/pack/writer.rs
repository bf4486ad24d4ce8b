//! A pack while it is filled, and its finish: header, length field, name.
//!
//! Invariant: the name of a finished pack is the SHA-256 of its bytes, and its header, read back from the sealed
//! bytes, lists exactly the blobs that were added. When packs are written and who waits for them is not known here.

use holdfast_model::{BlobId, PackId};
use sha2::{Digest, Sha256};

use super::encode::{EncodeFault, Sealed, SealedBytes};
use super::header::{MAX_HEADER_ENTRIES, PackedBlob, decode_header, encode_header};
use super::{BlobKind, SEAL_OVERHEAD};
use crate::crypto::Key;

/// Small blobs are gathered in parts of this many bytes.
const PART: usize = 1 << 20;

/// A pack that takes more blobs. It lies in memory, in parts, so that no byte is moved when it grows.
pub(crate) struct OpenPack {
    kind: BlobKind,
    parts: Vec<Vec<u8>>,
    blobs: Vec<PackedBlob>,
    length: u32,
}

/// A pack that is ready to be written.
pub(crate) struct FinishedPack {
    pub(crate) id: PackId,
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) blobs: Vec<PackedBlob>,
    /// Bytes of the whole file.
    pub(crate) length: u64,
}

impl OpenPack {
    pub(crate) fn new(kind: BlobKind) -> Self {
        Self { kind, parts: Vec::new(), blobs: Vec::new(), length: 0 }
    }

    /// What all of its blobs are.
    pub(crate) fn kind(&self) -> BlobKind {
        self.kind
    }

    /// Bytes of the blobs so far.
    pub(crate) fn length(&self) -> u32 {
        self.length
    }

    /// The blobs so far.
    pub(crate) fn blobs(&self) -> &[PackedBlob] {
        &self.blobs
    }

    /// Whether the pack has reached the target size, in bytes, or its header can hold no more.
    pub(crate) fn is_full(&self, target: u32) -> bool {
        self.length >= target || self.blobs.len() >= MAX_HEADER_ENTRIES
    }

    /// Adds a blob; gives the bytes that it takes in the pack.
    pub(crate) fn add(&mut self, id: BlobId, sealed: Sealed<'_>) -> u32 {
        let uncompressed_length = sealed.uncompressed_length;
        let length = match sealed.bytes {
            SealedBytes::Given(part) => {
                let length = part.len();
                self.parts.push(part);
                length
            }
            SealedBytes::Lent(bytes) => {
                match self.parts.last_mut() {
                    Some(part) if part.capacity() - part.len() >= bytes.len() => part.extend_from_slice(bytes),
                    _ => {
                        let mut part = Vec::with_capacity(PART.max(bytes.len()));
                        part.extend_from_slice(bytes);
                        self.parts.push(part);
                    }
                }
                bytes.len()
            }
        };
        let stored_length = u32::try_from(length).expect("blobs are bounded far below 4 GiB");
        self.blobs.push(PackedBlob { kind: self.kind, id, offset: self.length, stored_length, uncompressed_length });
        self.length = self.length.checked_add(stored_length).expect("a pack is full long before 4 GiB");
        stored_length
    }

    /// Whether another pack's blobs fit beside these within the target size.
    pub(crate) fn has_room_for(&self, other: &Self, target: u32) -> bool {
        let length = u64::from(self.length) + u64::from(other.length);
        self.kind == other.kind
            && length <= u64::from(target)
            && self.blobs.len() + other.blobs.len() <= MAX_HEADER_ENTRIES
    }

    /// Takes over all blobs of another pack of the same kind.
    pub(crate) fn absorb(&mut self, other: Self) {
        let shift = self.length;
        self.blobs.extend(other.blobs.into_iter().map(|blob| PackedBlob { offset: blob.offset + shift, ..blob }));
        self.parts.extend(other.parts);
        self.length += other.length;
    }

    /// Writes the header, proves that it can be read, and names the pack.
    pub(crate) fn finish(mut self, key: &Key) -> Result<FinishedPack, EncodeFault> {
        let mut header = Vec::new();
        encode_header(&self.blobs, &mut header);
        let mut sealed = key.seal(&header);
        let read_back = key.open(&sealed).map_err(|_| EncodeFault)?;
        if decode_header(&read_back).map_err(|_| EncodeFault)? != self.blobs {
            return Err(EncodeFault);
        }
        debug_assert_eq!(sealed.len(), header.len() + SEAL_OVERHEAD as usize);
        let length = sealed.len() as u32;
        sealed.extend_from_slice(&length.to_le_bytes());
        self.parts.push(sealed);

        let mut hash = Sha256::new();
        for part in &self.parts {
            hash.update(part);
        }
        let length = self.parts.iter().map(|part| part.len() as u64).sum();
        let id = PackId::new(hash.finalize().into());
        Ok(FinishedPack { id, parts: self.parts, blobs: self.blobs, length })
    }
}
