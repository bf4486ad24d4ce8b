//! The hot part of a repository: which one belongs to it, and how it is filled.
//!
//! Invariant: nothing is written into a hot part before it has proven to be this repository's: a key that the main part
//! lists opens its config, and both configs have the same id. One without a config is left alone until it is filled.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_model::monitor::{Phase, Progress};
use holdfast_model::{CancelToken, Id, Monitor, PackId};
use holdfast_store::{Copied, ErrorKind, FileKind, HotStore, Store, StoreError};

use super::open::seal_config;
use super::{Repository, in_parallel};
use crate::config::Config;
use crate::crypto::Key;
use crate::error::{FileFault, RepoError};
use crate::index::IndexView;
use crate::pack::BlobKind;

/// The kinds of file whose copies are compared and made anew. Locks come and go.
pub(crate) const KEPT: [FileKind; 3] = [FileKind::Key, FileKind::Snapshot, FileKind::Index];

/// A hot part that was named.
pub(super) struct Hot {
    pub(super) part: Arc<dyn Store>,
    /// Both parts as one; `None` while the hot part has no config, and so is not used.
    pub(super) joined: Option<HotStore>,
}

/// What filling a hot part did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HotReport {
    /// Files that were copied into it.
    pub files_copied: u64,
    /// Bytes of those.
    pub bytes_copied: u64,
    /// Copies that were deleted, because the repository does not have their files any more.
    pub files_deleted: u64,
}

/// The config in the hot part, if it has one.
pub(super) fn read_config(hot: &dyn Store) -> Result<Option<Vec<u8>>, RepoError> {
    match hot.read(FileKind::Config, &Id::default()) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => Ok(Some(result?.to_vec())),
    }
}

/// Fails unless the hot part, whose config is `config`, and the main part are those of one repository. Returns the config to
/// go by: the main part's, which another program may have changed, wherever its storage gives that back.
pub(super) fn prove_one(main: &dyn Store, hot: &dyn Store, key: &Key, config: Config) -> Result<Config, RepoError> {
    let (main_location, hot_location) = (main.location(), hot.location());
    let refused = |reason: String| Err(RepoError::Refused { reason });
    if !config.is_hot() {
        return refused(format!(
            "{hot_location} is not the hot part of a repository but a whole one, or the main part of one; \
             see whether the two addresses are in each other's place"
        ));
    }
    let sealed = match main.read(FileKind::Config, &Id::default()) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(RepoError::NotARepository { location: main_location });
        }
        // The key has proven enough.
        Err(error) if is_withheld(&error) => return Ok(config.of_part(false)),
        result => result?,
    };
    let damaged = |fault| RepoError::damaged(FileKind::Config, &Id::default(), main_location.clone(), fault);
    let document = key.open(&sealed).map_err(|_| damaged(FileFault::Unauthenticated))?;
    let of_main: Config =
        serde_json::from_slice(&document).map_err(|source| damaged(FileFault::Document { source }))?;
    if of_main.is_hot() {
        return refused(format!("{main_location} is the hot part of a repository; give the address of its main part"));
    }
    if of_main.id != config.id {
        return Err(strange(&main_location, &hot_location));
    }
    Ok(of_main)
}

/// Whether this is how storage for archives answers: the file is there, and is not given back.
pub(super) fn is_withheld(error: &StoreError) -> bool {
    matches!(error.kind(), ErrorKind::Denied | ErrorKind::Permanent)
}

/// What is said of a hot part that is another repository's.
pub(super) fn strange(main: &str, hot: &str) -> RepoError {
    let reason = format!(
        "{hot} is not the hot part of the repository in {main}, or its config is damaged; check both addresses, \
         and if they are right, delete the file config in {hot} and run `holdfast repair hot`"
    );
    RepoError::Refused { reason }
}

/// Writes the config that makes a folder the hot part of a repository.
pub(super) fn write_config(hot: &dyn Store, key: &Key, config: &Config) -> Result<(), RepoError> {
    Ok(hot.put(FileKind::Config, &Id::default(), &[&seal_config(key, &config.of_part(true))])?)
}

/// The packs that hold trees, by the index.
pub(crate) fn tree_packs(view: &IndexView) -> HashSet<PackId> {
    view.blobs(BlobKind::Tree).map(|(_, at)| at.pack).collect()
}

impl Repository {
    /// Why its hot part is not used, if one was named and is not.
    pub fn hot_trouble(&self) -> Option<String> {
        let hot = self.0.hot.as_ref().filter(|hot| hot.joined.is_none())?;
        Some(format!(
            "{} has no config, so that it is not used as the hot part: it is lost, not mounted, or new; \
             `holdfast repair hot` fills it",
            hot.part.location()
        ))
    }

