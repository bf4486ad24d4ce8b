//! What `rabin` promises, as tests.

use super::*;
use crate::Chunker;
use crate::chunker::tests::{lengths, random};

#[test]
fn cuts_are_restics() {
    // Made with restic 0.19.1: the lengths of the blobs of this file in a repository with this polynomial.
    let mut data = random(5, 24 << 20);
    data[9 << 20..][..2 << 20].fill(0);
    let mut chunker = Chunker::rabin(&RabinTables::new(POLYNOMIAL).unwrap(), Limits::RESTIC);
    assert_eq!(lengths(&mut chunker, &data, []), GOLDEN);
}

#[test]
fn a_polynomial_that_is_none_is_refused() {
    let error = RabinTables::new(1 << 53 | 1).unwrap_err();
    assert!(error.to_string().contains("0x20000000000001"), "{error}");
}

const POLYNOMIAL: u64 = 0x003f_1449_f91e_90dd;
const GOLDEN: &[usize] = &[
    2445978, 586844, 1243209, 1261392, 886296, 1546162, 1035650, 524288, 524288, 524288, 524288, 3513046, 1525115,
    2163668, 1572705, 3173325, 1054975, 907388, 152919,
];
