//! What is written is what is read, however the stream cuts it.

use super::*;

/// Gives its bytes in pieces of an odd size.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(into.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn read_all(bytes: &[u8], step: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut reader = FrameReader::new(Dribble(bytes, step), Vec::new()).unwrap();
    reader.preface().unwrap();
    let (mut messages, mut data) = (Vec::new(), Vec::new());
    while let Some(incoming) = reader.next().unwrap() {
        match incoming {
            Incoming::Message(message) => messages.push(message),
            Incoming::Data(bytes) => data.extend(bytes),
        }
    }
    assert_eq!(reader.received(), bytes.len() as u64);
    (messages, data)
}

fn sample(compress: bool) -> (Vec<u8>, Vec<u8>) {
    let chunk: Vec<u8> = (0..700_000u32).flat_map(|n| (n / 1000).to_le_bytes()).collect();
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new(&mut bytes);
    if compress {
        writer.compress().unwrap();
    }
    writer.message(b"first").unwrap();
    writer.data(&chunk).unwrap();
    writer.data(b"small").unwrap();
    writer.message(b"second").unwrap();
    writer.flush().unwrap();
    let sent = writer.sent();
    assert_eq!(sent, bytes.len() as u64);
    (bytes, [chunk.as_slice(), b"small"].concat())
}

#[test]
fn frames_arrive_in_order_however_the_stream_cuts_them() {
    for compress in [false, true] {
        let (bytes, data) = sample(compress);
        for step in [1 << 20, 65_537, 4099] {
            let (messages, received) = read_all(&bytes, step);
            assert_eq!(messages, [b"first".to_vec(), b"second".to_vec()]);
            assert!(received == data);
        }
        assert!(!compress || bytes.len() < data.len() / 4);
    }
}

#[test]
fn a_stream_that_begins_otherwise_is_named_by_what_it_says() {
    let mut reader = FrameReader::new(&b"Welcome to web1!\n"[..], Vec::new()).unwrap();
    assert!(matches!(reader.preface(), Err(ReadError::Preface { began }) if began.starts_with(b"Welcome")));
}

#[test]
fn a_stream_that_ends_within_a_frame_is_cut_off() {
    let (bytes, _) = sample(false);
    let mut reader = FrameReader::new(&bytes[..bytes.len() - 1], Vec::new()).unwrap();
    reader.preface().unwrap();
    let end = loop {
        match reader.next() {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert!(matches!(end, Err(ReadError::CutOff)));
}
