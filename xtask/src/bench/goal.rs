//! What is to be reached, row by row, and whether it was. Why not, where it was not, stands in `docs/performance.md`.

mod judge;
mod rows;

use super::results::Book;
pub(super) use rows::ALL;

/// One thing to be reached.
pub(super) struct Goal {
    pub(super) work: &'static str,
    pub(super) goal: &'static str,
    /// What was measured; none where the works that it needs were not.
    judge: fn(&Book) -> Option<Verdict>,
}

/// What was measured, beside a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) measured: String,
    pub(super) met: bool,
}

impl Goal {
    pub(super) fn judge(&self, book: &Book) -> Option<Verdict> {
        (self.judge)(book)
    }
}

#[cfg(test)]
mod tests;
