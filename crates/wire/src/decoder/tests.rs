//! Frames come out as they went in, however the bytes are cut.

use super::*;
use crate::limits::{MAX_DATA, MAX_MESSAGE};
use proptest::prelude::*;

fn feed(decoder: &mut FrameDecoder, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = decoder.space();
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        decoder.filled(count);
        bytes = &bytes[count..];
    }
}

fn stream(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = PREFACE.to_vec();
    for payload in payloads {
        stream.extend_from_slice(&FrameHeader::raw(payload.len()).unwrap().encode());
        stream.extend_from_slice(payload);
    }
    stream
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_how_the_stream_is_cut(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..2000), 0..20),
        cuts in proptest::collection::vec(1usize..3000, 1..10),
    ) {
        let stream = stream(&payloads);
        let mut decoder = FrameDecoder::new();
        let (mut rest, mut cuts, mut frames) = (stream.as_slice(), cuts.iter().cycle(), Vec::new());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            feed(&mut decoder, piece);
            rest = later;
            while let Some(frame) = decoder.next().unwrap() {
                let Frame::Raw(bytes) = frame else { panic!("{frame:?}") };
                frames.push(bytes.to_vec());
            }
        }
        prop_assert_eq!(frames, payloads);
        prop_assert_eq!(decoder.finish(), Ok(()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4000), greet in any::<bool>()) {
        let mut decoder = FrameDecoder::new();
        if greet {
            feed(&mut decoder, &PREFACE);
        }
        feed(&mut decoder, &bytes);
        while let Ok(Some(_)) = decoder.next() {}
        let _ = decoder.finish();
    }
}

#[test]
fn the_longest_frames_pass() {
    let stream = stream(&[vec![1; MAX_DATA], vec![2; MAX_MESSAGE], vec![3]]);
    let mut decoder = FrameDecoder::new();
    let mut lens = Vec::new();
    for piece in stream.chunks(100_000) {
        feed(&mut decoder, piece);
        while let Some(Frame::Raw(bytes)) = decoder.next().unwrap() {
            lens.push(bytes.len());
        }
    }
    assert_eq!(lens, [MAX_DATA, MAX_MESSAGE, 1]);
    assert!(decoder.buffer.len() <= 2 << 20);
}

#[test]
fn nothing_is_allocated_for_a_frame_over_its_bound() {
    let mut decoder = FrameDecoder::new();
    feed(&mut decoder, &PREFACE);
    feed(&mut decoder, &[1, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(decoder.next(), Err(FrameError::Length { .. })));
    decoder.space();
    assert!(decoder.buffer.len() <= BUFFER);
}

#[test]
fn a_banner_is_told_apart_at_once() {
    let mut decoder = FrameDecoder::new();
    feed(&mut decoder, b"HOLD on: this host is being serviced\n");
    let FrameError::NotHoldfast { noise } = decoder.next().unwrap_err() else { panic!() };
    assert_eq!(noise.as_bytes(), b"HOLD on: this host is being serviced\n");
}

#[test]
fn a_terminal_in_between_is_told_apart() {
    let mut decoder = FrameDecoder::new();
    feed(&mut decoder, b"HOLDFST\r\n");
    assert!(matches!(decoder.next(), Err(FrameError::NotHoldfast { .. })));
}

#[test]
fn a_stream_may_end_only_between_frames() {
    let stream = stream(&[vec![1; 10]]);
    for end in 0..=stream.len() {
        let mut decoder = FrameDecoder::new();
        feed(&mut decoder, &stream[..end]);
        while decoder.next().unwrap().is_some() {}
        match (end, decoder.finish()) {
            (0..8, Err(FrameError::NotHoldfast { .. })) => (),
            (8, Ok(())) => (),
            (end, Ok(())) if end == stream.len() => (),
            (9.., Err(FrameError::Truncated)) => (),
            (end, other) => panic!("{end}: {other:?}"),
        }
    }
}
