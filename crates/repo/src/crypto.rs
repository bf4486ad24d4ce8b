//! Authenticated encryption of everything in a repository: AES-256-CTR with Poly1305-AES over the ciphertext.
//!
//! A sealed text is `nonce (16) || ciphertext || mac (16)`. Nothing is given out before its MAC is right, and every
//! seal draws a fresh nonce from the kernel. Source: restic's design document, "Keys, Encryption and MAC", and
//! D. J. Bernstein, "The Poly1305-AES message-authentication code" (2005). What is sealed is not known here.

use std::cell::RefCell;
use std::fmt;

use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipher};
use aes::{Aes128, Aes256};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, Mac};
use poly1305::Poly1305;
use poly1305::universal_hash::UniversalHash;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a nonce.
pub const NONCE_LEN: usize = 16;
/// Bytes of a message authentication code.
pub const MAC_LEN: usize = 16;
/// Bytes by which sealing lengthens a text.
pub const OVERHEAD: usize = NONCE_LEN + MAC_LEN;

/// Bytes that pass through cipher and MAC while they are still in the processor's first cache.
const STEP: usize = 16 * 1024;

/// What the seed of the chunker's table is derived under. Changing it makes every chunk new.
const CHUNKER_LABEL: &[u8] = b"holdfast gear table 1";

/// What both halves of the index cache's key are derived under.
const CACHE_LABELS: [&[u8]; 2] = [b"holdfast index cache, encryption", b"holdfast index cache, authentication"];

type Ctr = ctr::cipher::StreamCipherCoreWrapper<CtrCore<Aes256, flavors::Ctr128BE>>;

/// The text is not what was sealed with this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data was changed, or encrypted with another key")]
pub struct Unauthenticated;

/// A part of a key is all zeroes: no program ever makes such a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is all zeroes")]
pub struct ZeroKey;

/// An encryption key with the key of its MAC. Its bytes are wiped when it is dropped.
pub struct Key(Box<Parts>);

struct Parts {
    encrypt: [u8; 32],
    k: [u8; 16],
    r: [u8; 16],
    cipher: Aes256,
    mac_cipher: Aes128,
}

impl Drop for Parts {
    fn drop(&mut self) {
        // The expanded ciphers wipe themselves.
        self.encrypt.zeroize();
        self.k.zeroize();
        self.r.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// A new random key.
    pub fn random() -> Self {
        let mut bytes = Zeroizing::new([0; 64]);
        fill_random(&mut *bytes);
        Self::from_bytes(&bytes).expect("64 random bytes are not zero")
    }

    /// A key of its 64 bytes: 32 for AES-256, 16 `k`, 16 `r`.
    ///
    /// Fails if the encryption key, `k` or `r` is all zeroes.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, ZeroKey> {
        let (encrypt, mac) = bytes.split_first_chunk::<32>().expect("64 is more than 32");
        let (k, rest) = mac.split_first_chunk::<16>().expect("32 is more than 16");
        let (r, _) = rest.split_first_chunk::<16>().expect("16 bytes are left");
        if [&encrypt[..], k, r].iter().any(|part| part.iter().all(|&byte| byte == 0)) {
            return Err(ZeroKey);
        }
        Ok(Self(Box::new(Parts {
            encrypt: *encrypt,
            k: *k,
            r: *r,
            cipher: Aes256::new(encrypt.into()),
            mac_cipher: Aes128::new(k.into()),
        })))
    }

    /// The key for AES-256.
    pub(crate) fn encrypt(&self) -> &[u8; 32] {
        &self.0.encrypt
    }

    /// The AES-128 key that makes one-time pads of nonces.
    pub(crate) fn mac_k(&self) -> &[u8; 16] {
        &self.0.k
    }

    /// The point at which Poly1305 evaluates.
    pub(crate) fn mac_r(&self) -> &[u8; 16] {
        &self.0.r
    }

    /// The seed of the chunker's gear table: the same for every key file of a repository, unknown to its storage.
    pub fn chunker_seed(&self) -> [u8; 32] {
        self.derive(CHUNKER_LABEL)
    }

    /// The key of what is remembered of the index beside the repository. Nothing that was sealed for the repository opens
    /// with it, and the other way round.
    pub(crate) fn index_cache_key(&self) -> Self {
        let mut bytes = Zeroizing::new([0; 64]);
        bytes[..32].copy_from_slice(&self.derive(CACHE_LABELS[0]));
        bytes[32..].copy_from_slice(&self.derive(CACHE_LABELS[1]));
        Self::from_bytes(&bytes).expect("a hash is not zero")
    }

