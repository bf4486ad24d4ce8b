//! What the two processes tell each other.
//!
//! The puller passes on what it read without understanding it: messages stay encoded. Everything it says is a claim.

use crate::error::HandoverError;

/// Bytes of the longest record: the bound of one message and of one data frame.
pub const MAX_RECORD: usize = 1 << 20;
/// Bytes that are passed on of what came instead of an agent's words.
pub const MAX_NOISE: usize = 2 << 10;
/// Bytes of a text about a failure.
pub const MAX_TEXT: usize = 4 << 10;

/// What the puller tells the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Up<'a> {
    /// The agent speaks: it need not be brought to the client any more.
    Connected,
    /// A message of the agent, still encoded.
    Message(&'a [u8]),
    /// Bytes of chunks, decoded.
    Data(&'a [u8]),
    /// What went over the connection so far.
    Counters(Counters),
    /// The first bytes of something that is no agent; nothing more will come.
    Noise(&'a [u8]),
    /// The puller can't go on; nothing more will come.
    Failed {
        /// Which kind of failure.
        kind: FailureKind,
        /// What happened, for people.
        text: &'a str,
    },
    /// The agent ended its stream, between frames; nothing more will come.
    End,
}

/// What the vault tells the puller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down<'a> {
    /// A message for the agent, encoded.
    Message(&'a [u8]),
    /// Bytes of blobs, to be sent as they are.
    Data(&'a [u8]),
    /// Nothing more will come: send what is left and end the stream towards the agent.
    Close,
}

/// Bytes on the connection to the agent, frames and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Bytes from the agent.
    pub received: u64,
    /// Bytes to the agent.
    pub sent: u64,
}

/// Why a puller can't go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The agent sent what is no frame, or one over its bound.
    Protocol = 1,
    /// The agent sent compressed data that does not decode as declared.
    Expansion = 2,
    /// The agent's stream ended within a frame.
    Truncated = 3,
    /// The agent's stream could not be read or written.
    Io = 4,
    /// The puller itself failed.
    Internal = 5,
    /// No agent runs on the client, or none could be brought there.
    CannotRun = 6,
    /// The puller could not give up what it must not have while it reads.
    Confinement = 7,
}

/// Numbers of records. Those of both directions differ, so that none is taken for the other's.
const UP_MESSAGE: u8 = 1;
const UP_DATA: u8 = 2;
const UP_COUNTERS: u8 = 3;
const UP_NOISE: u8 = 4;
const UP_FAILED: u8 = 5;
const UP_END: u8 = 6;
const UP_CONNECTED: u8 = 7;
const DOWN_MESSAGE: u8 = 17;
const DOWN_DATA: u8 = 18;
const DOWN_CLOSE: u8 = 19;

/// Which lengths a record may have: the first and the last.
pub(crate) type Bounds = fn(kind: u8) -> Option<(usize, usize)>;

pub(crate) fn up_bounds(kind: u8) -> Option<(usize, usize)> {
    match kind {
        UP_MESSAGE | UP_DATA => Some((1, MAX_RECORD)),
        UP_COUNTERS => Some((16, 16)),
        UP_NOISE => Some((0, MAX_NOISE)),
        UP_FAILED => Some((1, 1 + MAX_TEXT)),
        UP_END | UP_CONNECTED => Some((0, 0)),
        _ => None,
    }
}

pub(crate) fn down_bounds(kind: u8) -> Option<(usize, usize)> {
    match kind {
        DOWN_MESSAGE | DOWN_DATA => Some((1, MAX_RECORD)),
        DOWN_CLOSE => Some((0, 0)),
        _ => None,
    }
}

impl<'a> Up<'a> {
    /// Gives the record's number and bytes to `send`.
    pub(crate) fn encode<T>(self, send: impl FnOnce(u8, &[u8]) -> T) -> T {
        match self {
            Self::Message(bytes) => send(UP_MESSAGE, bytes),
            Self::Data(bytes) => send(UP_DATA, bytes),
            Self::Counters(Counters { received, sent }) => {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&received.to_le_bytes());
                bytes[8..].copy_from_slice(&sent.to_le_bytes());
                send(UP_COUNTERS, &bytes)
            }
            Self::Noise(bytes) => send(UP_NOISE, &bytes[..bytes.len().min(MAX_NOISE)]),
            Self::Failed { kind, text } => {
                let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end));
                let text = &text[..end.unwrap_or(0)];
                send(UP_FAILED, &[&[kind as u8], text.as_bytes()].concat())
            }
            Self::End => send(UP_END, &[]),
            Self::Connected => send(UP_CONNECTED, &[]),
        }
    }

    /// The record of a number and bytes that are within their bounds.
    pub(crate) fn decode(kind: u8, bytes: &'a [u8]) -> Result<Self, HandoverError> {
        let wrong = |fault| HandoverError::Record { kind, len: bytes.len(), fault };
        match (kind, bytes) {
            (UP_MESSAGE, _) => Ok(Self::Message(bytes)),
            (UP_DATA, _) => Ok(Self::Data(bytes)),
            (UP_COUNTERS, _) => match bytes.as_chunks() {
                ([received, sent], []) => {
                    let [received, sent] = [received, sent].map(|bytes| u64::from_le_bytes(*bytes));
                    Ok(Self::Counters(Counters { received, sent }))
                }
                _ => Err(wrong("counters of another length")),
            },
            (UP_NOISE, _) => Ok(Self::Noise(bytes)),
            (UP_FAILED, [number, text @ ..]) => {
                let kind = FailureKind::from_number(*number).ok_or_else(|| wrong("no such kind of failure"))?;
                let text = std::str::from_utf8(text).map_err(|_| wrong("a text that is not UTF-8"))?;
                Ok(Self::Failed { kind, text })
            }
            (UP_END, _) => Ok(Self::End),
            (UP_CONNECTED, _) => Ok(Self::Connected),
            _ => Err(wrong("no such record")),
        }
    }
}

