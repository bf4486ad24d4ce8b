//! The snapshots of a repository: read side by side, kept in memory, found by id, prefix or filter.

use std::collections::HashSet;
use std::str::FromStr;
use std::sync::Arc;

use holdfast_model::{Id, SnapshotId};
use holdfast_store::{ErrorKind, FileKind};

use super::Repository;
use super::files::in_parallel;
use crate::error::{FileFault, RepoError};
use crate::snapshot::{SavedSnapshot, Snapshot, SnapshotFilter};

/// All snapshots, as far as they could be read.
#[derive(Debug, Default)]
pub struct Snapshots {
    /// Those that could, oldest first.
    pub good: Vec<SavedSnapshot>,
    /// What is wrong with the others.
    pub damaged: Vec<(SnapshotId, RepoError)>,
}

impl Repository {
    /// All snapshots, oldest first. Fails at one that is damaged.
    pub fn snapshots(&self) -> Result<Vec<SavedSnapshot>, RepoError> {
        let Snapshots { good, damaged } = self.read_snapshots()?;
        match damaged.into_iter().next() {
            None => Ok(good),
            Some((_, error)) => Err(error),
        }
    }

    /// All snapshots, oldest first, and apart from them those that are damaged. Fails only if the storage does.
    pub fn read_snapshots(&self) -> Result<Snapshots, RepoError> {
        let ids: Vec<SnapshotId> =
            self.store().list(FileKind::Snapshot)?.into_iter().map(|file| file.id.into()).collect();
        let mut result = Snapshots::default();
        for (id, snapshot) in ids.iter().zip(in_parallel(&ids, |id| self.load_snapshot(*id))) {
            match snapshot {
                Ok(snapshot) => result.good.push(snapshot),
                // Somebody removed it since it was listed.
                Err(RepoError::Storage { source }) if source.kind() == ErrorKind::NotFound => {}
                Err(error @ RepoError::Damaged { .. }) => result.damaged.push((*id, error)),
                Err(error) => return Err(error),
            }
        }
        let listed: HashSet<SnapshotId> = ids.into_iter().collect();
        self.0.snapshots.lock().retain(|id, _| listed.contains(id));
        result.good.sort_by_key(|snapshot| (snapshot.time, snapshot.id));
        Ok(result)
    }

    /// Remembers no snapshot any more: each is read again from the storage.
    pub fn forget_snapshots(&self) {
        self.0.snapshots.lock().clear();
    }

    /// One snapshot.
    pub fn load_snapshot(&self, id: SnapshotId) -> Result<SavedSnapshot, RepoError> {
        if let Some(snapshot) = self.0.snapshots.lock().get(&id) {
            return Ok(SavedSnapshot { id, snapshot: Arc::clone(snapshot) });
        }
        let file = Id::from(id);
        let document = self.load_unpacked(FileKind::Snapshot, &file)?;
        let snapshot = Snapshot::parse(&document).map_err(|source| {
            RepoError::damaged(FileKind::Snapshot, &file, self.location(), FileFault::Document { source })
        })?;
        let snapshot = Arc::new(snapshot);
        self.0.snapshots.lock().insert(id, Arc::clone(&snapshot));
        Ok(SavedSnapshot { id, snapshot })
    }

    /// The snapshot of that id or beginning of an id, or the latest that passes the filter for `latest`.
    pub fn find_snapshot(&self, name: &str, filter: &SnapshotFilter) -> Result<SavedSnapshot, RepoError> {
        if name == "latest" {
            let latest = self.snapshots()?.into_iter().rfind(|snapshot| filter.matches(snapshot));
            return latest.ok_or_else(|| RepoError::NoMatch { location: self.location(), filter: filter.to_string() });
        }
        let id = match SnapshotId::from_str(name) {
            Ok(id) => id,
            Err(_) => {
                let ids = self.store().list(FileKind::Snapshot)?.into_iter().map(|file| file.id);
                find_id("snapshot", name, ids, self.location())?.into()
            }
        };
        match self.load_snapshot(id) {
            Err(RepoError::Storage { source }) if source.kind() == ErrorKind::NotFound => {
                Err(RepoError::NotFound { what: "snapshot", name: name.to_owned(), location: self.location() })
            }
            result => result,
        }
    }

    /// Writes a snapshot; it is durable when this returns. Everything it reaches must be durable before.
    pub(crate) fn save_snapshot(&self, snapshot: Snapshot) -> Result<SavedSnapshot, RepoError> {
        let id = SnapshotId::from(self.save_unpacked(FileKind::Snapshot, &snapshot.to_bytes())?);
        let snapshot = Arc::new(snapshot);
        self.0.snapshots.lock().insert(id, Arc::clone(&snapshot));
        Ok(SavedSnapshot { id, snapshot })
    }

    /// Removes a snapshot, but none of the data that only it reaches. It is fine if somebody else was faster.
    pub fn remove_snapshot(&self, id: SnapshotId) -> Result<(), RepoError> {
        self.check_removable()?;
        self.0.snapshots.lock().remove(&id);
        match self.store().remove(FileKind::Snapshot, &Id::from(id)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => Ok(result?),
        }
    }

    /// Replaces a snapshot by a changed one, which remembers the first of its line as its `original`, as restic does.
    pub fn replace_snapshot(&self, old: &SavedSnapshot, mut new: Snapshot) -> Result<SavedSnapshot, RepoError> {
        new.original = new.original.or(Some(old.id));
        let saved = self.save_snapshot(new)?;
        self.remove_snapshot(old.id)?;
        Ok(saved)
    }
}

/// The one id that begins so.
pub(super) fn find_id(
    what: &'static str,
    prefix: &str,
    ids: impl Iterator<Item = Id>,
    location: String,
) -> Result<Id, RepoError> {
    let lower = prefix.to_ascii_lowercase();
    let name = || prefix.chars().take(80).collect();
    let mut found = ids.filter(|id| !prefix.is_empty() && id.to_string().starts_with(&lower));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(RepoError::NotFound { what, name: name(), location }),
        (Some(_), Some(_)) => Err(RepoError::Ambiguous { what, name: name() }),
    }
}
