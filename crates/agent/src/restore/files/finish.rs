//! The last step of a file: its length, proof if wanted, and only then owner, mode and times.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use holdfast_wire::RestoreOutcome;
use rustix::fs::{Advice, fadvise, fdatasync, ftruncate};
use rustix::io::Errno;

use super::super::metadata::Handle;
use super::super::session::Session;
use super::super::sparse::Beneath;
use super::super::trouble::Trouble;
use super::place::check_size;
use super::{Made, Writing};

impl Session {
    /// Completes a file of which nothing is missing any more, and tells what became of it.
    pub(in super::super) fn finish_file(&self, writing: &Writing, handle: &File, buffer: &mut [u8]) {
        let node = &writing.file.node;
        let Some(made) = writing.made() else { return self.abandon_file(writing) };
        let outcome = match self.complete(writing, made, handle, buffer) {
            _ if writing.failed.load(Ordering::Relaxed) => RestoreOutcome::Failed,
            Err(trouble) => {
                self.fail_writing(writing, &trouble);
                RestoreOutcome::Failed
            }
            Ok(()) => {
                let whole = self.apply_metadata(Handle::Real(handle.as_fd()), made.current, node, writing.bare);
                match (check_size(&writing.file), whole) {
                    (Ok(()), true) if made.untouched => RestoreOutcome::Unchanged,
                    (Ok(()), true) => RestoreOutcome::Restored,
                    (Ok(()), false) => RestoreOutcome::Failed,
                    (Err(trouble), _) => {
                        self.trouble(node, &trouble);
                        RestoreOutcome::Failed
                    }
                }
            }
        };
        self.files.end(node.number);
        self.report.outcome(node.number, outcome);
    }

    /// Sets the length, and reads everything back if that is wanted.
    fn complete(&self, writing: &Writing, made: &Made, handle: &File, buffer: &mut [u8]) -> Result<(), Trouble> {
        if made.untouched || writing.failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let content = &writing.file.content;
        // A file that was there before may be longer by now than we know.
        if writing.extent.load(Ordering::Relaxed) != content.size() || made.beneath == Beneath::Content {
            ftruncate(handle, content.size()).map_err(Trouble::write("set the length"))?;
        }
        if !self.job.verify {
            return Ok(());
        }
        // Reading back from memory would prove little: the data goes to the disk first, and out of the cache.
        fdatasync(handle).map_err(Trouble::write("verify"))?;
        let _ = fadvise(handle, 0, None, Advice::DontNeed);
        match content.first_difference(handle, buffer) {
            Ok(None) => Ok(()),
            Ok(Some(offset)) => {
                Err(Trouble::told("verify", format!("what was written reads back differently, from byte {offset} on")))
            }
            Err(error) => Err(Trouble::os("verify")(Errno::from_io_error(&error).unwrap_or(Errno::IO))),
        }
    }
}