    fn derive(&self, label: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.encrypt()).expect("any length will do");
        for part in [&self.mac_k()[..], self.mac_r(), label] {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Appends `plaintext`, sealed, to `out`.
    pub fn seal_into(&self, out: &mut Vec<u8>, plaintext: &[u8]) {
        out.reserve(plaintext.len() + OVERHEAD);
        let nonce = random_nonce();
        out.extend_from_slice(&nonce);
        let (mut ctr, mut mac) = self.start(&nonce);
        let mut tag = None;
        let mut rest = plaintext;
        while tag.is_none() {
            let (step, left) = rest.split_at(rest.len().min(STEP));
            rest = left;
            let start = out.len();
            out.extend_from_slice(step);
            ctr.apply_keystream(&mut out[start..]);
            tag = mac_step(&mut mac, &out[start..], rest.is_empty());
        }
        out.extend_from_slice(&tag.expect("the loop ends with a tag"));
    }

    /// Seals what stands in `buffer` from `start` on: [`NONCE_LEN`] bytes of room for the nonce, then the plaintext.
    /// The MAC is appended. For texts that are made in place, such as compressed ones.
    ///
    /// # Panics
    ///
    /// If there are fewer than [`NONCE_LEN`] bytes from `start` on.
    pub fn seal_in_place(&self, buffer: &mut Vec<u8>, start: usize) {
        let nonce = random_nonce();
        let (room, text) = buffer[start..].split_at_mut(NONCE_LEN);
        room.copy_from_slice(&nonce);
        let (mut ctr, mut mac) = self.start(&nonce);
        let mut tag = None;
        let mut rest = text;
        while tag.is_none() {
            let (step, left) = rest.split_at_mut(rest.len().min(STEP));
            ctr.apply_keystream(step);
            tag = mac_step(&mut mac, step, left.is_empty());
            rest = left;
        }
        buffer.extend_from_slice(&tag.expect("the loop ends with a tag"));
    }

    /// `plaintext`, sealed.
    pub fn seal(&self, plaintext: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.seal_into(&mut out, plaintext);
        out
    }

    /// Decrypts a sealed text where it stands and gives the part of `sealed` that is the plaintext.
    ///
    /// On failure nothing was changed.
    pub fn open_in_place<'a>(&self, sealed: &'a mut [u8]) -> Result<&'a mut [u8], Unauthenticated> {
        let (nonce, rest) = sealed.split_first_chunk_mut::<NONCE_LEN>().ok_or(Unauthenticated)?;
        let (text, tag) = rest.split_last_chunk_mut::<MAC_LEN>().ok_or(Unauthenticated)?;
        let (mut ctr, mac) = self.start(nonce);
        if !same(&mac_all(mac, text), tag) {
            return Err(Unauthenticated);
        }
        ctr.apply_keystream(text);
        Ok(text)
    }

    /// Whether a sealed text is authentic and opens to this plaintext: compared step by step, so that large ones need no
    /// copy.
    pub(crate) fn opens_to(&self, sealed: &[u8], plaintext: &[u8]) -> bool {
        let Some((nonce, rest)) = sealed.split_first_chunk::<NONCE_LEN>() else { return false };
        let Some((text, tag)) = rest.split_last_chunk::<MAC_LEN>() else { return false };
        if text.len() != plaintext.len() {
            return false;
        }
        let (mut ctr, mut mac) = self.start(nonce);
        let mut step = [0; STEP];
        let (mut is_same, mut end) = (true, None);
        let (mut rest, mut expected) = (text, plaintext);
        while end.is_none() {
            let (sealed, left) = rest.split_at(rest.len().min(STEP));
            let (plain, left_plain) = expected.split_at(sealed.len());
            (rest, expected) = (left, left_plain);
            end = mac_step(&mut mac, sealed, rest.is_empty());
            let opened = &mut step[..sealed.len()];
            opened.copy_from_slice(sealed);
            ctr.apply_keystream(opened);
            is_same &= opened == plain;
        }
        is_same && end.is_some_and(|end| same(&end, tag))
    }

    /// The plaintext of a sealed text.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Unauthenticated> {
        let mut buffer = sealed.to_vec();
        let len = self.open_in_place(&mut buffer)?.len();
        buffer.copy_within(NONCE_LEN..NONCE_LEN + len, 0);
        buffer.truncate(len);
        Ok(buffer)
    }

    fn start(&self, nonce: &[u8; NONCE_LEN]) -> (Ctr, Poly1305) {
        let mut pad = (*nonce).into();
        self.0.mac_cipher.encrypt_block(&mut pad);
        let mut key = Zeroizing::new([0; 32]);
        key[..16].copy_from_slice(&self.0.r);
        key[16..].copy_from_slice(&pad);
        let core = CtrCore::inner_iv_init(self.0.cipher.clone(), nonce.into());
        (Ctr::from_core(core), Poly1305::new((&*key).into()))
    }
}

/// Feeds one step of ciphertext to the MAC; its tag, if the step is the last. Every other step is whole blocks.
fn mac_step(mac: &mut Poly1305, step: &[u8], last: bool) -> Option<[u8; MAC_LEN]> {
    let (blocks, tail) = poly1305::Block::slice_as_chunks(step);
    mac.update(blocks);
    last.then(|| if tail.is_empty() { mac.clone().finalize() } else { mac.clone().compute_unpadded(tail) }.into())
}

fn mac_all(mut mac: Poly1305, text: &[u8]) -> [u8; MAC_LEN] {
    mac_step(&mut mac, text, true).expect("the last step gives a tag")
}

/// Compares in a time that does not depend on the content.
fn same(a: &[u8; MAC_LEN], b: &[u8; MAC_LEN]) -> bool {
    u128::from_ne_bytes(*a) ^ u128::from_ne_bytes(*b) == 0
}

fn random_nonce() -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    fill_public(&mut nonce);
    nonce
}

/// Random bytes fetched from the kernel in one call.
const POOL: usize = 4096;

/// Fills `bytes`, at most [`POOL`], with random ones that are no secret once they are used: nonces, and which pack a blob
/// goes to. As [`fill_random`], without a system call for each blob. No byte is given out twice.
pub(crate) fn fill_public(bytes: &mut [u8]) {
    thread_local!(static LEFT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
    LEFT.with_borrow_mut(|left| {
        if left.len() < bytes.len() {
            left.resize(POOL, 0);
            fill_random(left);
        }
        let rest = left.len() - bytes.len();
        bytes.copy_from_slice(&left[rest..]);
        left.truncate(rest);
    });
}

/// Fills `bytes` from the kernel's generator.
pub(crate) fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the kernel's random generator only fails where it does not exist");
}

#[cfg(test)]
mod tests;
