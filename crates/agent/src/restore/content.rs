//! The content of a file as the snapshot has it: chunks at their offsets, compared with what a file on disk holds.
//!
//! Nothing is believed of a file but its bytes: a chunk is there if what is read at its place has its hash.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use holdfast_chunker::{Sha256, sha256};
use holdfast_model::BlobId;
use holdfast_wire::{ChunkRef, limits};

use super::sparse::{self, Beneath};

/// Bytes read at once.
pub(super) const BUFFER: usize = 256 << 10;

/// Chunks in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Content {
    chunks: Vec<ChunkRef>,
    offsets: Vec<u64>,
    size: u64,
}

impl Content {
    /// Adds chunks at the end; `false` if one is longer than any chunk may be.
    pub(super) fn extend(&mut self, chunks: Vec<ChunkRef>) -> bool {
        if chunks.iter().any(|chunk| chunk.len as usize > limits::MAX_CHUNK) {
            return false;
        }
        for chunk in &chunks {
            self.offsets.push(self.size);
            self.size += u64::from(chunk.len);
        }
        if self.chunks.is_empty() {
            self.chunks = chunks
        } else {
            self.chunks.extend(chunks)
        }
        true
    }

    /// Bytes of all chunks.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    /// A chunk and where it begins.
    pub(super) fn get(&self, index: usize) -> Option<(ChunkRef, u64)> {
        Some((*self.chunks.get(index)?, *self.offsets.get(index)?))
    }

    fn iter(&self) -> impl Iterator<Item = (ChunkRef, u64)> + '_ {
        self.chunks.iter().copied().zip(self.offsets.iter().copied())
    }

    /// For each chunk, whether the file of that size lacks it.
    pub(super) fn missing_in(&self, file: &File, size: u64, buffer: &mut [u8]) -> io::Result<Vec<bool>> {
        self.iter()
            .map(|(chunk, offset)| {
                let inside = offset + u64::from(chunk.len) <= size;
                Ok(chunk.len > 0
                    && !(inside && hash_at(file, offset, chunk.len, buffer, |_, _| Ok(()))? == Some(chunk.id)))
            })
            .collect()
    }

    /// Copies the chunks that are not `missing` from one file to a new one; those that turn out to have changed become
    /// missing. Gives what then lies under the missing ones.
    pub(super) fn copy(&self, from: &File, to: &File, missing: &mut [bool], buffer: &mut [u8]) -> io::Result<Beneath> {
        let mut beneath = Beneath::Nothing;
        for ((chunk, offset), missing) in self.iter().zip(missing) {
            if *missing || chunk.len == 0 {
                continue;
            }
            let keep = |at: u64, data: &[u8]| sparse::write(to, at, data, Beneath::Nothing).map(drop);
            if hash_at(from, offset, chunk.len, buffer, keep)? != Some(chunk.id) {
                *missing = true;
                beneath = Beneath::Content;
            }
        }
        Ok(beneath)
    }

    /// What a new file lacks: everything but the chunks that are known to be zeros, which its holes are.
    pub(super) fn missing_in_new(&self, zeros: &ZeroChunks) -> Vec<bool> {
        self.chunks.iter().map(|chunk| chunk.len > 0 && !zeros.contains(chunk)).collect()
    }

    /// Where the file differs first, if it does.
    pub(super) fn first_difference(&self, file: &File, buffer: &mut [u8]) -> io::Result<Option<u64>> {
        for (chunk, offset) in self.iter() {
            if hash_at(file, offset, chunk.len, buffer, |_, _| Ok(()))? != Some(chunk.id) {
                return Ok(Some(offset));
            }
        }
        let size = file.metadata()?.len();
        Ok((size != self.size).then_some(size.min(self.size)))
    }
}

/// Hash of `len` bytes at an offset, `None` if the file ends before. Every piece read is shown to `each`.
fn hash_at(
    file: &File,
    mut offset: u64,
    len: u32,
    buffer: &mut [u8],
    mut each: impl FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<Option<BlobId>> {
    let mut left = len as usize;
    let mut hash = Sha256::new();
    while left > 0 {
        let room = left.min(buffer.len());
        let got = match file.read_at(&mut buffer[..room], offset) {
            Ok(0) => return Ok(None),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..got]);
        each(offset, &buffer[..got])?;
        offset += got as u64;
        left -= got;
    }
    Ok(Some(BlobId::new(hash.finish())))
}

/// Recognises the chunks into which long runs of zeros are cut, which are of the smallest or largest usual size.
#[derive(Debug, Default)]
pub(super) struct ZeroChunks {
    smallest: OnceLock<BlobId>,
    largest: OnceLock<BlobId>,
}

impl ZeroChunks {
    const SMALLEST: u32 = 512 << 10;
    const LARGEST: u32 = 8 << 20;

    /// Whether this chunk is known to be zeros.
    pub(super) fn contains(&self, chunk: &ChunkRef) -> bool {
        let id = match chunk.len {
            Self::SMALLEST => &self.smallest,
            Self::LARGEST => &self.largest,
            _ => return false,
        };
        *id.get_or_init(|| BlobId::new(sha256(&vec![0; chunk.len as usize]))) == chunk.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(data: &[u8]) -> ChunkRef {
        ChunkRef { id: BlobId::new(sha256(data)), len: data.len() as u32 }
    }

    #[test]
    fn only_chunks_that_differ_are_missing() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"aaaabbbbcc", 0).unwrap();
        let mut content = Content::default();
        assert!(content.extend(vec![chunk(b"aaaa"), chunk(b"BBBB")]));
        assert!(content.extend(vec![chunk(b""), chunk(b"cc"), chunk(b"dd")]));
        let buffer = &mut [0; 3];
        assert_eq!(content.missing_in(&file, 10, buffer).unwrap(), [false, true, false, false, true]);
        assert_eq!(content.first_difference(&file, buffer).unwrap(), Some(4));
        let copy = tempfile::tempfile().unwrap();
        let mut missing = vec![false, true, false, false, true];
        assert_eq!(content.copy(&file, &copy, &mut missing, buffer).unwrap(), Beneath::Nothing);
        assert_eq!(missing, [false, true, false, false, true]);
        let mut wrong = vec![false; 5];
        assert_eq!(content.copy(&file, &copy, &mut wrong, buffer).unwrap(), Beneath::Content);
        assert_eq!(wrong, [false, true, false, false, true]);
    }

    #[test]
    fn a_longer_file_differs() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"aaaa", 0).unwrap();
        let mut content = Content::default();
        content.extend(vec![chunk(b"aaa")]);
        assert_eq!(content.first_difference(&file, &mut [0; 8]).unwrap(), Some(3));
    }

    #[test]
    fn a_chunk_of_zeros_is_recognised() {
        let zeros = ZeroChunks::default();
        assert!(zeros.contains(&chunk(&vec![0; 512 << 10])));
        assert!(zeros.contains(&chunk(&vec![0; 8 << 20])));
        assert!(!zeros.contains(&chunk(&vec![0; 1 << 20])), "of no usual size: fetched as any other");
        assert!(!zeros.contains(&chunk(&vec![1; 512 << 10])));
    }

    #[test]
    fn a_chunk_beyond_every_bound_is_refused() {
        let mut content = Content::default();
        assert!(!content.extend(vec![ChunkRef { id: BlobId::default(), len: (8 << 20) + 1 }]));
    }
}
