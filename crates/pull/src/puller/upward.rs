//! From the client to the vault: frames in, records out.

use std::io::Read;
use std::sync::atomic::AtomicU64;

use holdfast_handover::{HandoverError, Kind, Sender};
use holdfast_wire::{Decompressor, Frame, FrameReader, ReadError, ViolationClass};

use super::tell_traffic;

/// The vault hears of the traffic after so many bytes.
const TELL_EVERY: u64 = 4 << 20;

/// Hands over everything until the stream ends or is no stream of frames.
pub(super) fn run(stream: impl Read, mut told: u64, up: &mut Sender, sent: &AtomicU64) -> Result<(), HandoverError> {
    let mut reader = FrameReader::new(stream);
    let mut decompressor = Decompressor::new();
    up.send(Kind::Connected, &[])?;
    let end = loop {
        match reader.next_frame() {
            Ok(Some(Frame::Message(bytes))) => up.send(Kind::Message, bytes)?,
            Ok(Some(Frame::Raw(bytes))) => up.send(Kind::Data, bytes)?,
            Ok(Some(Frame::Zstd { bytes, decoded_len })) => match decompressor.decompress(bytes, decoded_len) {
                Ok(bytes) => up.send(Kind::Data, bytes)?,
                Err(error) => return violation(up, ViolationClass::Expansion, &error),
            },
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
        if reader.bytes_received() - told >= TELL_EVERY {
            told = reader.bytes_received();
            tell_traffic(up, told, sent)?;
        }
    };
    tell_traffic(up, reader.bytes_received(), sent)?;
    if let Some(ReadError::Frame { source }) = &end
        && let Some(class) = source.class()
    {
        return violation(up, class, source);
    }
    Ok(())
}

fn violation(up: &mut Sender, class: ViolationClass, error: &dyn std::error::Error) -> Result<(), HandoverError> {
    up.send(Kind::Violation, format!("{class} {}", crate::text::with_causes(error)).as_bytes())
}
