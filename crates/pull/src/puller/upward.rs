//! From the client to the vault: frames in, records out.

use std::io::Read;
use std::sync::atomic::AtomicU64;

use holdfast_handover::{FailureKind, HandoverError, Up, UpSender};
use holdfast_wire::{Decompressor, Frame, FrameError, FrameReader, ReadError};

use super::tell_traffic;

/// The vault hears of the traffic after so many bytes.
const TELL_EVERY: u64 = 4 << 20;

/// Hands over everything until the stream ends or is no stream of frames.
pub(super) fn run(stream: impl Read, mut told: u64, up: &mut UpSender, sent: &AtomicU64) -> Result<(), HandoverError> {
    let mut reader = FrameReader::new(stream);
    let mut decompressor = Decompressor::new();
    up.send(Up::Connected, None)?;
    let end = loop {
        match reader.next_frame() {
            Ok(Some(Frame::Message(bytes))) => up.send(Up::Message(bytes), None)?,
            Ok(Some(Frame::Raw(bytes))) => up.send(Up::Data(bytes), None)?,
            Ok(Some(Frame::Zstd { bytes, decoded_len })) => match decompressor.decompress(bytes, decoded_len) {
                Ok(bytes) => up.send(Up::Data(bytes), None)?,
                Err(error) => return failed(up, FailureKind::Expansion, &error),
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
    match &end {
        None => up.send(Up::End, None),
        Some(error @ ReadError::Io { .. }) => failed(up, FailureKind::Io, error),
        Some(ReadError::Frame { source }) => failed(up, failure_kind(source), source),
    }
}

fn failure_kind(error: &FrameError) -> FailureKind {
    match error {
        FrameError::UnknownKind { .. } | FrameError::Length { .. } | FrameError::NotHoldfast { .. } => {
            FailureKind::Protocol
        }
        FrameError::Expansion { .. } => FailureKind::Expansion,
        FrameError::Truncated => FailureKind::Truncated,
    }
}

fn failed(up: &mut UpSender, kind: FailureKind, error: &dyn std::error::Error) -> Result<(), HandoverError> {
    up.send(Up::Failed { kind, text: &crate::text::with_causes(error) }, None)
}
