//! Where a blob lies, in the two forms that the index keeps: unpacked, and packed into 46 bytes of a run.
//!
//! Invariant: a row and the number of its bucket (the first two bytes of the id) together say exactly one blob's
//! place. Bytes are little-endian and unaligned, so that a run may one day be a mapped file.

use holdfast_model::BlobId;

/// Bytes of the id that the bucket's number says.
pub(super) const PREFIX: usize = 2;
/// Bytes of the id that a row holds.
pub(super) const SUFFIX: usize = 32 - PREFIX;

/// A blob's place as a run holds it: 30 bytes of id, pack number, offset, stored and uncompressed length.
pub(super) type Row = [u8; SUFFIX + 16];

/// Where a blob lies, its pack given by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) pack: u32,
    pub(crate) offset: u32,
    pub(crate) stored_length: u32,
    pub(crate) uncompressed_length: u32,
}

/// A blob and its place, before they are sorted into a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Placed {
    pub(super) id: BlobId,
    pub(super) place: Place,
}

/// The bucket that an id belongs to.
pub(super) fn bucket(id: &BlobId) -> usize {
    let bytes = id.as_bytes();
    usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// The part of an id that rows hold.
pub(super) fn suffix(id: &BlobId) -> &[u8] {
    &id.as_bytes()[PREFIX..]
}

pub(super) fn pack_row(placed: &Placed) -> Row {
    let mut row = [0; SUFFIX + 16];
    row[..SUFFIX].copy_from_slice(suffix(&placed.id));
    let Place { pack, offset, stored_length, uncompressed_length } = placed.place;
    for (field, value) in row[SUFFIX..].chunks_exact_mut(4).zip([pack, offset, stored_length, uncompressed_length]) {
        field.copy_from_slice(&value.to_le_bytes());
    }
    row
}

pub(super) fn row_id(bucket: usize, row: &Row) -> BlobId {
    let mut id = [0; 32];
    id[..PREFIX].copy_from_slice(&(bucket as u16).to_be_bytes());
    id[PREFIX..].copy_from_slice(&row[..SUFFIX]);
    BlobId::new(id)
}

pub(super) fn row_place(row: &Row) -> Place {
    let field = |n: usize| {
        let at = SUFFIX + 4 * n;
        u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]])
    };
    Place { pack: field(0), offset: field(1), stored_length: field(2), uncompressed_length: field(3) }
}
