//! The pack header as plain bytes: one entry per blob, in the order of the blobs.
//!
//! Invariant: decoding accepts exactly what encoding writes, and every offset it computes lies within 32 bits.
//! Format: restic's design document, "Pack Format". Encryption of the header is done by whoever calls.

use holdfast_model::BlobId;

use super::{BlobKind, SEAL_OVERHEAD};

/// Bytes of an entry for a blob that is stored as it is: type, stored length, id.
const PLAIN_ENTRY: usize = 1 + 4 + 32;
/// Bytes of an entry for a compressed blob: type, stored length, plain length, id.
const COMPRESSED_ENTRY: usize = PLAIN_ENTRY + 4;
/// Restic refuses headers that are larger than this, their length field not counted.
const MAX_HEADER: usize = 16 << 20;

/// How many blobs fit into a header that every reader accepts.
pub const MAX_HEADER_ENTRIES: usize = (MAX_HEADER - SEAL_OVERHEAD as usize) / COMPRESSED_ENTRY;

/// One blob of a pack and where it lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedBlob {
    /// What the blob holds.
    pub kind: BlobKind,
    /// SHA-256 of its plaintext.
    pub id: BlobId,
    /// First byte in the pack.
    pub offset: u32,
    /// Bytes in the pack, with those that encryption adds.
    pub stored_length: u32,
    /// Bytes of the plaintext if it is compressed, 0 if it is stored as it is.
    pub uncompressed_length: u32,
}

impl PackedBlob {
    /// Bytes of the plaintext.
    pub fn plain_length(&self) -> u32 {
        plain_length(self.stored_length, self.uncompressed_length)
    }
}

/// Bytes of the plaintext of a blob that is listed with these two lengths.
pub(crate) fn plain_length(stored: u32, uncompressed: u32) -> u32 {
    if uncompressed == 0 { stored.saturating_sub(SEAL_OVERHEAD) } else { uncompressed }
}

/// A header that no writer makes. The pack is damaged, or newer than this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The entries end in the middle of one.
    #[error("the header ends in the middle of an entry")]
    Truncated,
    /// An entry of a type that is not one of the four.
    #[error("the header holds an entry of unknown type {0}")]
    UnknownType(u8),
    /// A stored length that no sealed blob has, or offsets over 4 GiB.
    #[error("the header holds a blob of impossible length")]
    Length,
}

/// Bytes that the header of these blobs takes in the pack: sealed, with the length field behind it.
pub fn header_length<'a>(blobs: impl IntoIterator<Item = &'a PackedBlob>) -> u64 {
    let entries: usize = blobs.into_iter().map(entry_length).sum();
    entries as u64 + u64::from(SEAL_OVERHEAD) + 4
}

fn entry_length(blob: &PackedBlob) -> usize {
    if blob.uncompressed_length == 0 { PLAIN_ENTRY } else { COMPRESSED_ENTRY }
}

/// Appends the plain header of these blobs.
pub fn encode_header(blobs: &[PackedBlob], out: &mut Vec<u8>) {
    out.reserve(blobs.len() * COMPRESSED_ENTRY);
    for blob in blobs {
        let compressed = blob.uncompressed_length != 0;
        out.push(u8::from(blob.kind == BlobKind::Tree) | u8::from(compressed) << 1);
        out.extend_from_slice(&blob.stored_length.to_le_bytes());
        if compressed {
            out.extend_from_slice(&blob.uncompressed_length.to_le_bytes());
        }
        out.extend_from_slice(blob.id.as_bytes());
    }
}

/// Reads a plain header. Offsets follow from the lengths.
pub fn decode_header(mut bytes: &[u8]) -> Result<Vec<PackedBlob>, HeaderError> {
    let mut blobs = Vec::with_capacity(bytes.len() / PLAIN_ENTRY);
    let mut offset = 0u32;
    while let Some((&kind, rest)) = bytes.split_first() {
        if kind > 3 {
            return Err(HeaderError::UnknownType(kind));
        }
        bytes = rest;
        let stored_length = u32::from_le_bytes(take(&mut bytes)?);
        let uncompressed_length = if kind & 2 != 0 { u32::from_le_bytes(take(&mut bytes)?) } else { 0 };
        let id = BlobId::new(take(&mut bytes)?);
        if stored_length < SEAL_OVERHEAD {
            return Err(HeaderError::Length);
        }
        let kind = if kind & 1 == 0 { BlobKind::Data } else { BlobKind::Tree };
        blobs.push(PackedBlob { kind, id, offset, stored_length, uncompressed_length });
        offset = offset.checked_add(stored_length).ok_or(HeaderError::Length)?;
    }
    Ok(blobs)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], HeaderError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(HeaderError::Truncated)?;
    *bytes = rest;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blobs() -> impl Strategy<Value = Vec<PackedBlob>> {
        let one = (any::<bool>(), any::<[u8; 32]>(), 32u32..1 << 20, 0u32..1 << 20);
        prop::collection::vec(one, 0..50).prop_map(|rows| {
            let mut offset = 0;
            rows.into_iter()
                .map(|(tree, id, stored_length, uncompressed_length)| {
                    let kind = if tree { BlobKind::Tree } else { BlobKind::Data };
                    let blob = PackedBlob { kind, id: BlobId::new(id), offset, stored_length, uncompressed_length };
                    offset += stored_length;
                    blob
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_header_is_read_back_as_it_was_written(blobs in blobs()) {
            let mut bytes = Vec::new();
            encode_header(&blobs, &mut bytes);
            prop_assert_eq!(bytes.len() as u64 + 36, header_length(&blobs));
            prop_assert_eq!(decode_header(&bytes).unwrap(), blobs);
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(blobs) = decode_header(&bytes) {
                let mut again = Vec::new();
                encode_header(&blobs, &mut again);
                // A compressed entry that declares no plaintext is the one form that is not written.
                let as_we_write = again.len() == bytes.len();
                prop_assert!(!as_we_write || again == bytes);
            }
        }
    }

    #[test]
    fn damaged_headers_are_refused() {
        assert_eq!(decode_header(&[4; 37]), Err(HeaderError::UnknownType(4)));
        assert_eq!(decode_header(&[0; 36]), Err(HeaderError::Truncated));
        assert_eq!(decode_header(&[0; 37]), Err(HeaderError::Length));
        let mut large = vec![0u8, 255, 255, 255, 255];
        large.extend([7; 32]);
        large.extend_from_within(..);
        assert_eq!(decode_header(&large), Err(HeaderError::Length));
    }
}
