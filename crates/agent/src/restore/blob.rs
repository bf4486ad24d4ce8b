//! Content that comes in: decoded within its declared length, proven to be what its name says, written where it belongs.
//!
//! Nothing is written that was not proven. A blob that is damaged fails the files that need it; the others go on.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_chunker::{TOGETHER_BYTES, sha256_each, waits_for_more};
use holdfast_wire::{BlobHeader, ChunkRef, limits};
use rustix::io::Errno;

use super::files::Writing;
use super::session::Session;
use super::sparse;
use super::trouble::{RestoreError, Trouble};

/// Checks the announcement of a blob against every bound.
pub(super) fn check(header: &BlobHeader) -> Result<(), RestoreError> {
    let (len, stored) = (header.len as usize, header.stored_len as usize);
    if len > limits::MAX_CHUNK || stored > limits::MAX_STORED_BLOB || (!header.compressed && stored != len) {
        return Err(RestoreError::Protocol { what: "it announced a blob of an impossible length" });
    }
    Ok(())
}

/// A blob as it came.
pub(super) type Stored = (BlobHeader, Bytes);

/// Small blobs that are decoded before one of them is written hold so many bytes: so much is still at hand in the
/// processor when it is hashed.
const GROUP: u32 = 1 << 20;

/// How many of these, which are not none, are decoded together. A large one takes others along, so that it is not hashed
/// alone.
fn group_len(blobs: &[Stored]) -> usize {
    let (mut bytes, mut largest) = (0u32, 0);
    let fits = |(number, (header, _)): &(usize, &Stored)| {
        let lonely = waits_for_more(bytes, largest, 0);
        bytes = bytes.saturating_add(header.len);
        largest = largest.max(header.len);
        *number == 0 || bytes <= if lonely { TOGETHER_BYTES } else { GROUP }
    };
    blobs.iter().enumerate().take_while(fits).count()
}

/// Decodes blobs; keeps its memory from one group to the next.
#[derive(Default)]
pub(super) struct Decoder {
    zstd: zstd::bulk::Decompressor<'static>,
    plain: Vec<u8>,
}

impl Decoder {
    /// The plaintexts, where they are what the headers say.
    fn decode<'a>(&'a mut self, blobs: &[&'a Stored]) -> Vec<Result<&'a [u8], &'static str>> {
        let room = |(header, _): &Stored| if header.compressed { header.len as usize } else { 0 };
        let total = blobs.iter().map(|blob| room(blob)).sum();
        if self.plain.len() < total {
            // In this order, so that nothing is copied and never both are held.
            self.plain = Vec::new();
            self.plain = vec![0; total];
        }
        let mut rest = &mut self.plain[..];
        let mut decompress = |blob: &&'a Stored| {
            let (header, stored) = *blob;
            if !header.compressed {
                return Ok(&stored[..]);
            }
            let (plain, after) = std::mem::take(&mut rest).split_at_mut(room(blob));
            rest = after;
            match self.zstd.decompress_to_buffer(stored, plain) {
                Ok(length) if length == plain.len() => Ok(&*plain),
                _ => Err("what the server sent of its content does not decompress"),
            }
        };
        let mut plains: Vec<Result<&[u8], _>> = blobs.iter().map(&mut decompress).collect();
        let hashes = sha256_each(&plains.iter().flatten().copied().collect::<Vec<_>>());
        let decoded = blobs.iter().zip(&mut plains).filter(|(_, plain)| plain.is_ok());
        for (((header, _), plain), hash) in decoded.zip(hashes) {
            if plain.is_ok_and(|plain| plain.len() != header.len as usize) || hash != *header.id.as_bytes() {
                *plain = Err("what the server sent of its content is damaged");
            }
        }
        plains
    }
}

/// A place where a blob is still missing.
struct Target {
    writing: Arc<Writing>,
    chunk: ChunkRef,
    offset: u64,
}

impl Session {
    /// Writes blobs wherever they are missing.
    pub(super) fn write_blobs(&self, blobs: &[Stored], decoder: &mut Decoder, buffer: &mut [u8]) {
        let mut rest = blobs;
        while !rest.is_empty() && !self.is_stopped() {
            let (group, after) = rest.split_at(group_len(rest));
            rest = after;
            let targets = group.iter().map(|blob| (blob, self.blob_targets(&blob.0)));
            let (needed, targets): (Vec<_>, Vec<_>) = targets.filter(|(_, targets)| !targets.is_empty()).unzip();
            for ((plain, (header, _)), targets) in decoder.decode(&needed).into_iter().zip(&needed).zip(targets) {
                self.write_blob(header, plain, &targets, buffer);
            }
        }
    }

    fn write_blob(&self, header: &BlobHeader, plain: Result<&[u8], &str>, targets: &[Target], buffer: &mut [u8]) {
        match plain {
            Ok(plain) => {
                let zero = sparse::is_zero(plain);
                for target in targets {
                    let same = target.chunk.id == header.id && target.chunk.len == header.len;
                    let other = || Trouble::told("restore", "the server sent other content than it announced");
                    self.put_chunk(target, if same { Ok(plain) } else { Err(other()) }, zero, buffer);
                }
            }
            Err(why) => {
                let message = format!("{why} (blob {}); check the repository", header.id.short());
                for target in targets {
                    self.put_chunk(target, Err(Trouble::told("restore", message.clone())), false, buffer);
                }
            }
        }
    }

