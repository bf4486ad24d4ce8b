//! Listing a pack from its own header, for checks and for rebuilding an index.
//!
//! Invariant: what is listed was authenticated, and lies within the pack in front of its header. At most two reads.

use std::error::Error;

use holdfast_model::PackId;
use holdfast_store::{FileKind, Store, StoreError};

use super::SEAL_OVERHEAD;
use super::header::{HeaderError, MAX_HEADER_ENTRIES, PackedBlob, decode_header};
use crate::crypto::Key;

/// Bytes that the first read takes from the end: the header of a pack of some hundred blobs.
const FIRST_READ: u64 = 16 << 10;

/// A pack that cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The storage failed.
    #[error("cannot read the header of pack {pack}")]
    Read {
        /// The pack.
        pack: PackId,
        /// What the storage said.
        #[source]
        source: StoreError,
    },
    /// The bytes are no pack of this repository.
    #[error("pack {pack} is damaged; check the storage, then run `restic repair packs` and make a new backup")]
    Damaged {
        /// The pack.
        pack: PackId,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// The blobs of a pack of `size` bytes, as its header lists them.
pub fn list_pack(store: &dyn Store, key: &Key, pack: PackId, size: u64) -> Result<Vec<PackedBlob>, PackError> {
    let damaged = |source: Box<dyn Error + Send + Sync>| PackError::Damaged { pack, source };
    let read = |from: u64| {
        let bytes = store.read_range(FileKind::Pack, &pack.into(), from..size);
        bytes.map_err(|source| PackError::Read { pack, source })
    };
    if size < u64::from(SEAL_OVERHEAD) + 4 {
        return Err(damaged("it is shorter than the shortest pack".into()));
    }
    let tail = read(size.saturating_sub(FIRST_READ))?;
    let (rest, length) = tail.split_last_chunk::<4>().ok_or_else(|| damaged("it is cut off".into()))?;
    let length = u64::from(u32::from_le_bytes(*length));
    let longest = MAX_HEADER_ENTRIES as u64 * 41 + u64::from(SEAL_OVERHEAD);
    if length < u64::from(SEAL_OVERHEAD) || length > (size - 4).min(longest) {
        return Err(damaged("its end gives an impossible length of the header".into()));
    }
    let sealed = match (rest.len() as u64).checked_sub(length) {
        Some(before) => rest[before as usize..].to_vec(),
        None => read(size - 4 - length)?[..length as usize].to_vec(),
    };
    let plain = key.open(&sealed).map_err(|error| damaged(error.into()))?;
    let blobs = decode_header(&plain).map_err(|error| damaged(error.into()))?;
    let end = blobs.last().map_or(0, |blob| u64::from(blob.offset) + u64::from(blob.stored_length));
    if end > size - 4 - length {
        return Err(damaged(HeaderError::Length.into()));
    }
    Ok(blobs)
}
