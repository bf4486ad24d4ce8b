//! What `gear` promises, as tests.

use super::*;
use crate::chunker::tests::{lengths, random};
use crate::{Chunker, sha256};

/// The definition, without any shortcut: looks at each length of a chunk in turn.
fn by_definition(seed: &[u8; 32], limits: Limits, data: &[u8]) -> usize {
    let number = |byte: u8| {
        let digest = sha256(&[b"holdfast gear v1".as_slice(), seed, &[byte]].concat());
        u64::from_le_bytes(digest[..8].try_into().unwrap())
    };
    let numbers: Vec<u64> = (0..=255).map(|byte| if byte == 0 { 0 } else { number(byte) | 1 }).collect();
    let ends = |len: &usize| {
        let window = &data[len - 64..*len];
        let hash = window.iter().fold(0u64, |hash, &b| (hash << 1).wrapping_add(numbers[usize::from(b)]));
        let bits = if *len <= limits.avg() { limits.avg().ilog2() + 1 } else { limits.avg().ilog2() - 1 };
        let run = data[..*len].iter().rev().take_while(|byte| **byte == 0).count();
        if hash == 0 { run >= 4096 } else { hash >> (64 - bits) == 0 }
    };
    (limits.min()..=data.len().min(limits.max())).find(ends).unwrap_or(data.len().min(limits.max()))
}

#[test]
fn cuts_are_where_the_definition_says() {
    let seed = [3; 32];
    for limits in [Limits::new(64, 512, 2048).unwrap(), Limits::new(100, 64 << 10, 300_000).unwrap()] {
        let mut data = random(4, 2 << 20);
        // Runs of zeros of all lengths around those that matter, and some that are long.
        let mut place = 1000;
        for zeros in [1, 63, 64, 65, 100, 4095, 4096, 4097, 5000, 70_000, 4096, 300_001, 12_289] {
            data[place..place + zeros].fill(0);
            place += zeros + 50_000 + place % 7919;
        }
        let mut chunker = Chunker::gear(&GearTable::new(&seed), limits);
        let mut rest = data.as_slice();
        for len in lengths(&mut chunker, &data, []) {
            assert_eq!(len, by_definition(&seed, limits, rest));
            rest = &rest[len..];
        }
    }
}

#[test]
fn cuts_never_change_between_versions() {
    let mut data = random(5, 24 << 20);
    data[9 << 20..][..2 << 20].fill(0);
    let mut chunker = Chunker::gear(&GearTable::new(&std::array::from_fn(|i| i as u8)), Limits::RESTIC);
    assert_eq!(lengths(&mut chunker, &data, []), GOLDEN);
}

const GOLDEN: &[usize] = &[
    899010, 1104627, 688833, 569932, 1537428, 720789, 1535346, 1670419, 714896, 524288, 524288, 524288, 1136391,
    1081556, 528699, 1092339, 927541, 970897, 1502745, 1249577, 1739822, 1990517, 1931596,
];

#[test]
fn what_lies_scattered_over_zeros_lies_in_chunks_of_its_own_size() {
    let block = 64 << 10;
    let mut data = vec![0; 48 << 20];
    let places = [3 << 20, 9 << 20, 10 << 20, 20 << 20, 47 << 20];
    for (seed, place) in places.into_iter().enumerate() {
        data[place..place + block].copy_from_slice(&random(seed as u64, block));
    }
    let mut chunker = Chunker::gear(&GearTable::new(&[9; 32]), Limits::RESTIC);
    let mut zeros = 0;
    let mut rest = data.as_slice();
    for len in lengths(&mut chunker, &data, []) {
        let (chunk, after) = rest.split_at(len);
        zeros += usize::from(len == Limits::RESTIC.min() && chunk.iter().all(|byte| *byte == 0));
        assert!(len <= Limits::RESTIC.min() + block + 4096 || after.is_empty(), "{len}");
        rest = after;
    }
    assert!(zeros > 70, "{zeros} of 96");
}

#[test]
fn a_change_in_a_large_file_makes_few_chunks_new() {
    let (before, at, changed) = (random(6, 48 << 20), 24 << 20, 1 << 20);
    let mut after = before.clone();
    after[at..at + changed].fill(0x5a);
    let places = |chunker: &mut Chunker, data: &[u8]| {
        let mut start = 0;
        let mut place = |len| {
            start += len;
            (start - len, len)
        };
        lengths(chunker, data, []).into_iter().map(&mut place).collect::<Vec<_>>()
    };
    let mut new: Vec<usize> = (0..9)
        .map(|seed| {
            let mut chunker = Chunker::gear(&GearTable::new(&[seed; 32]), Limits::RESTIC);
            let old = places(&mut chunker, &before);
            let is_old =
                |place: &(usize, usize)| old.contains(place) && (place.0 + place.1 <= at || place.0 >= at + changed);
            places(&mut chunker, &after).into_iter().filter(|place| !is_old(place)).map(|(_, len)| len).sum()
        })
        .collect();
    new.sort_unstable();
    assert!(new[4] < 4 << 20 && new[8] < 8 << 20, "{new:?}");
}
