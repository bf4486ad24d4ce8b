//! What a restore could not read from the repository: said once for each pack, however much of it is wanted, and whether it
//! has left nothing to restore.

use std::collections::HashSet;

use holdfast_model::PackId;
use holdfast_model::monitor::ItemError;
use holdfast_repo::ReadError;

use super::RestoreError;
use super::unfinished::Unfinished;
use crate::text::with_causes;

/// What could not be read.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    /// Packs of which that was said.
    packs: HashSet<PackId>,
    /// What went wrong first.
    first: Option<ReadError>,
    /// Nodes that the agent was not told of because of it.
    pub(super) lost: u64,
}

impl Unreadable {
    /// Something of a pack cannot be read; gives back what is to be said of it. The files that need it are named one by one.
    pub(super) fn take(&mut self, pack: PackId, error: ReadError) -> Option<ItemError> {
        let problem = self.packs.insert(pack).then(|| ItemError {
            path: format!("pack {pack}"),
            during: "read".into(),
            message: with_causes(&error),
        });
        self.first.get_or_insert(error);
        problem
    }

    /// That nothing of what was to be restored could be, if that is the repository's fault.
    pub(super) fn nothing_left(&mut self, files: &Unfinished) -> Option<RestoreError> {
        let source = self.first.take().map(Box::new);
        let lost = files.lost() + self.lost;
        let is_to_blame = source.is_some() || self.lost > 0;
        (is_to_blame && lost > 0 && !files.has_whole()).then_some(RestoreError::NothingLeft { lost, source })
    }
}
