//! Writes content without writing zeros: runs of them stay, or become, holes.
//!
//! Only whole blocks of 4 KiB as the file has them count, so that holes are such that file systems can keep.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, fallocate};

/// Bytes of the smallest hole.
const BLOCK: u64 = 4096;

/// What lies under the place that is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beneath {
    /// Nothing was ever written there: it reads as zeros.
    Nothing,
    /// Other content.
    Content,
}

/// Writes `data` at `offset`; gives the number of bytes that were really written.
///
/// The file may end before the last zeros: who writes sets its length at the end.
pub(super) fn write(file: &File, offset: u64, data: &[u8], beneath: Beneath) -> io::Result<u64> {
    let mut written = 0;
    let mut at = 0;
    while at < data.len() {
        let (len, zero) = run(&data[at..], offset + at as u64);
        let place = offset + at as u64;
        if !zero {
            file.write_all_at(&data[at..at + len], place)?;
            written += len as u64;
        } else if beneath == Beneath::Content {
            written += punch(file, place, &data[at..at + len])?;
        }
        at += len;
    }
    Ok(written)
}

/// Length of the run of blocks at the start of `data` that are all zero, or all not; and which.
fn run(data: &[u8], offset: u64) -> (usize, bool) {
    let first = ((BLOCK - offset % BLOCK) as usize).min(data.len());
    let zero = is_zero(&data[..first]);
    let more = data[first..].chunks(BLOCK as usize).take_while(|block| is_zero(block) == zero);
    (first + more.map(<[u8]>::len).sum::<usize>(), zero)
}

/// Whether all bytes are zero.
pub(super) fn is_zero(data: &[u8]) -> bool {
    let (words, rest) = data.as_chunks::<16>();
    words.iter().all(|word| u128::from_ne_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0)
}

fn punch(file: &File, offset: u64, zeros: &[u8]) -> io::Result<u64> {
    let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match fallocate(file, mode, offset, zeros.len() as u64) {
        Ok(()) => Ok(0),
        // Not every file system has holes.
        Err(_) => file.write_all_at(zeros, offset).map(|()| zeros.len() as u64),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            runs in proptest::collection::vec((any::<u8>().prop_map(|b| b & 1), 1usize..9000), 1..12),
            offset in 0u64..10_000,
            old in 0usize..40_000,
        ) {
            let data: Vec<u8> = runs.iter().flat_map(|(byte, len)| std::iter::repeat_n(*byte, *len)).collect();
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&vec![7; old], 0).unwrap();
            let beneath = if old == 0 { Beneath::Nothing } else { Beneath::Content };
            write(&file, offset, &data, beneath).unwrap();
            file.set_len((old as u64).max(offset + data.len() as u64)).unwrap();
            let mut expected = vec![7; old];
            expected.resize(expected.len().max(offset as usize + data.len()), 0);
            expected[offset as usize..][..data.len()].copy_from_slice(&data);
            let mut found = vec![0; expected.len()];
            file.read_exact_at(&mut found, 0).unwrap();
            prop_assert!(found == expected);
        }
    }

    #[test]
    fn zeros_take_no_space_not_even_where_data_was() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![1; 1 << 20], 0).unwrap();
        let mut data = vec![0; 1 << 20];
        data[0] = 1;
        assert_eq!(write(&file, 0, &data, Beneath::Content).unwrap(), BLOCK);
        assert!(file.metadata().unwrap().blocks() <= 2 * BLOCK / 512);
    }
}
