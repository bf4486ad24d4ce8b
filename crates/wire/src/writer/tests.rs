//! What a writer sends, a reader gets, in order.

use super::*;
use crate::{Decompressor, Frame, FrameReader, FromAgent, ReadError, ToAgent, decode};
use proptest::prelude::*;

/// Takes a few bytes at a time, as a full pipe does.
struct Trickle(Vec<u8>, usize);

impl Write for Trickle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.1);
        self.0.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Sent {
    Message(u64),
    Data(Vec<u8>),
}

fn received(bytes: &[u8]) -> Vec<Sent> {
    let mut reader = FrameReader::new(bytes);
    let (mut all, mut decompressor): (Vec<Sent>, _) = (Vec::new(), Decompressor::new());
    while let Some(frame) = reader.next_frame().unwrap() {
        let data = match frame {
            Frame::Message(bytes) => {
                let FromAgent::Root { dir } = decode(bytes).unwrap() else { panic!("another message") };
                all.push(Sent::Message(dir));
                continue;
            }
            Frame::Raw(bytes) => bytes,
            Frame::Zstd { bytes, decoded_len } => decompressor.decompress(bytes, decoded_len).unwrap(),
        };
        match all.last_mut() {
            Some(Sent::Data(before)) => before.extend_from_slice(data),
            _ => all.push(Sent::Data(data.to_vec())),
        }
    }
    assert_eq!(reader.bytes_received(), bytes.len() as u64);
    all
}

/// Data that stands together is one run of bytes: where one call ended is not told.
fn joined(all: Vec<Sent>) -> Vec<Sent> {
    let mut joined: Vec<Sent> = Vec::new();
    for one in all {
        match (joined.last_mut(), one) {
            (_, Sent::Data(bytes)) if bytes.is_empty() => (),
            (Some(Sent::Data(before)), Sent::Data(bytes)) => before.extend(bytes),
            (_, one) => joined.push(one),
        }
    }
    joined
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        any::<u64>().prop_map(Sent::Message),
        (any::<u8>(), 0usize..2000).prop_map(|(byte, len)| Sent::Data(vec![byte; len])),
        (any::<u8>(), 0usize..3 * BATCH).prop_map(|(byte, len)| Sent::Data((0..len).map(|i| i as u8 ^ byte).collect())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn messages_and_data_arrive_in_order(
        all in proptest::collection::vec(sent(), 0..20),
        compress in any::<bool>(),
        step in prop_oneof![1000usize..5000, Just(usize::MAX)],
    ) {
        let mut writer = FrameWriter::new(Trickle(Vec::new(), step));
        writer.set_compression(compress);
        for one in &all {
            match one {
                Sent::Message(dir) => writer.send(&FromAgent::Root { dir: *dir }).unwrap(),
                Sent::Data(bytes) => writer.data(bytes).unwrap(),
            }
        }
        writer.flush().unwrap();
        let count = writer.bytes_sent();
        let bytes = writer.into_inner().0;
        prop_assert_eq!(bytes.len() as u64, count);
        prop_assert_eq!(received(&bytes), joined(all));
    }
}

#[test]
fn small_chunks_share_a_frame() {
    let mut writer = FrameWriter::new(Vec::new());
    for _ in 0..1000 {
        writer.data(&[7; 200]).unwrap();
    }
    assert!(writer.output.is_empty());
    writer.flush().unwrap();
    assert_eq!(writer.bytes_sent(), 8 + 5 + 200_000);
}

#[test]
fn a_flush_sends_the_preface() {
    let mut writer = FrameWriter::new(Vec::new());
    writer.flush().unwrap();
    assert_eq!(writer.into_inner(), PREFACE);
}

#[test]
fn compressible_data_is_sent_short() {
    let mut writer = FrameWriter::new(Vec::new());
    writer.set_compression(true);
    writer.data(&vec![7; 1 << 20]).unwrap();
    writer.flush().unwrap();
    assert!(writer.bytes_sent() < 1000);
    assert_eq!(received(&writer.output), [Sent::Data(vec![7; 1 << 20])]);
}

#[test]
fn a_message_that_must_not_be_sent_leaves_the_stream_whole() {
    let mut writer = FrameWriter::new(Vec::new());
    assert!(matches!(writer.message(&[]), Err(WriteError::Frame { .. })));
    let wrong = ToAgent::WantDirs { upto: 0, wanted: vec![0] };
    assert!(matches!(writer.send(&wrong), Err(WriteError::Encode { .. })));
    writer.send(&FromAgent::Root { dir: 3 }).unwrap();
    writer.flush().unwrap();
    assert_eq!(received(&writer.into_inner()), [Sent::Message(3)]);
}

#[test]
fn a_silent_other_side_is_no_holdfast() {
    let error = FrameReader::new(&b""[..]).next_frame().map(|_| ()).unwrap_err();
    assert!(matches!(error, ReadError::Frame { source: FrameError::NotHoldfast { .. } }));
}
