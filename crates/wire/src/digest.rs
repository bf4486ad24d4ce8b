//! The digest of a directory and of everything beneath it.
//!
//! Equal digests mean: nothing that a backup would store has changed. The server remembers, per client, which tree
//! a digest led to; an unchanged directory then travels as these few bytes. How it is computed is the agent's affair
//! (and part of the digest); the server only compares.

use serde::{Deserialize, Serialize};

/// One directory, as the walk left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DirDigest {
    /// The digest over the entries, in whatever order they were read, and the digests of the subdirectories.
    pub digest: [u8; 16],
    /// Whether the server may remember it: not if something beneath changed so lately that its times can't tell
    /// the next change, or was not readable.
    pub memorable: bool,
}
