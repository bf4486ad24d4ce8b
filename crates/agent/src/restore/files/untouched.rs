//! Files that a session had opened for writing and written nothing to when it ended early: they get the mode back that they had.
//!
//! Whoever uses such a file finds it as it was. One to which anything was written stays closed to others: it is broken.

use rustix::fs::{Mode, fchmod};

use super::super::session::Session;
use super::Writing;

impl Session {
    /// Opens them to others again. No other thread may be at work any more.
    pub(in super::super) fn reopen_untouched(&self) {
        for writing in self.files.take_unfinished(None) {
            if let Some(mode) = closed_from(&writing)
                && let Ok(handle) = self.handle_of(&writing)
            {
                // There is nobody left to whom it could be told that it failed; the server names these files in any case.
                let _ = fchmod(&*handle, mode);
            }
        }
    }
}

/// The mode that a file had, if it was there before and nothing was written to it.
fn closed_from(writing: &Writing) -> Option<Mode> {
    writing.made()?.closed_from.filter(|_| writing.is_untouched())
}
