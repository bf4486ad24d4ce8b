//! The hash that names a chunk.

use sha2::Digest;

/// SHA-256 of all of `data`.
pub(super) fn sha256(data: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(data).into()
}

/// SHA-256 of bytes that come in pieces.
#[derive(Default)]
pub(super) struct Sha256(sha2::Sha256);

impl Sha256 {
    pub(super) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
