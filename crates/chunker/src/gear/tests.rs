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
    let numbers: Vec<u64> = (0..=255).map(number).collect();
    let ends = |len: &usize| {
        let window = &data[len - 64..*len];
        let hash = window.iter().fold(0u64, |hash, &b| (hash << 1).wrapping_add(numbers[usize::from(b)]));
        let bits = if *len <= limits.avg() { limits.avg().ilog2() + 2 } else { limits.avg().ilog2() - 2 };
        hash >> (64 - bits) == 0
    };
    (limits.min()..=data.len().min(limits.max())).find(ends).unwrap_or(data.len().min(limits.max()))
}

#[test]
fn cuts_are_where_the_definition_says() {
    let seed = [3; 32];
    for limits in [Limits::new(64, 512, 2048).unwrap(), Limits::new(100, 64 << 10, 300_000).unwrap()] {
        let data = random(4, 2 << 20);
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
    1059348, 1189195, 1339099, 1128225, 1050912, 1150419, 1099461, 1054706, 2686230, 1161483, 1410808, 1524677,
    1145245, 1328753, 1346505, 1177428, 1547233, 1365756, 1254014, 146327,
];
