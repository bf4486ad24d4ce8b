//! The bytes of every message and frame of version 1, as other programs know them.
//!
//! `HOLDFAST_BLESS=1` writes the files; do that only for messages that no release has spoken yet.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "golden/samples.rs"]
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use holdfast_wire::{
    Decompressor, Frame, FrameHeader, FrameReader, FromAgent, Message, PREFACE, ToAgent, Violation, decode, encode,
};
use samples::{from_agent, from_agent_name, to_agent, to_agent_name};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1")
}

/// The bytes of everything, by file name.
fn everything() -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut add = |name: String, bytes: Vec<u8>| {
        let before = all.insert(format!("{name}.bin"), bytes);
        assert!(before.is_none(), "{name} is there twice");
    };
    for (detail, message) in from_agent() {
        add(format!("from_agent_{}{detail}", from_agent_name(&message)), encode(&message).unwrap());
    }
    for (detail, message) in to_agent() {
        add(format!("to_agent_{}{detail}", to_agent_name(&message)), encode(&message).unwrap());
    }
    add("stream".to_owned(), stream());
    all
}

/// A whole stream: preface, a message, data as it is, compressed data.
fn stream() -> Vec<u8> {
    let message = encode(&FromAgent::Root { dir: 300 }).unwrap();
    // One zstd frame: a single segment of 100 bytes, in one block that repeats a byte.
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 100, 0x23, 0x03, 0x00, b'z'];
    let mut stream = PREFACE.to_vec();
    for (header, payload) in [
        (FrameHeader::message(message.len()), message.as_slice()),
        (FrameHeader::raw(5), b"chunk"),
        (FrameHeader::zstd(zstd.len(), 100), &zstd),
    ] {
        stream.extend_from_slice(&header.unwrap().encode());
        stream.extend_from_slice(payload);
    }
    stream
}

#[test]
fn the_bytes_of_version_1_never_change() {
    let (folder, everything) = (folder(), everything());
    if std::env::var_os("HOLDFAST_BLESS").is_some() {
        for (name, bytes) in &everything {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
    let listed: BTreeSet<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let known: BTreeSet<String> = everything.keys().cloned().collect();
    assert_eq!(listed, known, "the folder holds other files than there are samples");
    for (name, bytes) in &everything {
        let golden = std::fs::read(folder.join(name)).unwrap();
        assert_eq!(golden.escape_ascii().to_string(), bytes.escape_ascii().to_string(), "{name}");
    }
}

#[test]
fn golden_messages_decode_to_what_they_were() {
    for (_, message) in from_agent() {
        assert_eq!(decode(&encode(&message).unwrap()), Ok(message));
    }
    for (_, message) in to_agent() {
        assert_eq!(decode(&encode(&message).unwrap()), Ok(message));
    }
}

#[test]
fn no_message_is_without_a_sample() {
    fn check<M: Message + PartialEq + std::fmt::Debug>(samples: &[(&str, M)]) {
        let numbers: BTreeSet<u8> = samples.iter().map(|(_, message)| encode(message).unwrap()[0]).collect();
        let count = numbers.len() as u8;
        assert_eq!(numbers, (0..count).collect());
        let beyond = decode::<M>(&[count]);
        let unknown = Violation::Malformed { source: postcard::Error::SerdeDeCustom };
        assert_eq!(beyond, Err(unknown), "message {count} has no sample");
    }
    check(&from_agent());
    check(&to_agent());
    assert_eq!(decode::<ToAgent>(&[13, 0]), Ok(ToAgent::MoreChunks(Vec::new())));
}

#[test]
fn a_stream_is_read_frame_by_frame() {
    let stream = stream();
    let mut reader = FrameReader::new(stream.as_slice());
    let Some(Frame::Message(message)) = reader.next_frame().unwrap() else { panic!() };
    assert_eq!(decode(message), Ok(FromAgent::Root { dir: 300 }));
    assert_eq!(reader.next_frame().unwrap(), Some(Frame::Raw(b"chunk")));
    let Some(Frame::Zstd { bytes, decoded_len }) = reader.next_frame().unwrap() else { panic!() };
    assert_eq!(Decompressor::new().decompress(bytes, decoded_len), Ok(&[b'z'; 100][..]));
    assert_eq!(reader.next_frame().unwrap(), None);
}
