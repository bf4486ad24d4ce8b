//! Polynomials over GF(2), their coefficients in the bits of a number.
//!
//! A restic repository names one in its configuration: irreducible, of degree 53.

use crate::hash::Sha256;

/// The degree of every chunker polynomial.
pub(super) const DEGREE: u32 = 53;

/// A number that is not a chunker polynomial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{polynomial:#x} is not an irreducible polynomial of degree 53: no chunker can work with it")]
pub struct PolynomialError {
    pub(super) polynomial: u64,
}

/// Whether this is an irreducible polynomial of degree 53, as restic demands of a repository's.
///
/// Rabin's test (SIAM J. Comput. 9(2), 1980). Since 53 is prime, it asks that x^(2^53) = x modulo the polynomial and
/// that it has no root.
pub fn is_irreducible(polynomial: u64) -> bool {
    let has_root = polynomial & 1 == 0 || polynomial.count_ones().is_multiple_of(2);
    if polynomial.checked_ilog2() != Some(DEGREE) || has_root {
        return false;
    }
    const X: u64 = 2;
    (0..DEGREE).fold(X, |power, _| multiply(power, power, polynomial)) == X
}

/// An irreducible polynomial for a new repository, drawn from 32 random bytes.
pub fn random_polynomial(random: &[u8; 32]) -> u64 {
    let candidate = |counter: u64| {
        let mut hash = Sha256::new();
        hash.update(b"holdfast polynomial v1");
        hash.update(random);
        hash.update(&counter.to_le_bytes());
        let [a, b, c, d, e, f, g, h, ..] = hash.finish();
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) & ((1 << DEGREE) - 1) | 1 << DEGREE | 1
    };
    (0..).map(candidate).find(|&polynomial| is_irreducible(polynomial)).expect("one in 27 candidates is irreducible")
}

/// `value` modulo `polynomial`, both of degree below 64.
pub(super) fn reduce(mut value: u64, polynomial: u64) -> u64 {
    let degree = polynomial.ilog2();
    while let Some(top) = value.checked_ilog2()
        && top >= degree
    {
        value ^= polynomial << (top - degree);
    }
    value
}

/// The product of two polynomials of a lower degree, modulo `polynomial`.
fn multiply(a: u64, b: u64, polynomial: u64) -> u64 {
    (0..DEGREE).rev().fold(0, |product, bit| {
        let doubled = reduce(product << 1, polynomial);
        if b >> bit & 1 == 1 { doubled ^ a } else { doubled }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_of_real_repositories_are_irreducible() {
        for polynomial in [0x003d_a335_8b4d_c173, 0x0025_b468_838d_cb75] {
            assert!(is_irreducible(polynomial), "{polynomial:#x}");
        }
    }

    #[test]
    fn products_and_other_degrees_are_refused() {
        // x^53 + 1 has the root 1; the others are a square-free product without roots, and of other degrees.
        let product = carryless(0b111, 1 << 51 | 0b11_0101);
        for polynomial in [0, 1, 2, 0b111, 1 << 53 | 1, product, 0x1b, 1 << 54 | 0b1_0000_0111, u64::MAX] {
            assert!(!is_irreducible(polynomial), "{polynomial:#x}");
        }
        assert!(product.ilog2() == DEGREE && product & 1 == 1 && !product.count_ones().is_multiple_of(2));
    }

    #[test]
    fn one_in_twenty_seven_candidates_is_irreducible() {
        // There are about 2^53 / 53 irreducible polynomials of degree 53, and 2^52 candidates end in 1.
        let found = (0..20_000u64)
            .filter(|i| is_irreducible(1 << DEGREE | i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12 << 1 | 1));
        let found = found.count();
        assert!((600..900).contains(&found), "{found}");
    }

    #[test]
    fn random_bytes_give_a_polynomial_each() {
        let (a, b) = (random_polynomial(&[1; 32]), random_polynomial(&[2; 32]));
        assert!(is_irreducible(a) && is_irreducible(b) && a != b);
    }

    fn carryless(a: u64, b: u64) -> u64 {
        (0..64).filter(|bit| a >> bit & 1 == 1).fold(0, |product, bit| product ^ b << bit)
    }
}