    /// Whether its hot part has gone since it was opened, or has come: then it is to be opened anew.
    pub fn has_hot_changed(&self) -> bool {
        let Some(hot) = &self.0.hot else { return false };
        match hot.part.size(FileKind::Config, &Id::default()) {
            Ok(_) => hot.joined.is_none(),
            Err(error) => hot.joined.is_some() && error.kind() == ErrorKind::NotFound,
        }
    }

    /// Both parts as one, if the hot part is used.
    pub(crate) fn joined(&self) -> Option<&HotStore> {
        self.0.hot.as_ref()?.joined.as_ref()
    }

    /// Copies into the hot part whatever is missing or damaged there, so that an empty one becomes a whole one, and deletes copies of
    /// what is gone. The caller holds the exclusive lock: what somebody is just writing would be taken for a copy of what is
    /// gone, or be missing in a part that is taken for whole. It is used from the next time on that the repository is opened.
    pub fn fill_hot(&self, monitor: &dyn Monitor, cancel: &CancelToken) -> Result<HotReport, RepoError> {
        monitor.phase(Phase::Repacking);
        let Some(hot) = &self.0.hot else {
            let reason = "no hot part was named; say where it is with --repository-hot".to_owned();
            return Err(RepoError::Refused { reason });
        };
        let joined = match &hot.joined {
            Some(joined) => joined.clone(),
            None => self.adopt(&hot.part)?,
        };
        self.engine().refresh()?;
        let packs = tree_packs(&self.engine().index());
        let has_copy = |kind, id: &Id| kind != FileKind::Pack || packs.contains(&PackId::from(*id));
        let (mut bad, mut present) = (Vec::new(), Vec::new());
        for kind in KEPT.into_iter().chain([FileKind::Pack]) {
            let compared = joined.compare(kind, &|id| has_copy(kind, id))?;
            bad.extend(compared.missing.into_iter().map(|file| (kind, file)));
            present.extend(compared.present.into_iter().map(|file| (kind, file)));
        }
        bad.extend(damaged(&joined, present, cancel)?);
        let (files_copied, bytes_copied) = copy_all(&joined, &bad, monitor, cancel)?;
        let files_deleted = joined.sweep_copies()?;
        if hot.joined.is_none() {
            // Last: a hot part without a config is used by nobody, and one with it is taken for whole.
            write_config(&*hot.part, self.key(), self.config())?;
        }
        Ok(HotReport { files_copied, bytes_copied, files_deleted })
    }

    /// A folder without a config that is to become the hot part.
    fn adopt(&self, part: &Arc<dyn Store>) -> Result<HotStore, RepoError> {
        let joined = HotStore::new(self.store().clone(), part.clone());
        for kind in KEPT.into_iter().chain([FileKind::Pack]) {
            if !joined.compare(kind, &|_| false)?.left_over.is_empty() {
                let reason = format!(
                    "{} has {} that this repository does not have; choose an empty place for its hot part, or empty this one if \
                     it holds nothing but what an earlier `repair hot` has left there",
                    part.location(),
                    kind.folder()
                );
                return Err(RepoError::Refused { reason });
            }
        }
        part.create()?;
        Ok(joined)
    }
}

/// Those whose copies don't hash to their names.
fn damaged(
    joined: &HotStore,
    files: Vec<(FileKind, Copied)>,
    cancel: &CancelToken,
) -> Result<Vec<(FileKind, Copied)>, RepoError> {
    let whole = in_parallel(&files, |(kind, file)| {
        cancel.check()?;
        Ok::<bool, RepoError>(joined.is_whole(*kind, &file.id, file.size)?)
    });
    let whole = whole.into_iter().collect::<Result<Vec<bool>, _>>()?;
    Ok(files.into_iter().zip(whole).filter(|(_, whole)| !whole).map(|(file, _)| file).collect())
}

/// Copies files, some at a time; says how many, and their bytes.
fn copy_all(
    joined: &HotStore,
    files: &[(FileKind, Copied)],
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<(u64, u64), RepoError> {
    let bytes_total = files.iter().map(|(_, file)| file.size).sum();
    let (count, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let results = in_parallel(files, |(kind, file)| -> Result<(), RepoError> {
        cancel.check()?;
        if let Some(size) = joined.copy(*kind, &file.id)? {
            let progress = Progress {
                files_done: count.fetch_add(1, Ordering::Relaxed) + 1,
                files_total: Some(files.len() as u64),
                bytes_done: bytes.fetch_add(size, Ordering::Relaxed) + size,
                bytes_total: Some(bytes_total),
                ..Progress::default()
            };
            monitor.progress(&progress);
        }
        Ok(())
    });
    results.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok((count.into_inner(), bytes.into_inner()))
}

#[cfg(test)]
mod tests;
