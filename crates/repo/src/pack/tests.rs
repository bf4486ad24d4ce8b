//! Packs written and read back, and damaged ones refused.

use holdfast_model::{BlobId, PackId};
use holdfast_store::{FileKind, MemoryStore, Store};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::crypto::Key;

fn id_of(plain: &[u8]) -> BlobId {
    BlobId::new(Sha256::digest(plain).into())
}

/// Plaintexts of every sort: empty, small, large, that compress and that do not.
fn plaintexts() -> Vec<Vec<u8>> {
    let noise = |length: usize| {
        let mut bytes = vec![0; length];
        crate::crypto::fill_random(&mut bytes);
        bytes
    };
    let text = |length: usize| b"the quick brown fox ".repeat(length / 20 + 1)[..length].to_vec();
    let lengths = [1, 100, 20_000, 70_000, 300_000, 1 << 20];
    let mut all: Vec<Vec<u8>> = lengths.iter().flat_map(|&length| [noise(length), text(length)]).collect();
    all.push(Vec::new());
    all
}

fn write(key: &Key, kind: BlobKind, encoder: &mut BlobEncoder, plaintexts: &[Vec<u8>]) -> FinishedPack {
    write_as(Compression::Auto, key, kind, encoder, plaintexts)
}

fn write_as(
    compression: Compression,
    key: &Key,
    kind: BlobKind,
    encoder: &mut BlobEncoder,
    plaintexts: &[Vec<u8>],
) -> FinishedPack {
    let mut pack = OpenPack::new(kind);
    for plain in plaintexts {
        let sealed = encoder.encode(key, kind, plain, compression).unwrap();
        pack.add(id_of(plain), sealed);
    }
    pack.finish(key).unwrap()
}

fn decode_all(key: &Key, pack: &FinishedPack) -> Vec<Vec<u8>> {
    let bytes = pack.parts.concat();
    let decoder = BlobDecoder::default();
    let blobs = pack.blobs.iter();
    blobs
        .map(|blob| {
            let mut sealed = bytes[blob.offset as usize..][..blob.stored_length as usize].to_vec();
            decoder.decode(key, &blob.id, &mut sealed, blob.uncompressed_length).unwrap()
        })
        .collect()
}

#[test]
fn blobs_come_back_whatever_the_compression() {
    let (key, plaintexts) = (Key::random(), plaintexts());
    let level = Compression::Level(CompressionLevel::new(7).unwrap());
    // One encoder for all of them: sessions of different efforts share it.
    let encoder = &mut BlobEncoder::new(true);
    for compression in [Compression::Auto, Compression::Off, Compression::Fast, Compression::Best, level] {
        for kind in [BlobKind::Data, BlobKind::Tree] {
            let pack = write_as(compression, &key, kind, encoder, &plaintexts);
            assert_eq!(decode_all(&key, &pack), plaintexts);
            let compressed = pack.blobs.iter().filter(|blob| blob.uncompressed_length != 0).count();
            let expected = match (kind, compression) {
                (BlobKind::Data, Compression::Off) => 0,
                (BlobKind::Tree, _) => plaintexts.len() - 1,
                // The texts but for the one of one byte.
                (BlobKind::Data, _) => 5,
            };
            assert_eq!(compressed, expected);
        }
    }
}

#[test]
fn a_pack_is_listed_from_its_own_header() {
    let (key, store) = (Key::random(), MemoryStore::new());
    // Enough blobs that the header is longer than the first read.
    let plaintexts: Vec<Vec<u8>> = (0..1000u32).map(|n| n.to_le_bytes().repeat(1 + n as usize % 40)).collect();
    let encoder = &mut BlobEncoder::new(false);
    for count in [1, 1000] {
        let pack = write(&key, BlobKind::Data, encoder, &plaintexts[..count]);
        let parts: Vec<&[u8]> = pack.parts.iter().map(Vec::as_slice).collect();
        assert_eq!(pack.length, parts.concat().len() as u64);
        assert_eq!(pack.id, PackId::new(Sha256::digest(parts.concat()).into()));
        store.put(FileKind::Pack, &pack.id.into(), &parts).unwrap();
        assert_eq!(list_pack(&store, &key, pack.id, pack.length).unwrap(), pack.blobs);
    }
}

