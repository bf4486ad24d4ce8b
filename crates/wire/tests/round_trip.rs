//! Every message survives the way over the wire; nothing that comes instead of one does any harm.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "round_trip/strategies.rs"]
mod strategies;

use holdfast_wire::{FromAgent, Message, ToAgent, decode, encode, encoded_len};
use proptest::prelude::*;
use std::fmt::Debug;
use strategies::{from_agent, to_agent};

fn comes_back<M: Message + PartialEq + Debug>(message: M) {
    let bytes = encode(&message).unwrap();
    assert_eq!(bytes.len(), encoded_len(&message));
    assert_eq!(decode::<M>(&bytes).unwrap(), message);
    for cut in [0, bytes.len() / 2, bytes.len() - 1] {
        assert!(decode::<M>(&bytes[..cut]).is_err(), "the first {cut} bytes of a message are a message");
    }
}

/// Whatever decodes is a message that could have been sent.
fn is_refused_or_valid<M: Message + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(message) = decode::<M>(bytes) {
        let again = encode(&message).unwrap();
        assert!(again.len() <= bytes.len(), "an encoding is the shortest");
        assert_eq!(decode::<M>(&again).unwrap(), message);
    }
}

proptest! {
    #[test]
    fn messages_of_the_agent_come_back(message in from_agent()) {
        comes_back(message);
    }

    #[test]
    fn messages_of_the_server_come_back(message in to_agent()) {
        comes_back(message);
    }

    #[test]
    fn damaged_messages_are_refused_or_valid(
        from in from_agent(),
        to in to_agent(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (mut from, mut to) = (encode(&from).unwrap(), encode(&to).unwrap());
        for (at, byte) in damage {
            let (from_at, to_at) = (at.index(from.len()), at.index(to.len()));
            from[from_at] = byte;
            to[to_at] = byte;
        }
        is_refused_or_valid::<FromAgent>(&from);
        is_refused_or_valid::<ToAgent>(&to);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn arbitrary_bytes_are_refused_or_valid(
        number in 0u8..20,
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..400),
    ) {
        let bytes = [&[number][..], &bytes].concat();
        is_refused_or_valid::<FromAgent>(&bytes);
        is_refused_or_valid::<ToAgent>(&bytes);
    }
}
