//! Blobs as they are stored, decrypted but not decompressed: what a restore hands on.
//!
//! Invariant: what is given out was authenticated. Neighbours in a pack are read with one call, as long as the bytes
//! between them cost less than a call would, and no call reads more than a few MiB.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use holdfast_model::{BlobId, PackId};
use holdfast_store::FileKind;
use sha2::{Digest, Sha256};

use super::ReadError;
use crate::crypto::{MAC_LEN, NONCE_LEN};
use crate::engine::Core;
use crate::index::BlobLocation;
use crate::pack::{BlobDecoder, BlobKind, DecodeError};

/// Unneeded bytes between two blobs that are read along rather than making another call.
const MAX_GAP: u64 = 256 << 10;
/// A call ends behind the blob that reaches this many bytes.
const MAX_READ: u64 = 4 << 20;

/// A blob as it is stored: authenticated, decrypted, perhaps still compressed.
#[derive(Debug, Clone)]
pub struct StoredBlob {
    /// Whether `bytes` is a zstd frame.
    pub compressed: bool,
    /// The plaintext, or the frame that decompresses to it.
    pub bytes: Bytes,
    /// Bytes of the plaintext.
    pub plain_length: u32,
}

impl StoredBlob {
    pub(crate) fn decode(&self, decoder: &BlobDecoder, id: &BlobId) -> Result<Vec<u8>, DecodeError> {
        let plain = decoder.decompress(&self.bytes, if self.compressed { self.plain_length } else { 0 })?;
        if Sha256::digest(&plain)[..] == id.as_bytes()[..] { Ok(plain) } else { Err(DecodeError::Hash) }
    }
}

/// Reads blobs of one pack, call by call; one that cannot be read there comes from another pack that has it too. After an
/// error in one blob the next ones still come.
pub struct StoredBlobs<'a> {
    core: &'a Core,
    kind: BlobKind,
    pack: PackId,
    /// What is left to read, the nearest blob last.
    blobs: Vec<(BlobId, BlobLocation)>,
    /// The bytes of the last call, and where they begin in the pack.
    buffer: BytesMut,
    start: u64,
}

impl<'a> StoredBlobs<'a> {
    pub(crate) fn new(core: &'a Core, kind: BlobKind, pack: PackId, mut blobs: Vec<(BlobId, BlobLocation)>) -> Self {
        blobs.sort_unstable_by_key(|(_, at)| std::cmp::Reverse((at.offset, at.stored_length)));
        Self { core, kind, pack, blobs, buffer: BytesMut::new(), start: 0 }
    }

    /// The range of the next call: from this blob over all that follow closely.
    fn next_read(&self, first: &BlobLocation) -> Range<u64> {
        let mut range = u64::from(first.offset)..first.end();
        for (_, at) in self.blobs.iter().rev() {
            if range.end - range.start >= MAX_READ || u64::from(at.offset) > range.end + MAX_GAP {
                break;
            }
            range.end = range.end.max(at.end());
        }
        range
    }

    fn read(&mut self, id: &BlobId, at: &BlobLocation) -> Result<StoredBlob, ReadError> {
        let offset = u64::from(at.offset);
        if offset < self.start || at.end() > self.start + self.buffer.len() as u64 {
            let range = self.next_read(at);
            self.start = range.start;
            self.buffer.clear();
            let bytes = self.core.packs(self.kind).read_range(FileKind::Pack, &self.pack.into(), range);
            self.buffer = bytes.map_err(|source| ReadError::Store { pack: self.pack, source })?.into();
        }
        // What lies in front of the blob is not needed any more.
        let _ = self.buffer.split_to((offset - self.start) as usize);
        let sealed = self.buffer.split_to(at.stored_length as usize);
        self.start = at.end();
        self.open(id, at, sealed)
    }

    fn open(&self, id: &BlobId, at: &BlobLocation, mut sealed: BytesMut) -> Result<StoredBlob, ReadError> {
        let damaged = |source| ReadError::Damaged { kind: self.kind, id: *id, pack: at.pack, source };
        self.core.key.open_in_place(&mut sealed).map_err(|_| damaged(DecodeError::Unauthenticated))?;
        let end = sealed.len() - MAC_LEN;
        let bytes = sealed.freeze().slice(NONCE_LEN..end);
        Ok(StoredBlob { compressed: at.is_compressed(), bytes, plain_length: at.plain_length() })
    }

    /// The blob of a tree from the same place in the main part: it may have been the copy that is damaged.
    fn read_main(&self, id: &BlobId, at: &BlobLocation) -> Option<StoredBlob> {
        let hot = self.core.hot.as_ref().filter(|_| self.kind == BlobKind::Tree)?;
        let range = u64::from(at.offset)..at.end();
        let sealed = hot.main().read_range(FileKind::Pack, &at.pack.into(), range).ok()?;
        let blob = self.open(id, at, sealed.into()).ok()?;
        hot.discard(FileKind::Pack, &at.pack.into());
        Some(blob)
    }

    /// The blob from any other place that can be read.
    fn read_elsewhere(&self, id: &BlobId, failed: &BlobLocation) -> Option<StoredBlob> {
        if let Some(blob) = self.read_main(id, failed) {
            return Some(blob);
        }
        let view = self.core.index.view();
        let others = view.locations(self.kind, id).filter(|at| at != failed);
        others.into_iter().find_map(|at| {
            let range = u64::from(at.offset)..at.end();
            let sealed = self.core.packs(self.kind).read_range(FileKind::Pack, &at.pack.into(), range).ok()?;
            self.open(id, &at, sealed.into()).ok()
        })
    }
}

impl Iterator for StoredBlobs<'_> {
    type Item = Result<(BlobId, StoredBlob), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (id, at) = self.blobs.pop()?;
        let read = self.read(&id, &at).or_else(|error| self.read_elsewhere(&id, &at).ok_or(error));
        Some(read.map(|blob| (id, blob)))
    }
}
