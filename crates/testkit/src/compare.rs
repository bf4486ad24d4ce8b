//! Compares two trees in everything that a backup must give back.
//!
//! Nothing is followed and nothing is assumed: what cannot be read is a difference too. Both trees are walked from
//! directory handles, so paths may be longer than a system call takes. Access and change times are not compared:
//! the first are changed by reading, the second cannot be set.

mod content;
mod entry;
mod walk;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use holdfast_model::Timestamp;

/// What is compared. By default everything but the room that holes save, and the two roots' own attributes.
#[derive(Debug, Clone)]
pub struct CompareOptions {
    /// Owner and group.
    pub owners: bool,
    /// Modification times, to the nanosecond.
    pub mtimes: bool,
    /// Extended attributes, access control lists and capabilities among them.
    pub xattrs: bool,
    /// Whether entries are names of one file in one tree as in the other.
    pub hard_links: HardLinks,
    /// Whether the second tree's files may take more room than the first's.
    pub holes: Holes,
    /// Sockets; if not, they may be missing or not.
    pub sockets: bool,
    /// The roots' own mode, owner, time and attributes.
    pub root: bool,
    /// Entries that are left out with all beneath them, as paths from the root.
    pub ignore: Vec<PathBuf>,
}

/// Which hard links must be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HardLinks {
    /// Those of every kind of file.
    All,
    /// Those of regular files.
    Regular,
    /// None.
    Ignore,
}

/// How much room a file of the second tree may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holes {
    /// Any.
    Ignore,
    /// As much as in the first tree, and so many bytes more for each of its holes there.
    Kept {
        /// The allowance for a hole, in bytes.
        slack: u64,
    },
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            owners: true,
            mtimes: true,
            xattrs: true,
            hard_links: HardLinks::All,
            holes: Holes::Ignore,
            sockets: true,
            root: false,
            ignore: Vec::new(),
        }
    }
}

impl CompareOptions {
    /// For what restic restored: it skips sockets and keeps hard links of regular files only.
    pub fn restic() -> Self {
        Self { sockets: false, hard_links: HardLinks::Regular, ..Self::default() }
    }

    /// For what an ordinary user restored, who cannot give files away.
    pub fn unprivileged() -> Self {
        Self { owners: false, ..Self::default() }
    }

    /// The same, and holes must be kept, but for so many bytes each.
    #[must_use]
    pub fn keeping_holes(self, slack: u64) -> Self {
        Self { holes: Holes::Kept { slack }, ..self }
    }

    /// The same, without this entry and all beneath it.
    #[must_use]
    pub fn ignoring(mut self, path: impl Into<PathBuf>) -> Self {
        self.ignore.push(path.into());
        self
    }
}

/// One thing that is not the same in both trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The entry, from the root; empty for the root itself.
    pub path: PathBuf,
    /// What differs.
    pub kind: DifferenceKind,
}

/// What differs; `a` is the first tree's, `b` the second's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field would repeat its variant")]
pub enum DifferenceKind {
    /// Only the first tree has the entry.
    Missing,
    /// Only the second tree has the entry.
    Extra,
    /// Another type of file, as `st_mode` has it.
    Type { a: u32, b: u32 },
    /// Other permission bits.
    Mode { a: u32, b: u32 },
    /// Another owner or group.
    Owner { a: (u32, u32), b: (u32, u32) },
    /// Another length, in bytes.
    Size { a: u64, b: u64 },
    /// Other bytes, at first at this offset.
    Content { offset: u64 },
    /// Another modification time.
    Mtime { a: Timestamp, b: Timestamp },
    /// A symbolic link to somewhere else.
    LinkTarget { a: OsString, b: OsString },
    /// A device of another number (major, minor).
    Device { a: (u32, u32), b: (u32, u32) },
    /// The first entry of the tree that is another name of the same file, if there is one.
    HardLink { a: Option<PathBuf>, b: Option<PathBuf> },
    /// An extended attribute that is other or not there.
    Xattr { name: OsString, a: Option<Vec<u8>>, b: Option<Vec<u8>> },
    /// More room than allowed, in bytes.
    Room { allowed: u64, b: u64 },
    /// Something that could not be read, so that nothing is known.
    Unreadable { what: String },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: ", self.path)?;
        match &self.kind {
            DifferenceKind::Missing => write!(f, "missing from the second tree"),
            DifferenceKind::Extra => write!(f, "only in the second tree"),
            DifferenceKind::Type { a, b } => write!(f, "type {a:o}, then {b:o}"),
            DifferenceKind::Mode { a, b } => write!(f, "mode {a:04o}, then {b:04o}"),
            DifferenceKind::Owner { a, b } => write!(f, "owner {}:{}, then {}:{}", a.0, a.1, b.0, b.1),
            DifferenceKind::Size { a, b } => write!(f, "{a} bytes long, then {b}"),
            DifferenceKind::Content { offset } => write!(f, "other content from byte {offset} on"),
            DifferenceKind::Mtime { a, b } => {
                write!(f, "changed at {}.{:09}, then {}.{:09}", a.seconds, a.nanoseconds, b.seconds, b.nanoseconds)
            }
            DifferenceKind::LinkTarget { a, b } => write!(f, "points to {a:?}, then to {b:?}"),
            DifferenceKind::Device { a, b } => write!(f, "device {}:{}, then {}:{}", a.0, a.1, b.0, b.1),
            DifferenceKind::HardLink { a, b } => write!(f, "the same file as {a:?}, then as {b:?}"),
            DifferenceKind::Xattr { name, a, b } => write!(f, "attribute {name:?} is {a:?}, then {b:?}"),
            DifferenceKind::Room { allowed, b } => write!(f, "takes {b} bytes of room, {allowed} are allowed"),
            DifferenceKind::Unreadable { what } => write!(f, "cannot be compared: {what}"),
        }
    }
}

/// Everything in which tree `b` is not what tree `a` is, in the order of paths. Empty if they are equal.
pub fn compare_trees(a: impl AsRef<Path>, b: impl AsRef<Path>, options: &CompareOptions) -> Vec<Difference> {
    walk::compare(a.as_ref(), b.as_ref(), options)
}

#[cfg(test)]
mod tests;
