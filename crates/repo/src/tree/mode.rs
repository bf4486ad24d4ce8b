//! File modes as Go's `fs.FileMode` has them, which is what the format stores.
//!
//! The permission bits are Unix's; type, setuid, setgid and sticky are elsewhere.

use super::NodeKind;

const DIR: u32 = 1 << 31;
const SYMLINK: u32 = 1 << 27;
const DEVICE: u32 = 1 << 26;
const FIFO: u32 = 1 << 25;
const SOCKET: u32 = 1 << 24;
const SETUID: u32 = 1 << 23;
const SETGID: u32 = 1 << 22;
const CHAR: u32 = 1 << 21;
const STICKY: u32 = 1 << 20;

/// A mode in Go's bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FileMode(u32);

impl FileMode {
    /// The mode of a node of that kind with Unix permission bits (`st_mode & 0o7777`).
    pub const fn new(permissions: u32, kind: &NodeKind) -> Self {
        let mut bits = permissions & 0o777;
        if permissions & 0o4000 != 0 {
            bits |= SETUID;
        }
        if permissions & 0o2000 != 0 {
            bits |= SETGID;
        }
        if permissions & 0o1000 != 0 {
            bits |= STICKY;
        }
        Self(
            bits | match kind {
                NodeKind::File { .. } => 0,
                NodeKind::Dir { .. } => DIR,
                NodeKind::Symlink { .. } => SYMLINK,
                NodeKind::Block { .. } => DEVICE,
                NodeKind::Char { .. } => DEVICE | CHAR,
                NodeKind::Fifo => FIFO,
                NodeKind::Socket => SOCKET,
            },
        )
    }

    /// A mode of the bits as they are stored.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits as they are stored.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Unix permission bits with setuid, setgid and sticky: what `chmod` takes.
    pub const fn permissions(self) -> u32 {
        let mut bits = self.0 & 0o777;
        if self.0 & SETUID != 0 {
            bits |= 0o4000;
        }
        if self.0 & SETGID != 0 {
            bits |= 0o2000;
        }
        if self.0 & STICKY != 0 {
            bits |= 0o1000;
        }
        bits
    }
}
