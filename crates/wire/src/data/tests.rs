//! Compressed data decodes to what it was, or is refused.

use super::*;
use proptest::prelude::*;
use std::io::Write;

fn compressed(data: &[u8]) -> Vec<u8> {
    Compressor::new().compress(data).expect("it compresses").to_vec()
}

fn decompressed(bytes: &[u8], len: usize) -> Result<Vec<u8>, DataError> {
    Decompressor::new().decompress(bytes, len).map(<[u8]>::to_vec)
}

#[test]
fn data_of_every_size_comes_back() {
    let (mut compressor, mut decompressor) = (Compressor::new(), Decompressor::new());
    for len in [40, 255, 256, 257, 70_000, 256 << 10, 600_000, MAX_DATA] {
        let data: Vec<u8> = (0..len).map(|i| (i / 50) as u8).collect();
        let short = compressor.compress(&data).unwrap();
        assert_eq!(decompressor.decompress(short, len), Ok(data.as_slice()));
    }
}

#[test]
fn data_that_does_not_get_shorter_is_left_as_it_is() {
    let mut state = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    })
    .take(100_000)
    .collect();
    let mut compressor = Compressor::new();
    assert!(compressor.compress(&noise).is_none());
    assert!(compressor.compress(&[]).is_none());
    assert!(compressor.compress(&[0; 100]).is_some());
}

#[test]
fn another_length_than_declared_is_refused() {
    let bytes = compressed(&[7; 5000]);
    for len in [0, 4999, 5001, MAX_DATA] {
        assert_eq!(decompressed(&bytes, len), Err(DataError::Length { declared: len }));
    }
    let bomb = zstd::bulk::compress(&vec![0; MAX_DATA + 1], 1).unwrap();
    assert!(decompressed(&bomb, MAX_DATA + 1).is_err());
}

#[test]
fn a_header_that_lies_about_the_length_is_refused() {
    let mut bytes = compressed(&[7; 5000]);
    // A content size of two bytes stands behind magic and descriptor.
    assert_eq!(u16::from_le_bytes([bytes[5], bytes[6]]) as usize + 256, 5000);
    for len in [4000u16, 6000] {
        bytes[5..7].copy_from_slice(&(len - 256).to_le_bytes());
        assert_eq!(decompressed(&bytes, len.into()), Err(DataError::Damaged));
    }
}

#[test]
fn trailing_bytes_a_second_frame_and_skippable_frames_are_refused() {
    let bytes = compressed(&[7; 5000]);
    assert_eq!(decompressed(&[&bytes[..], &[0]].concat(), 5000), Err(DataError::Trailing));
    assert_eq!(decompressed(&[&bytes[..], &bytes].concat(), 5000), Err(DataError::Trailing));
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &bytes].concat();
    assert_eq!(decompressed(&skippable, 5000), Err(DataError::Header));
    for cut in 0..bytes.len() {
        assert!(decompressed(&bytes[..cut], 5000).is_err());
    }
}

#[test]
fn dictionaries_large_windows_and_unknown_sizes_are_refused() {
    let mut bytes = compressed(&[7; 5000]);
    bytes[4] |= 1;
    assert_eq!(decompressed(&bytes, 5000), Err(DataError::Options));
    let mut stream = zstd::Encoder::new(Vec::new(), 1).unwrap();
    stream.write_all(&[7; 5000]).unwrap();
    assert_eq!(decompressed(&stream.finish().unwrap(), 5000), Err(DataError::Options));
    let mut stream = zstd::Encoder::new(Vec::new(), 1).unwrap();
    stream.set_pledged_src_size(Some(5000)).unwrap();
    stream.include_contentsize(true).unwrap();
    stream.window_log(21).unwrap();
    stream.write_all(&[7; 5000]).unwrap();
    let bytes = stream.finish().unwrap();
    assert_eq!(decompressed(&bytes, 5000).unwrap(), [7; 5000]);
    let windowed = [&MAGIC[..], &[0x40, (21 - 10) << 3], &4744u16.to_le_bytes(), &[0]].concat();
    assert_eq!(content_size(&windowed), Err(DataError::Options));
}

proptest! {
    #[test]
    fn arbitrary_and_damaged_bytes_never_decode_to_another_length(
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut damaged = compressed(&(0..5000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
        let at = at.index(damaged.len());
        damaged[at] = byte;
        for bytes in [damaged, noise.clone(), [&MAGIC[..], &noise].concat()] {
            if let Ok(data) = decompressed(&bytes, 20_000) {
                prop_assert_eq!(data.len(), 20_000);
            }
        }
    }
}