/// A record of the puller that is kept for later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedUp {
    kind: u8,
    bytes: Vec<u8>,
}

impl From<Up<'_>> for OwnedUp {
    fn from(up: Up<'_>) -> Self {
        up.encode(|kind, bytes| Self { kind, bytes: bytes.to_vec() })
    }
}

impl OwnedUp {
    /// The record.
    pub fn as_up(&self) -> Up<'_> {
        Up::decode(self.kind, &self.bytes).expect("what was encoded is a record")
    }

    /// Bytes that are kept.
    pub fn kept_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

impl<'a> Down<'a> {
    /// As [`Up::encode`].
    pub(crate) fn encode<T>(self, send: impl FnOnce(u8, &[u8]) -> T) -> T {
        match self {
            Self::Message(bytes) => send(DOWN_MESSAGE, bytes),
            Self::Data(bytes) => send(DOWN_DATA, bytes),
            Self::Close => send(DOWN_CLOSE, &[]),
        }
    }

    /// As [`Up::decode`].
    pub(crate) fn decode(kind: u8, bytes: &'a [u8]) -> Result<Self, HandoverError> {
        match kind {
            DOWN_MESSAGE => Ok(Self::Message(bytes)),
            DOWN_DATA => Ok(Self::Data(bytes)),
            DOWN_CLOSE => Ok(Self::Close),
            _ => Err(HandoverError::Record { kind, len: bytes.len(), fault: "no such record" }),
        }
    }
}

impl FailureKind {
    fn from_number(number: u8) -> Option<Self> {
        use FailureKind::{CannotRun, Confinement, Expansion, Internal, Io, Protocol, Truncated};
        [Protocol, Expansion, Truncated, Io, Internal, CannotRun, Confinement]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_record_comes_back() {
        let ups = [
            Up::Connected,
            Up::Message(b"message"),
            Up::Data(b"data"),
            Up::Counters(Counters { received: 1, sent: u64::MAX }),
            Up::Noise(b""),
            Up::Failed { kind: FailureKind::Protocol, text: "a frame of the unknown kind 9" },
            Up::Failed { kind: FailureKind::CannotRun, text: "" },
            Up::End,
        ];
        for up in ups {
            let (kind, bytes) = up.encode(|kind, bytes| (kind, bytes.to_vec()));
            let (least, most) = up_bounds(kind).unwrap();
            assert!((least..=most).contains(&bytes.len()) && down_bounds(kind).is_none());
            assert_eq!(Up::decode(kind, &bytes).unwrap(), up);
            assert_eq!(OwnedUp::from(up).as_up(), up);
        }
        for down in [Down::Message(b"message"), Down::Data(b"data"), Down::Close] {
            let (kind, bytes) = down.encode(|kind, bytes| (kind, bytes.to_vec()));
            let (least, most) = down_bounds(kind).unwrap();
            assert!((least..=most).contains(&bytes.len()) && up_bounds(kind).is_none());
            assert_eq!(Down::decode(kind, &bytes).unwrap(), down);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "é".repeat(MAX_TEXT);
        let bytes = Up::Failed { kind: FailureKind::Io, text: &text }.encode(|_, bytes| bytes.to_vec());
        assert!(bytes.len() <= 1 + MAX_TEXT && std::str::from_utf8(&bytes[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn records_within_their_bounds_are_refused_or_known(
            kind in 0u8..24,
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let within = |bounds: Bounds| bounds(kind).is_some_and(|(a, b)| (a..=b).contains(&bytes.len()));
            let up = Up::decode(kind, &bytes).map(|up| up.encode(|kind, bytes| (kind, bytes.to_vec())));
            if within(up_bounds) && up.is_ok() {
                prop_assert_eq!(up.unwrap(), (kind, bytes.clone()));
            }
            prop_assert_eq!(Down::decode(kind, &bytes).is_ok(), down_bounds(kind).is_some());
        }
    }
}