#[test]
fn a_damaged_pack_is_never_listed() {
    let (key, store) = (Key::random(), MemoryStore::new());
    let encoder = &mut BlobEncoder::new(false);
    let pack = write(&key, BlobKind::Tree, encoder, &[b"one".to_vec(), b"two".to_vec()]);
    let bytes = pack.parts.concat();
    let header = bytes.len() - header_length(&pack.blobs) as usize;
    for at in header..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let id = PackId::new([at as u8; 32]);
        store.put(FileKind::Pack, &id.into(), &[&damaged]).unwrap();
        let error = list_pack(&store, &key, id, damaged.len() as u64).unwrap_err();
        assert!(matches!(error, PackError::Damaged { .. }), "{at}: {error}");
    }
    let error = list_pack(&store, &key, pack.id, bytes.len() as u64).unwrap_err();
    assert!(matches!(error, PackError::Read { .. }));
}

#[test]
fn packs_are_merged_without_moving_a_blob_out_of_its_place() {
    let (key, plaintexts) = (Key::random(), plaintexts());
    let encoder = &mut BlobEncoder::new(false);
    let mut packs = plaintexts.chunks(5).map(|plaintexts| {
        let mut pack = OpenPack::new(BlobKind::Data);
        for plain in plaintexts {
            pack.add(id_of(plain), encoder.encode(&key, BlobKind::Data, plain, Compression::Auto).unwrap());
        }
        pack
    });
    let mut first = packs.next().unwrap();
    for other in packs {
        assert!(first.has_room_for(&other, 16 << 20) && !first.has_room_for(&other, first.length()));
        first.absorb(other);
    }
    assert_eq!(decode_all(&key, &first.finish(&key).unwrap()), plaintexts);
}

#[test]
fn what_is_stored_anew_is_verified_against_its_plaintext() {
    let (key, plain) = (Key::random(), b"content ".repeat(100));
    let frame = zstd::bulk::compress(&plain, 3).unwrap();
    let encoder = &mut BlobEncoder::new(true);
    assert!(encoder.seal_stored(&key, &frame, plain.len() as u32, &plain).is_ok());
    assert!(encoder.seal_stored(&key, &plain, 0, &plain).is_ok());
    // A bit flipped in memory between decoding and sealing.
    for at in [0, frame.len() / 2, frame.len() - 1] {
        let mut flipped = frame.clone();
        flipped[at] ^= 4;
        assert!(encoder.seal_stored(&key, &flipped, plain.len() as u32, &plain).is_err(), "{at}");
    }
    let mut flipped = plain.clone();
    flipped[7] ^= 4;
    assert!(encoder.seal_stored(&key, &flipped, 0, &plain).is_err());
}

#[test]
fn a_blob_is_refused_under_another_id_or_length() {
    let key = Key::random();
    let plain = b"content ".repeat(100);
    let encoder = &mut BlobEncoder::new(false);
    let pack = write(&key, BlobKind::Data, encoder, std::slice::from_ref(&plain));
    let (blob, bytes) = (pack.blobs[0], pack.parts.concat());
    let decode = |id: &BlobId, length: u32| {
        let mut sealed = bytes[..blob.stored_length as usize].to_vec();
        BlobDecoder::default().decode(&key, id, &mut sealed, length)
    };
    assert_eq!(decode(&blob.id, 800).unwrap(), plain);
    assert_eq!(decode(&id_of(b"other"), 800), Err(DecodeError::Hash));
    assert_eq!(decode(&blob.id, 799), Err(DecodeError::Compression));
    assert_eq!(decode(&blob.id, 801), Err(DecodeError::Compression));
    assert_eq!(decode(&blob.id, u32::MAX), Err(DecodeError::TooLarge));
    assert_eq!(decode(&blob.id, 0), Err(DecodeError::Hash));
}

proptest! {
    #[test]
    fn any_bytes_come_back(plain in prop::collection::vec(any::<u8>(), 0..5000)) {
        let key = Key::random();
        let encoder = &mut BlobEncoder::new(true);
        let pack = write(&key, BlobKind::Data, encoder, std::slice::from_ref(&plain));
        prop_assert_eq!(decode_all(&key, &pack), vec![plain]);
    }
}
