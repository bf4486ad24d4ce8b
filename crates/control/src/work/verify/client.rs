//! Asks a client which files it still has as they were stored. Its agent compares them, as for a restore that changes nothing:
//! it is told names and hashes of what it has sent itself, and nothing is written.

use std::collections::BTreeSet;

use holdfast_model::snapshot_path::escape_name;
use holdfast_model::{CancelToken, Silent};
use holdfast_pull::{Overwrite, RestoreOutcome, RestoreRequest, Witness, Witnessed, restore_before};
use holdfast_repo::{Repository, SavedSnapshot};

use super::super::client::Caller;
use super::super::{Failure, Workplace};
use super::sample::Sample;

/// The way to the client.
pub(super) struct Way<'a> {
    pub(super) caller: &'a Caller,
    pub(super) place: &'a Workplace,
    pub(super) cancel: &'a CancelToken,
}

/// What the client has.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Files that are as they were stored.
    pub(super) same: u64,
    /// Files that have the size and the time that were stored, and yet another content.
    pub(super) suspicious: Vec<String>,
}

/// Compares.
pub(super) fn compare(
    way: &Way<'_>,
    repository: &Repository,
    snapshot: &SavedSnapshot,
    sample: &Sample,
) -> Result<Compared, Failure> {
    // Size and time alone count here, but where they differ; there, the content.
    let unchanged = ask(way, repository, snapshot, sample, Overwrite::IfChanged)?;
    let same = ask(way, repository, snapshot, sample, Overwrite::Always)?;
    let suspicious = unchanged.difference(&same).map(|path| escape_name(&[b"/", path.as_slice()].concat())).collect();
    Ok(Compared { same: same.len() as u64, suspicious })
}

/// The files that an agent would leave as they are.
fn ask(
    way: &Way<'_>,
    repository: &Repository,
    snapshot: &SavedSnapshot,
    sample: &Sample,
    overwrite: Overwrite,
) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let request = RestoreRequest {
        tree: snapshot.tree,
        target: b"/".to_vec(),
        overwrite,
        delete: false,
        verify: false,
        dry_run: true,
        owners_by_name: false,
        selection: sample,
        whole_beneath: &[],
        expected: None,
    };
    let mut session = way.caller.call(way.place, way.cancel)?;
    let mut unchanged = Unchanged::default();
    restore_before(&mut unchanged, repository, &mut session.link, &request, &Silent, way.cancel)?;
    Ok(unchanged.0)
}

#[derive(Default)]
struct Unchanged(BTreeSet<Vec<u8>>);

impl Witness for Unchanged {
    fn hear(&mut self, node: &Witnessed<'_>) {
        if node.outcome == RestoreOutcome::Unchanged && !node.is_dir {
            self.0.insert(node.path.to_vec());
        }
    }
}
