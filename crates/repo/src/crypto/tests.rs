//! What sealing promises, and that the MAC is the published one.

use std::collections::HashSet;

use super::*;

fn key() -> Key {
    Key::from_bytes(&std::array::from_fn(|i| i as u8 + 1)).unwrap()
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

#[test]
fn what_is_sealed_is_opened_again_at_every_length() {
    let key = key();
    for len in (0..70).chain([STEP - 1, STEP, STEP + 1, 2 * STEP, 3 * STEP + 17]) {
        let plaintext = text(len);
        let sealed = key.seal(&plaintext);
        assert_eq!(sealed.len(), len + OVERHEAD);
        assert_eq!(key.open(&sealed).unwrap(), plaintext, "{len}");

        let mut buffer = b"before".to_vec();
        buffer.resize(6 + NONCE_LEN, 0);
        buffer.extend_from_slice(&plaintext);
        key.seal_in_place(&mut buffer, 6);
        assert_eq!(&buffer[..6], b"before");
        assert_eq!(key.open_in_place(&mut buffer[6..]).unwrap(), plaintext, "{len}");
    }
}

#[test]
fn any_changed_bit_is_noticed_and_nothing_is_decrypted() {
    let key = key();
    let sealed = key.seal(&text(45));
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let before = changed.clone();
        assert_eq!(key.open_in_place(&mut changed), Err(Unauthenticated));
        assert_eq!(changed, before);
    }
    for len in 0..sealed.len() {
        assert_eq!(key.open(&sealed[..len]), Err(Unauthenticated));
    }
}

#[test]
fn a_seal_is_compared_with_its_plaintext() {
    let key = key();
    for len in [0, 1, 45, STEP - 1, STEP, STEP + 1, 3 * STEP + 17] {
        let plaintext = text(len);
        let sealed = key.seal(&plaintext);
        assert!(key.opens_to(&sealed, &plaintext), "{len}");
        for at in [0, NONCE_LEN, NONCE_LEN + len / 2, sealed.len() - MAC_LEN, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(!key.opens_to(&changed, &plaintext), "{at} of {len}");
        }
        for at in 0..len.min(3) {
            let mut other = plaintext.clone();
            other[len - 1 - at] ^= 1;
            assert!(!key.opens_to(&sealed, &other), "{len}");
        }
        assert!(!key.opens_to(&sealed, &text(len + 1)));
        assert!(!key.opens_to(&sealed[..sealed.len() - 1], &plaintext));
    }
    assert!(!key.opens_to(&[0; OVERHEAD - 1], b""));
}

#[test]
fn another_key_opens_nothing() {
    assert_eq!(Key::random().open(&key().seal(b"secret")), Err(Unauthenticated));
}

#[test]
fn nonces_are_never_used_twice() {
    let key = key();
    let nonces: HashSet<Vec<u8>> = (0..10_000).map(|_| key.seal(b"same")[..NONCE_LEN].to_vec()).collect();
    assert_eq!(nonces.len(), 10_000);
}

#[test]
fn zero_keys_are_refused() {
    for zero in [0..32, 32..48, 48..64] {
        let mut bytes = [7; 64];
        bytes[zero].fill(0);
        assert_eq!(Key::from_bytes(&bytes).unwrap_err(), ZeroKey);
    }
}

#[test]
fn the_chunker_seed_depends_on_every_part_of_the_key_and_on_nothing_else() {
    let seed = key().chunker_seed();
    assert_eq!(key().chunker_seed(), seed);
    for changed in [0, 32, 48] {
        let mut bytes: [u8; 64] = std::array::from_fn(|i| i as u8 + 1);
        bytes[changed] ^= 0x80;
        assert_ne!(Key::from_bytes(&bytes).unwrap().chunker_seed(), seed);
    }
}

/// Poly1305-AES vectors of the paper's appendix B, which use the encryption key not at all.
#[test]
fn the_mac_is_poly1305_aes() {
    let hex = |text: &str| -> Vec<u8> {
        text.as_bytes().chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
    };
    for (message, r, k, nonce, tag) in [
        (
            "f3f6",
            "851fc40c3467ac0be05cc20404f3f700",
            "ec074c835580741701425b623235add6",
            "fb447350c4e868c52ac3275cf9d4327e",
            "f4c633c3044fc145f84f335cb81953de",
        ),
        (
            "",
            "a0f3080000f46400d0c7e9076c834403",
            "75deaa25c09f208e1dc4ce6b5cad3fbf",
            "61ee09218d29b0aaed7e154a2c5509cc",
            "dd3fab2251f11ac759f0887129cc2ee7",
        ),
        (
            "663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136",
            "48443d0bb0d21109c89a100b5ce2c208",
            "6acb5f61a7176dd320c5c1eb2edcdc74",
            "ae212a55399729595dea458bc621ff0e",
            "0ee1c16bb73f0f4fd19881753c01cdbe",
        ),
    ] {
        let mut bytes = [1; 64];
        bytes[32..48].copy_from_slice(&hex(k));
        bytes[48..].copy_from_slice(&hex(r));
        let (_, mac) = Key::from_bytes(&bytes).unwrap().start(&hex(nonce).try_into().unwrap());
        assert_eq!(mac_all(mac, &hex(message)).to_vec(), hex(tag));
    }
}

#[test]
fn no_nonce_is_drawn_twice() {
    let threads: Vec<_> =
        (0..4).map(|_| std::thread::spawn(|| (0..2000).map(|_| random_nonce()).collect::<Vec<_>>())).collect();
    let nonces: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let different: std::collections::HashSet<_> = nonces.iter().collect();
    assert_eq!(different.len(), nonces.len());
}
