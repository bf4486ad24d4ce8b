//! Content that comes in: decoded within its declared length, proven to be what its name says, written where it belongs.
//!
//! Nothing is written that was not proven. A blob that is damaged fails the files that need it; the others go on.

use std::fs::File;
use std::sync::Arc;

use holdfast_chunker::sha256;
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

/// Decodes blobs; keeps its memory from one to the next.
pub(super) struct Decoder {
    zstd: zstd::bulk::Decompressor<'static>,
    plain: Vec<u8>,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { zstd: zstd::bulk::Decompressor::default(), plain: Vec::new() }
    }

    /// The plaintext, if it is what the header says.
    fn decode<'a>(&'a mut self, header: &BlobHeader, stored: &'a [u8]) -> Result<&'a [u8], &'static str> {
        let plain = if header.compressed {
            self.plain.clear();
            self.plain.reserve_exact(header.len as usize);
            let decoded = self.zstd.decompress_to_buffer(stored, &mut self.plain);
            decoded.map_err(|_| "what the server sent of its content does not decompress")?;
            &self.plain[..]
        } else {
            stored
        };
        if plain.len() != header.len as usize || sha256(plain) != *header.id.as_bytes() {
            return Err("what the server sent of its content is damaged");
        }
        Ok(plain)
    }
}

/// A place where a blob is still missing.
struct Target {
    writing: Arc<Writing>,
    chunk: ChunkRef,
    offset: u64,
}

impl Session {
    /// Writes a blob wherever it is missing.
    pub(super) fn write_blob(&self, header: &BlobHeader, stored: &[u8], decoder: &mut Decoder, buffer: &mut [u8]) {
        let targets = self.blob_targets(header);
        if targets.is_empty() {
            return;
        }
        match decoder.decode(header, stored) {
            Ok(plain) => {
                let zero = sparse::is_zero(plain);
                for target in &targets {
                    let same = target.chunk.id == header.id && target.chunk.len == header.len;
                    let other = || Trouble::told("restore", "the server sent other content than it announced");
                    self.put_chunk(target, if same { Ok(plain) } else { Err(other()) }, zero, buffer);
                }
            }
            Err(why) => {
                let message = format!("{why} (blob {}); check the repository", header.id.short());
                for target in &targets {
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

    #[test]
    fn a_blob_that_is_not_its_hash_is_refused() {
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode(&header(b"abc", b"abc", false), b"abc"), Ok(&b"abc"[..]));
        assert!(decoder.decode(&header(b"abc", b"abd", false), b"abd").is_err());
        assert!(decoder.decode(&header(b"abc", b"ab", false), b"ab").is_err());
    }

    #[test]
    fn a_bomb_does_not_expand_beyond_what_was_declared() {
        let plain = vec![0; 64 << 20];
        let bomb = zstd::bulk::compress(&plain, 1).unwrap();
        let mut decoder = Decoder::new();
        let mut header = header(&plain, &bomb, true);
        header.len = 1 << 20;
        assert!(decoder.decode(&header, &bomb).is_err());
        assert!(decoder.plain.capacity() < 2 << 20);
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
