//! What holds for every chunker: limits, independence of slicing, resynchronization.

use proptest::prelude::*;

use super::*;
use crate::limits::Limits;

const SMALL: (usize, usize, usize) = (256, 1024, 2048);

fn small() -> Limits {
    Limits::new(SMALL.0, SMALL.1, SMALL.2).unwrap()
}

fn both(limits: Limits) -> [Chunker; 2] {
    let tables = RabinTables::new(0x0025_b468_838d_cb75).unwrap();
    [Chunker::gear(&GearTable::new(&[7; 32]), limits), Chunker::rabin(&tables, limits)]
}

pub(crate) fn random(mut seed: u64, len: usize) -> Vec<u8> {
    // SplitMix64.
    let next = |_| {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31).to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(next).collect();
    bytes.truncate(len);
    bytes
}

/// The lengths of the chunks of a stream that comes in slices of the given lengths, the last being the rest.
pub(crate) fn lengths(chunker: &mut Chunker, data: &[u8], slices: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let (mut found, mut len, mut rest) = (Vec::new(), 0, data);
    let mut slices = slices.into_iter();
    while !rest.is_empty() {
        let (mut slice, after) = rest.split_at(slices.next().unwrap_or(rest.len()).min(rest.len()));
        rest = after;
        while let Some(cut) = chunker.next_cut(slice) {
            assert!((1..=slice.len()).contains(&cut), "a cut lies behind a byte of the slice");
            found.push(len + cut);
            len = 0;
            slice = &slice[cut..];
        }
        len += slice.len();
    }
    chunker.reset();
    found.extend((len > 0).then_some(len));
    found
}

#[test]
fn a_chunk_is_never_longer_than_the_maximum_nor_shorter_than_the_minimum_unless_last() {
    let data = random(1, 30 << 20);
    for mut chunker in both(small()) {
        let found = lengths(&mut chunker, &data, []);
        let (_, full) = found.split_last().unwrap();
        assert!(full.iter().all(|len| (SMALL.0..=SMALL.2).contains(len)));
        assert_eq!(full.iter().min(), Some(&SMALL.0), "a cut after exactly the minimum is found");
        assert_eq!(full.iter().max(), Some(&SMALL.2), "a chunk without a cut ends at the maximum");
        assert_eq!(found.iter().sum::<usize>(), data.len());
    }
}

#[test]
fn chunks_of_random_data_are_as_long_as_documented() {
    let data = random(2, 64 << 20);
    for (mut chunker, expected) in both(Limits::new(32 << 10, 64 << 10, 512 << 10).unwrap()).into_iter().zip([85, 96]) {
        let count = lengths(&mut chunker, &data, []).len();
        let average = data.len() / count / 1024;
        assert!((expected - 6..=expected + 6).contains(&average), "{chunker:?}: {average} KiB");
    }
}

#[test]
fn runs_of_one_byte_are_cut_all_alike() {
    for mut chunker in both(small()) {
        for byte in [0, 1, 255] {
            let found = lengths(&mut chunker, &vec![byte; 100_000], []);
            assert!(found[..found.len() - 1].windows(2).all(|pair| pair[0] == pair[1]), "{found:?}");
        }
    }
}

#[test]
fn a_reset_chunker_starts_anew() {
    let data = random(3, 100_000);
    for mut chunker in both(small()) {
        let whole = lengths(&mut chunker, &data, []);
        assert_eq!(chunker.next_cut(&data[..100]), None);
        chunker.reset();
        assert_eq!(lengths(&mut chunker, &data, []), whole);
    }
}

#[test]
fn nothing_changes_nothing() {
    for mut chunker in both(small()) {
        assert_eq!(chunker.next_cut(&[]), None);
    }
}

proptest! {
    #[test]
    fn cuts_do_not_depend_on_how_the_stream_is_sliced(
        seed: u64,
        zeros in 0..200_000usize,
        slices in prop::collection::vec(prop_oneof![0..4usize, 50..80usize, 0..600usize, 0..100_000usize], 0..400),
    ) {
        let mut data = random(seed, 900_000);
        data[200_000..200_000 + zeros].fill(0);
        // Small chunks, and chunks of many blocks.
        for limits in [small(), Limits::new(1000, 64 << 10, 300_000).unwrap()] {
            for mut chunker in both(limits) {
                let whole = lengths(&mut chunker, &data, []);
                prop_assert_eq!(lengths(&mut chunker, &data, slices.iter().copied()), whole);
            }
        }
    }

    #[test]
    fn after_a_change_the_cuts_are_found_again(seed: u64, at in 0..20_000usize, gone in 0..50usize, new in 0..50usize) {
        let old = random(seed, 200_000);
        let mut changed = old.clone();
        changed.splice(at..at + gone, random(!seed, new));
        for mut chunker in both(small()) {
            let mut cuts = |data: &[u8]| -> Vec<usize> {
                let ends = lengths(&mut chunker, data, []).into_iter().scan(0, |end, len| { *end += len; Some(*end) });
                ends.map(|end| data.len() - end).collect()
            };
            let (before, after) = (cuts(&old), cuts(&changed));
            let same = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
            // The change is in the first tenth; some chunks may pass before the cuts meet again.
            prop_assert!(same * 4 > before.len(), "{same} of {}", before.len());
        }
    }
}
