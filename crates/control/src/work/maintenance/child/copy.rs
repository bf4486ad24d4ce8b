//! Copies snapshots to another repository. Those that are there already are left out.

use std::collections::BTreeMap;

use holdfast_model::job::Outcome;
use holdfast_model::{CancelToken, Monitor};
use holdfast_repo::{Repository, SavedSnapshot, Sleep, copy_snapshots};

use super::super::super::Failure;
use super::super::super::backup::{client_of_tags, policy_of_tags};
use super::super::Selected;

/// Copies what is selected.
pub(super) fn copy(
    from: &Repository,
    to: &Repository,
    selected: &Selected,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<Outcome, Failure> {
    if from.id() == to.id() {
        return Err(Failure::configuration("both are the same repository: there is nothing to copy"));
    }
    let found = from.read_snapshots()?;
    for (id, error) in &found.damaged {
        monitor.warning(&format!("snapshot {} cannot be read and is not copied: {error}", id.short()));
    }
    let damaged = found.damaged.len() as u64;
    let snapshots = select(found.good, selected);
    let report = copy_snapshots(from, &snapshots, to, &Sleep::new(cancel.clone()), monitor, cancel)?;
    monitor.note(&format!(
        "{} snapshots copied to {}, {} were there already",
        report.copied.len(),
        to.id(),
        report.skipped.len()
    ));
    Ok(Outcome {
        files: snapshots.len() as u64,
        files_new: report.copied.len() as u64,
        bytes_added: report.added.data.packed + report.added.trees.packed,
        warnings: damaged,
        ..Outcome::default()
    })
}

/// The snapshots that are meant, the oldest first as they came.
fn select(all: Vec<SavedSnapshot>, selected: &Selected) -> Vec<SavedSnapshot> {
    let mut meant: Vec<SavedSnapshot> = all.into_iter().filter(|one| is_of(one, selected)).collect();
    if selected.newest {
        let mut newest = BTreeMap::new();
        for (at, one) in meant.iter().enumerate() {
            let client = client_of_tags(&one.tags).map_or_else(|| one.hostname.clone(), |uid| uid.to_string());
            newest.insert((client, policy_of_tags(&one.tags), one.paths.clone()), at);
        }
        let mut keep: Vec<usize> = newest.into_values().collect();
        keep.sort_unstable();
        let mut at = 0;
        meant.retain(|_| {
            at += 1;
            keep.binary_search(&(at - 1)).is_ok()
        });
    }
    meant
}

/// A snapshot that says whose it is belongs to that client, another one to the client of its hostname.
fn is_of(snapshot: &SavedSnapshot, selected: &Selected) -> bool {
    let Some(client) = selected.client else { return true };
    match client_of_tags(&snapshot.tags) {
        Some(owner) => owner == client,
        None => selected.hostname.as_ref().is_some_and(|name| name.as_str() == snapshot.hostname),
    }
}
