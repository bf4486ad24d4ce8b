//! What it means when the other side breaks a rule: which class of violation it is, and the rules on messages.
//!
//! Any violation ends the session and nothing of it becomes a snapshot. What merely happens on a real file system is
//! no violation: an agent checks its entries with [`Entry::validate`](crate::Entry::validate) and reports those that
//! can't be sent. Text that came from the other side is escaped before it gets into an error.

use std::fmt;

use crate::limits;

/// The classes under which violations are recorded. Those that need the state of a session, or keys, are found by the
/// server alone; they are listed here so that there is one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ViolationClass {
    /// V1: a chunk's bytes are not what its id says.
    Hash,
    /// V2: a chunk that was not asked for, came twice or out of order.
    ChunkOrder,
    /// V3: a chunk's length is outside what the chunker makes.
    ChunkLength,
    /// V4: a reference to something that this client was not granted.
    Reference,
    /// V5: a name, or the order of names, that no directory holds.
    Name,
    /// V6: more of something than the bounds allow: depth, entries, attributes, sizes.
    Quota,
    /// V7: an unknown, malformed, oversized or misplaced message or frame, or bytes after the end.
    Protocol,
    /// V8: compressed data that does not decode to the declared length.
    Expansion,
    /// V9: too slow.
    Deadline,
    /// V10: not the host, the agent or the version that was expected.
    Identity,
    /// V11: a path outside what the job asked for.
    Scope,
    /// V12: too much text for people.
    Text,
    /// V13: a proof of possession failed.
    Possession,
}

impl ViolationClass {
    /// `V1` to `V13`, as in records and alerts.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hash => "V1",
            Self::ChunkOrder => "V2",
            Self::ChunkLength => "V3",
            Self::Reference => "V4",
            Self::Name => "V5",
            Self::Quota => "V6",
            Self::Protocol => "V7",
            Self::Expansion => "V8",
            Self::Deadline => "V9",
            Self::Identity => "V10",
            Self::Scope => "V11",
            Self::Text => "V12",
            Self::Possession => "V13",
        }
    }
}

impl fmt::Display for ViolationClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A message that must not have been sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The bytes are not a message.
    #[error("the other side sent bytes that are no message of this version")]
    Malformed {
        /// What did not fit.
        #[source]
        source: postcard::Error,
    },
    /// The message was longer than it may be; it was not decoded.
    #[error("the other side sent a message of {len} bytes where {max} are allowed", max = limits::MAX_MESSAGE)]
    MessageTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// Bytes were left over after the message.
    #[error("the other side sent {count} bytes after the end of a message")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// A name that no directory can hold.
    #[error("the name \"{name}\" {fault}")]
    Name {
        /// The name, escaped and shortened.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// A path that is not absolute and normalised, or too deep.
    #[error("the path \"{path}\" {fault}")]
    Path {
        /// The path, escaped and shortened.
        path: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// Something is longer, or more, than its bound.
    #[error("{what}: {len} where {max} are allowed")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much there was.
        len: u64,
        /// How much is allowed.
        max: u64,
    },
    /// A chunk without bytes, or with more than a chunk can have.
    #[error("a chunk of {len} bytes: chunks have 1 to {max}", max = limits::MAX_CHUNK)]
    ChunkLength {
        /// Its length in bytes.
        len: u32,
    },
    /// A value that its field can't have.
    #[error("{what}: {value} is not possible")]
    Value {
        /// Which field.
        what: &'static str,
        /// What it was.
        value: u64,
    },
    /// Fields that contradict each other.
    #[error("{what}")]
    Contradiction {
        /// How.
        what: &'static str,
    },
    /// Text for people that is too long.
    #[error("{what}: {len} bytes of text where {max} are allowed")]
    Text {
        /// Which field.
        what: &'static str,
        /// How long it is.
        len: usize,
        /// How long it may be.
        max: usize,
    },
}

impl Violation {
    /// The class under which to record it.
    pub const fn class(&self) -> ViolationClass {
        match self {
            Self::Malformed { .. } | Self::MessageTooLong { .. } | Self::Trailing { .. } => ViolationClass::Protocol,
            Self::Value { .. } | Self::Contradiction { .. } => ViolationClass::Protocol,
            Self::Name { .. } | Self::Path { fault: PathFault::NotNormalised, .. } => ViolationClass::Name,
            Self::Path { .. } | Self::TooMuch { .. } => ViolationClass::Quota,
            Self::ChunkLength { .. } => ViolationClass::ChunkLength,
            Self::Text { .. } => ViolationClass::Text,
        }
    }
}

/// What can be wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NameFault {
    /// It has no bytes.
    #[error("is empty")]
    Empty,
    /// It is longer than [`limits::MAX_NAME`].
    #[error("has {len} bytes where {max} are allowed", max = limits::MAX_NAME)]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// It is `.` or `..`.
    #[error("means a directory itself or the one above it")]
    Dots,
    /// It holds `/` or NUL.
    #[error("holds a slash or a NUL byte")]
    Separator,
    /// It is not greater than the one before it, in a list that must be sorted.
    #[error("is listed twice or out of order")]
    Order,
    /// It is not the last component of its path.
    #[error("is not the last component of its path")]
    OtherThanPath,
}

/// What can be wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PathFault {
    /// It is not absolute (or not relative, where it must be), or has an impossible component.
    #[error("is not in normal form, or one of its components is no name")]
    NotNormalised,
    /// It is longer than [`limits::MAX_PATH`].
    #[error("has {len} bytes where {max} are allowed", max = limits::MAX_PATH)]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// It has more components than [`limits::MAX_DEPTH`].
    #[error("has more than {max} components", max = limits::MAX_DEPTH)]
    TooDeep,
}

pub(crate) fn check_text(what: &'static str, text: &str, max: usize) -> Result<(), Violation> {
    let len = text.len();
    if len > max { Err(Violation::Text { what, len, max }) } else { Ok(()) }
}

pub(crate) fn check_len(what: &'static str, len: usize, max: usize) -> Result<(), Violation> {
    if len > max { Err(Violation::TooMuch { what, len: len as u64, max: max as u64 }) } else { Ok(()) }
}

/// The first bytes of something from the other side, fit to be shown: what is not printable ASCII is escaped.
pub(crate) fn excerpt(bytes: &[u8], max: usize) -> String {
    let shown = &bytes[..bytes.len().min(max)];
    let more = if shown.len() < bytes.len() { "…" } else { "" };
    format!("{}{more}", shown.escape_ascii())
}
