//! What a record is: a kind and bytes.

/// Bytes of one record at most: a message or the data of one frame.
pub const MAX_RECORD: usize = 1 << 20;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the bytes are.
    pub kind: Kind,
    /// At most [`MAX_RECORD`] bytes.
    pub bytes: Vec<u8>,
}

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Both ways: an encoded message.
    Message = 1,
    /// Both ways: bytes of chunks or blobs, decoded.
    Data = 2,
    /// To the vault: how many bytes the connection has carried, received and sent, as two little-endian `u64`.
    Traffic = 3,
    /// To the vault: the agent has said its first word.
    Connected = 4,
    /// To the vault: what came instead of an agent.
    Noise = 5,
    /// To the vault: the client's shell cannot start the agent; why, as text.
    CannotRun = 6,
    /// To the vault: the client broke a rule of framing; the class's code, a blank, and text.
    Violation = 7,
    /// To the vault: the connection ended, nothing more will come.
    End = 8,
}

impl Kind {
    /// The kind of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Message,
            2 => Self::Data,
            3 => Self::Traffic,
            4 => Self::Connected,
            5 => Self::Noise,
            6 => Self::CannotRun,
            7 => Self::Violation,
            8 => Self::End,
            _ => return None,
        })
    }
}
