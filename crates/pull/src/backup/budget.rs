//! Bounds what one client can make the server keep, whatever it announces and never completes.

use holdfast_wire::ViolationClass;

use crate::Violation;

/// Bytes of memory, about, that something may take.
#[derive(Debug)]
pub(super) struct Budget {
    what: &'static str,
    left: usize,
}

impl Budget {
    /// So many bytes for all `what` of a session.
    pub(super) fn new(what: &'static str, bytes: usize) -> Self {
        Self { what, left: bytes }
    }

    /// Takes bytes.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Violation> {
        let too_much = || Violation::new(ViolationClass::Quota, format!("more {} than a server keeps", self.what));
        self.left = self.left.checked_sub(bytes).ok_or_else(too_much)?;
        Ok(())
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&mut self, bytes: usize) {
        self.left += bytes;
    }
}
