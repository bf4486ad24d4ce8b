//! Index files as JSON: decoding without an allocation per blob, and encoding.
//!
//! Invariant: whatever restic or rustic writes is read, unknown fields are passed over, and malformed input is an error
//! with its position, never a panic. Format: restic's design document, "Indexing"; rustic adds `packs_to_delete`. That
//! restic until 0.16 wrote which files a new one `supersedes` is passed over, as restic does: a file counts while it is
//! there.
//! Encryption, compression and numbering of packs across files are not known here.

use holdfast_model::{BlobId, PackId};

use super::row::{Place, Placed};
use crate::cursor::{Cursor, SyntaxError};
use crate::pack::{BlobKind, PackedBlob, SEAL_OVERHEAD};

/// What one index file says. Packs are numbered from 0 in order of appearance.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parsed {
    pub(super) packs: Vec<PackId>,
    pub(super) data: Vec<Placed>,
    pub(super) trees: Vec<Placed>,
    /// Packs that rustic's prune has marked: their blobs are not in `data` and `trees`.
    pub(super) marked: Vec<PackId>,
}

impl Parsed {
    /// Numbers the packs from this one on.
    pub(super) fn number_from(&mut self, first_pack: u32) {
        for placed in self.data.iter_mut().chain(&mut self.trees) {
            placed.place.pack += first_pack;
        }
    }

    /// Rows of both kinds.
    pub(super) fn rows(&self) -> u32 {
        (self.data.len() + self.trees.len()) as u32
    }
}

/// Reads the plaintext of an index file.
pub(super) fn decode(json: &[u8]) -> Result<Parsed, SyntaxError> {
    let mut parsed = Parsed::default();
    let cursor = &mut Cursor::new(json);
    if cursor.next_is(b'[') {
        // Repository format 0: a bare list of packs.
        cursor.array(|cursor| pack(cursor, &mut parsed))?;
        return cursor.end().map(|()| parsed);
    }
    cursor.object(|cursor, key| match key {
        b"packs" => cursor.nullable_array(|cursor| pack(cursor, &mut parsed)),
        b"packs_to_delete" => cursor.nullable_array(|cursor| marked_pack(cursor, &mut parsed.marked)),
        _ => cursor.skip(),
    })?;
    cursor.end().map(|()| parsed)
}

fn pack(cursor: &mut Cursor<'_>, parsed: &mut Parsed) -> Result<(), SyntaxError> {
    let number = parsed.packs.len() as u32;
    let mut id = None;
    cursor.object(|cursor, key| match key {
        b"id" => cursor.id().map(|bytes| id = Some(PackId::new(bytes))),
        b"blobs" => cursor.nullable_array(|cursor| {
            let (kind, placed) = blob(cursor, number)?;
            match kind {
                BlobKind::Data => parsed.data.push(placed),
                BlobKind::Tree => parsed.trees.push(placed),
            }
            Ok(())
        }),
        _ => cursor.skip(),
    })?;
    parsed.packs.push(id.ok_or_else(|| cursor.error("a pack with an id"))?);
    Ok(())
}

fn marked_pack(cursor: &mut Cursor<'_>, marked: &mut Vec<PackId>) -> Result<(), SyntaxError> {
    cursor.object(|cursor, key| match key {
        b"id" => cursor.id().map(|bytes| marked.push(PackId::new(bytes))),
        _ => cursor.skip(),
    })
}

fn blob(cursor: &mut Cursor<'_>, pack: u32) -> Result<(BlobKind, Placed), SyntaxError> {
    let (mut id, mut kind) = (None, None);
    let mut place = Place { pack, offset: 0, stored_length: 0, uncompressed_length: 0 };
    cursor.object(|cursor, key| {
        match key {
            b"id" => id = Some(BlobId::new(cursor.id()?)),
            b"type" => {
                kind = Some(match cursor.string()? {
                    b"data" => BlobKind::Data,
                    b"tree" => BlobKind::Tree,
                    _ => return Err(cursor.error("a blob of type data or tree")),
                });
            }
            b"offset" => place.offset = cursor.number()?,
            b"length" => place.stored_length = cursor.number()?,
            b"uncompressed_length" => place.uncompressed_length = cursor.nullable_number()?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    let ends = place.offset.checked_add(place.stored_length).is_some();
    match (id, kind) {
        (Some(id), Some(kind)) if ends && place.stored_length >= SEAL_OVERHEAD => Ok((kind, Placed { id, place })),
        _ => Err(cursor.error("a blob with id, type, offset and a possible length")),
    }
}

/// Reads the plaintext of an index file as a list of packs, each with its blobs in order of their places. Marks are
/// left out.
pub(crate) fn decode_packs(json: &[u8]) -> Result<Vec<(PackId, Vec<PackedBlob>)>, SyntaxError> {
    let parsed = decode(json)?;
    let mut packs: Vec<(PackId, Vec<PackedBlob>)> = parsed.packs.iter().map(|id| (*id, Vec::new())).collect();
    for (kind, rows) in [(BlobKind::Data, parsed.data), (BlobKind::Tree, parsed.trees)] {
        for Placed { id, place } in rows {
            let Place { pack, offset, stored_length, uncompressed_length } = place;
            packs[pack as usize].1.push(PackedBlob { kind, id, offset, stored_length, uncompressed_length });
        }
    }
    for (_, blobs) in &mut packs {
        blobs.sort_unstable_by_key(|blob| (blob.offset, blob.id));
    }
    Ok(packs)
}

/// Writes the plaintext of an index file that lists these packs, as restic writes it.
pub(super) fn encode<'a>(packs: impl IntoIterator<Item = (PackId, &'a [PackedBlob])>) -> Vec<u8> {
    let mut out = Encoder(b"{\"packs\":[".to_vec());
    let mut between_packs = "";
    for (id, blobs) in packs {
        out.text(between_packs).text("{\"id\":\"").hex(id.as_bytes()).text("\",\"blobs\":[");
        let mut between = "";
        for blob in blobs {
            let kind = if blob.kind == BlobKind::Data { "data" } else { "tree" };
            out.text(between).text("{\"id\":\"").hex(blob.id.as_bytes()).text("\",\"type\":\"").text(kind);
            out.text("\",\"offset\":").number(blob.offset).text(",\"length\":").number(blob.stored_length);
            if blob.uncompressed_length != 0 {
                out.text(",\"uncompressed_length\":").number(blob.uncompressed_length);
            }
            out.text("}");
            between = ",";
        }
        out.text("]}");
        between_packs = ",";
    }
    out.text("]}\n");
    out.0
}

struct Encoder(Vec<u8>);

impl Encoder {
    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn hex(&mut self, bytes: &[u8; 32]) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in bytes {
            self.0.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        self
    }

    fn number(&mut self, mut number: u32) -> &mut Self {
        let mut digits = [0u8; 10];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[at..]);
        self
    }
}

#[cfg(test)]
mod tests;
