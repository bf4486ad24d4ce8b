//! How a run ends: restic's exit codes.

use std::process::ExitCode;

/// What the caller of the program learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// It failed; nothing half-done is left.
    Failed = 1,
    /// Done, but some sources could not be read (or some files not restored).
    Incomplete = 3,
    /// There is no repository.
    NoRepository = 10,
    /// The repository is locked by somebody else.
    Locked = 11,
    /// The password does not open the repository.
    WrongPassword = 12,
    /// Whoever read the output had enough of it: as a shell tells of a program that SIGPIPE has ended.
    ReaderGone = 141,
    /// A person or the system asked it to stop.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
