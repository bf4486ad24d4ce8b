//! Cuts a stream of bytes into chunks.

use holdfast_chunker::{Chunker, GearTable, Limits, RabinTables, sha256};
use holdfast_model::BlobId;
use holdfast_wire::ChunkerSpec;
use holdfast_wire::limits::MAX_CHUNK;

/// No chunk is larger.
pub(crate) const LARGEST: usize = Limits::RESTIC.max();
const _: () = assert!(LARGEST <= MAX_CHUNK);

/// The chunker of a job, and what it makes of zeros.
#[derive(Clone)]
pub(crate) struct Cutter {
    chunker: Chunker,
    zeros: ZeroChunk,
}

/// The chunk that every long run of zeros is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ZeroChunk {
    pub(crate) id: BlobId,
    pub(crate) len: u32,
}

/// A chunk that is being collected: cut as its bytes come.
pub(crate) struct Cutting<'a> {
    cutter: &'a mut Cutter,
    /// How many bytes have been looked at.
    done: usize,
}

impl Cutter {
    /// Fails with a sentence if the server sent parameters that no repository has.
    pub(crate) fn new(spec: &ChunkerSpec) -> Result<Self, String> {
        let chunker = match spec {
            ChunkerSpec::Gear { seed } => Chunker::gear(&GearTable::new(seed), Limits::RESTIC),
            ChunkerSpec::Rabin { polynomial } => {
                let tables = RabinTables::new(*polynomial).map_err(|error| error.to_string())?;
                Chunker::rabin(&tables, Limits::RESTIC)
            }
        };
        let zeros = ZeroChunk::of(chunker.clone());
        Ok(Self { chunker, zeros })
    }

    /// What a run of zeros that begins with a chunk is cut into, if it is long enough.
    pub(crate) fn zeros(&self) -> ZeroChunk {
        self.zeros
    }

    /// Begins another stream.
    pub(crate) fn reset(&mut self) {
        self.chunker.reset();
    }

    /// Begins the next chunk of the stream.
    pub(crate) fn begin(&mut self) -> Cutting<'_> {
        Cutting { cutter: self, done: 0 }
    }
}

impl Cutting<'_> {
    /// Looks at the bytes that were added to the chunk's. If it ends among them, gives its length.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Option<usize> {
        let added = &bytes[self.done..];
        let cut = self.cutter.chunker.next_cut(added);
        self.done += cut.unwrap_or(added.len());
        cut.map(|_| self.done)
    }
}

impl ZeroChunk {
    fn of(mut chunker: Chunker) -> Self {
        let zeros = vec![0; LARGEST];
        let len = chunker.next_cut(&zeros).unwrap_or(LARGEST);
        Self { id: BlobId::new(sha256(&zeros[..len])), len: len as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(cutter: &mut Cutter, data: &[u8], step: usize) -> Vec<usize> {
        cutter.reset();
        let mut chunks = Vec::new();
        let mut rest = data;
        while !rest.is_empty() {
            let mut cutting = cutter.begin();
            let mut end = 0;
            let len = loop {
                end = rest.len().min(end + step);
                match cutting.look(&rest[..end]) {
                    Some(cut) => break cut,
                    None if end == rest.len() => break end,
                    None => {}
                }
            };
            chunks.push(len);
            rest = &rest[len..];
        }
        chunks
    }

    #[test]
    fn chunks_are_the_same_however_the_bytes_come() {
        let mut state = 1u32;
        let data: Vec<u8> = (0..5_000_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let mut cutter = Cutter::new(&ChunkerSpec::Gear { seed: [3; 32] }).unwrap();
        let whole = chunks(&mut cutter, &data, data.len());
        assert!(whole.len() > 1);
        assert_eq!(chunks(&mut cutter, &data, 100_001), whole);
        assert_eq!(whole.iter().sum::<usize>(), data.len());
    }

    #[test]
    fn zeros_are_cut_as_foretold() {
        for spec in [ChunkerSpec::Gear { seed: [3; 32] }, ChunkerSpec::Rabin { polynomial: 0x3DA3358B4DC173 }] {
            let mut cutter = Cutter::new(&spec).unwrap();
            let ZeroChunk { id, len } = cutter.zeros();
            assert_eq!(id, BlobId::new(sha256(&vec![0; len as usize])));
            assert_eq!(chunks(&mut cutter, &vec![0; 3 * len as usize], 1 << 18), [len as usize; 3]);
        }
        assert!(Cutter::new(&ChunkerSpec::Rabin { polynomial: 4 }).is_err());
    }
}
