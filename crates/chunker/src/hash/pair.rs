//! Two SHA-256 compressions at the same time, with the x86 SHA extensions.
//!
//! The instruction that does two rounds has a latency of four cycles, and a processor can begin one every two: a single
//! message leaves half of its unit idle, because each round waits for the one before. Two messages in turn fill it.
//! Rounds and message schedule: FIPS 180-4, section 6.2; the order of the words in registers: Intel, "SHA Extensions"
//! (2013). What a message is, and its padding, are not known here.

#![expect(unsafe_code, reason = "instructions that not every processor has, called after it was asked for them")]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x, _mm_sha256msg1_epu32,
    _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};

/// What the compression function takes at a time.
pub(super) type Block = [u8; 64];

/// A proof that this processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair(());

impl Pair {
    pub(super) fn detect() -> Option<Self> {
        let has =
            is_x86_feature_detected!("sha") && is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("sse4.1");
        has.then_some(Self(()))
    }

    /// Takes the blocks of two messages into their states; as many of each as the shorter one has.
    pub(super) fn compress(self, one: (&mut [u32; 8], &[Block]), other: (&mut [u32; 8], &[Block])) {
        // SAFETY: `self` is only made when the processor has every instruction that the function is compiled for.
        unsafe { compress([one.0, other.0], [one.1, other.1]) }
    }
}

/// The round constants, four a group of rounds.
const K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn compress(states: [&mut [u32; 8]; 2], blocks: [&[Block]; 2]) {
    // Written out: with every index a constant, nothing leaves the registers.
    macro_rules! four_rounds_each {
        ($lanes:ident, $words:ident, $($group:literal)*) => {
            $(four_rounds::<$group>(&mut $lanes, &mut $words);)*
        };
    }
    let mut lanes = [to_registers(states[0]), to_registers(states[1])];
    for (first, second) in blocks[0].iter().zip(blocks[1]) {
        let before = lanes;
        let mut words = [message(first), message(second)];
        four_rounds_each!(lanes, words, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for (lane, before) in lanes.iter_mut().zip(before) {
            *lane = [_mm_add_epi32(lane[0], before[0]), _mm_add_epi32(lane[1], before[1])];
        }
    }
    for (state, lane) in states.into_iter().zip(lanes) {
        *state = from_registers(lane);
    }
}

/// Four rounds of both messages; then the words of the schedule that the group four later needs.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn four_rounds<const GROUP: usize>(lanes: &mut [[__m128i; 2]; 2], words: &mut [[__m128i; 4]; 2]) {
    let [k0, k1, k2, k3] = K[GROUP];
    let constants = words_of(k3, k2, k1, k0);
    for ([abef, cdgh], words) in lanes.iter_mut().zip(words) {
        let [w0, w4, w8, w12] = [0, 1, 2, 3].map(|group| words[(GROUP + group) % 4]);
        let sum = _mm_add_epi32(w0, constants);
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0E>(sum));
        if GROUP < 12 {
            let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8::<4>(w12, w8));
            words[GROUP % 4] = _mm_sha256msg2_epu32(sum, w12);
        }
    }
}

/// The sixteen words of a block, big-endian as they stand there.
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn message(block: &Block) -> [__m128i; 4] {
    let swap = _mm_set_epi64x(0x0C0D_0E0F_0809_0A0B, 0x0405_0607_0001_0203);
    let half = |at: usize| i64::from_le_bytes(block[at..at + 8].try_into().expect("eight bytes"));
    [0, 16, 32, 48].map(|at| _mm_shuffle_epi8(_mm_set_epi64x(half(at + 8), half(at)), swap))
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn words_of(a: u32, b: u32, c: u32, d: u32) -> __m128i {
    _mm_set_epi32(a.cast_signed(), b.cast_signed(), c.cast_signed(), d.cast_signed())
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn to_registers(&[a, b, c, d, e, f, g, h]: &[u32; 8]) -> [__m128i; 2] {
    [words_of(a, b, e, f), words_of(c, d, g, h)]
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn from_registers([abef, cdgh]: [__m128i; 2]) -> [u32; 8] {
    let words = |register| {
        [
            _mm_extract_epi32::<3>(register).cast_unsigned(),
            _mm_extract_epi32::<2>(register).cast_unsigned(),
            _mm_extract_epi32::<1>(register).cast_unsigned(),
            _mm_extract_epi32::<0>(register).cast_unsigned(),
        ]
    };
    let ([a, b, e, f], [c, d, g, h]) = (words(abef), words(cdgh));
    [a, b, c, d, e, f, g, h]
}
