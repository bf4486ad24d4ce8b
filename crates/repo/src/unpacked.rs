//! The encoding of files that stand alone: index, snapshot and lock.
//!
//! Plaintext is a JSON document, in format version 2 as `2 || zstd(document)`. Source: restic's design document,
//! "Unpacked Data Format". The config is the exception: never compressed. Where files are kept is not known here.

use std::io::Read;

use crate::crypto::{Key, NONCE_LEN};
use crate::error::FileFault;
use crate::pack::EncodeFault;

/// Largest document that we decompress, in bytes. restic keeps index files near 8 MiB; a snapshot of many paths is smaller.
const MAX_DOCUMENT: u64 = 256 << 20;

/// The encoding version of compressed documents.
const COMPRESSED: u8 = 2;

const LEVEL: i32 = 3;

/// A document as a file of a repository of format version 2, proven to open again.
pub(crate) fn seal_compressed(key: &Key, document: &[u8]) -> Result<Vec<u8>, EncodeFault> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).expect("the level exists");
    let mut buffer = vec![0; NONCE_LEN + 1 + zstd::zstd_safe::compress_bound(document.len())];
    buffer[NONCE_LEN] = COMPRESSED;
    let len = compressor
        .compress_to_buffer(document, &mut buffer[NONCE_LEN + 1..])
        .expect("the buffer is as large as zstd says that it must be");
    buffer.truncate(NONCE_LEN + 1 + len);
    key.seal_in_place(&mut buffer, 0);
    proven(key, buffer, document)
}

/// What was sealed, if it opens to its document: an index file with one wrong bit would stop every later run.
fn proven(key: &Key, sealed: Vec<u8>, document: &[u8]) -> Result<Vec<u8>, EncodeFault> {
    match open(key, &sealed) {
        Ok(opened) if opened == document => Ok(sealed),
        _ => Err(EncodeFault),
    }
}

/// The document in a file.
pub(crate) fn open(key: &Key, sealed: &[u8]) -> Result<Vec<u8>, FileFault> {
    let plain = key.open(sealed).map_err(|_| FileFault::Unauthenticated)?;
    match plain.first() {
        Some(b'{' | b'[') => Ok(plain),
        Some(&COMPRESSED) => decompress(&plain[1..]),
        other => Err(FileFault::Encoding { version: other.copied().unwrap_or(0) }),
    }
}

fn decompress(compressed: &[u8]) -> Result<Vec<u8>, FileFault> {
    let decoder = zstd::stream::read::Decoder::with_buffer(compressed).map_err(|_| FileFault::Compression)?;
    let declared = zstd::zstd_safe::get_frame_content_size(compressed).ok().flatten().unwrap_or(0);
    let mut document = Vec::with_capacity(declared.min(MAX_DOCUMENT) as usize);
    decoder.take(MAX_DOCUMENT + 1).read_to_end(&mut document).map_err(|_| FileFault::Compression)?;
    if document.len() as u64 > MAX_DOCUMENT { Err(FileFault::TooLarge) } else { Ok(document) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_back_whether_compressed_or_not() {
        let key = Key::random();
        let document = format!("[{}]", "1,".repeat(100_000));
        let sealed = seal_compressed(&key, document.as_bytes()).unwrap();
        assert!(sealed.len() < 1000);
        assert_eq!(open(&key, &sealed).unwrap(), document.as_bytes());
        assert_eq!(open(&key, &key.seal(b"{}")).unwrap(), b"{}");
        // As a stream, which does not say its length.
        let mut stream = vec![COMPRESSED];
        stream.extend(zstd::stream::encode_all(document.as_bytes(), 1).unwrap());
        assert_eq!(open(&key, &key.seal(&stream)).unwrap(), document.as_bytes());
    }

    #[test]
    fn a_document_that_does_not_open_again_is_not_written() {
        let key = Key::random();
        let sealed = seal_compressed(&key, b"{}").unwrap();
        let mut flipped = sealed.clone();
        flipped[20] ^= 1;
        assert_eq!(proven(&key, flipped, b"{}"), Err(EncodeFault));
        assert_eq!(proven(&key, sealed, b"[]"), Err(EncodeFault));
    }

    #[test]
    fn other_contents_are_refused() {
        let key = Key::random();
        assert!(matches!(open(&Key::random(), &key.seal(b"{}")), Err(FileFault::Unauthenticated)));
        assert!(matches!(open(&key, b"short"), Err(FileFault::Unauthenticated)));
        assert!(matches!(open(&key, &key.seal(b"")), Err(FileFault::Encoding { version: 0 })));
        assert!(matches!(open(&key, &key.seal(b"\x03x")), Err(FileFault::Encoding { version: 3 })));
        assert!(matches!(open(&key, &key.seal(b"\x02x")), Err(FileFault::Compression)));
    }

    #[test]
    fn a_small_file_cannot_unfold_without_bound() {
        let key = Key::random();
        let mut bomb = vec![COMPRESSED];
        bomb.extend(zstd::stream::encode_all(std::io::repeat(b' ').take(MAX_DOCUMENT + 1), 1).unwrap());
        assert!(matches!(open(&key, &key.seal(&bomb)), Err(FileFault::TooLarge)));
    }
}