    /// The places of a blob that nobody else writes.
    fn blob_targets(&self, header: &BlobHeader) -> Vec<Target> {
        let targets = header.targets.iter().filter_map(|target| {
            let writing = self.files.waiting(target.node)?;
            let index = usize::try_from(target.chunk).ok()?;
            let (chunk, offset) = writing.file.content.get(index)?;
            writing.claim_chunk(index).then_some(Target { writing, chunk, offset })
        });
        targets.collect()
    }

    /// Writes a chunk that was claimed, if its content is what it should be, and completes the file with the last one.
    fn put_chunk(&self, target: &Target, content: Result<&[u8], Trouble>, zero: bool, buffer: &mut [u8]) {
        let writing = &target.writing;
        let handle = match content.and_then(|plain| self.write_chunk(target, plain, zero)) {
            Ok(handle) => handle,
            Err(trouble) => {
                self.fail_writing(writing, &trouble);
                None
            }
        };
        if !writing.written() {
            return;
        }
        if writing.is_to_be_given_up() {
            return self.abandon_file(writing);
        }
        match handle.map_or_else(|| self.handle_of(writing), Ok) {
            Ok(handle) => self.finish_file(writing, &handle, buffer),
            Err(trouble) => {
                self.fail_writing(writing, &trouble);
                self.abandon_file(writing);
            }
        }
    }

    /// Gives the handle that was needed, if one was.
    fn write_chunk(&self, target: &Target, plain: &[u8], zero: bool) -> Result<Option<Arc<File>>, Trouble> {
        let writing = &target.writing;
        if zero && writing.holds_zeros() {
            return Ok(None);
        }
        let handle = self.handle_of(writing)?;
        let written = sparse::write(&handle, target.offset, plain, writing.beneath())
            .map_err(|error| Trouble::write("write")(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        self.report.wrote(written);
        // If it ends in zeros the file may be shorter; only the last chunk of a file matters, and it then is set anew.
        if plain.last().is_some_and(|last| *last != 0) {
            writing.extends_to(target.offset + plain.len() as u64);
        }
        Ok(Some(handle))
    }
}

#[cfg(test)]
mod tests {
    use holdfast_chunker::sha256;
    use holdfast_model::BlobId;

    use super::*;

    fn header(plain: &[u8], stored: &[u8], compressed: bool) -> BlobHeader {
        BlobHeader {
            id: BlobId::new(sha256(plain)),
            stored_len: stored.len() as u32,
            len: plain.len() as u32,
            compressed,
            targets: Vec::new(),
        }
    }

    fn raw(plain: &[u8], stored: &'static [u8]) -> Stored {
        (header(plain, plain, false), Bytes::from_static(stored))
    }

    fn compressed(plain: &[u8]) -> Stored {
        let stored = zstd::bulk::compress(plain, 1).unwrap();
        (header(plain, &stored, true), stored.into())
    }

    #[test]
    fn a_blob_that_is_not_its_hash_is_refused_and_its_neighbours_are_not() {
        let mut wrong = compressed(b"one");
        wrong.0.id = BlobId::new(sha256(b"another"));
        let mut cut = compressed(b"cut off");
        cut.1.truncate(cut.1.len() - 1);
        let blobs = [
            raw(b"abc", b"abc"),
            raw(b"abc", b"abd"),
            compressed(&[7; 1000]),
            cut,
            wrong,
            raw(b"abc", b"ab"),
            compressed(b""),
            compressed(b"last"),
        ];
        let mut decoder = Decoder::default();
        for _ in 0..2 {
            let plains = decoder.decode(&blobs.iter().collect::<Vec<_>>());
            let good: Vec<Option<&[u8]>> = plains.iter().map(|plain| plain.ok()).collect();
            let seven = [7; 1000];
            assert_eq!(good, [Some(&b"abc"[..]), None, Some(&seven[..]), None, None, None, Some(b""), Some(b"last")]);
        }
    }

    #[test]
    fn a_bomb_does_not_expand_beyond_what_was_declared() {
        let mut bomb = compressed(&vec![0; 64 << 20]);
        let mut decoder = Decoder::default();
        bomb.0.len = 1 << 20;
        assert!(decoder.decode(&[&bomb])[0].is_err());
        assert!(decoder.plain.capacity() < 2 << 20);
    }

    #[test]
    fn few_bytes_are_decoded_before_they_are_written() {
        let blob = |len: u32| (BlobHeader { len, ..header(b"", b"", false) }, Bytes::new());
        let lengths = |lengths: &[u32]| group_len(&lengths.iter().map(|len| blob(*len)).collect::<Vec<_>>());
        assert_eq!(lengths(&[8 << 20, 8 << 20, 1]), 2);
        assert_eq!(lengths(&[2 << 20, 2 << 20, 1]), 2);
        assert_eq!(lengths(&[8 << 20, 1 << 20, 3 << 20, 4 << 20, 1]), 4);
        assert_eq!(lengths(&[8 << 20, 1 << 20, 8 << 20]), 2);
        assert_eq!(lengths(&[500 << 10, 500 << 10, 24 << 10, 1]), 3);
        assert_eq!(lengths(&[0; 100]), 100);
    }

    #[test]
    fn impossible_lengths_are_refused() {
        let good = header(b"abc", b"abc", false);
        assert!(check(&good).is_ok());
        assert!(check(&BlobHeader { len: 9 << 20, stored_len: 9 << 20, ..good.clone() }).is_err());
        assert!(check(&BlobHeader { stored_len: 2, ..good.clone() }).is_err());
        assert!(check(&BlobHeader { stored_len: u32::MAX, compressed: true, ..good }).is_err());
    }
}
