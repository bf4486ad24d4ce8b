//! A repository that is open: its store, its master key, its config, and what is known of it in memory.
//!
//! Nothing that the storage gives is believed before it is authenticated: every file is checked against its name and
//! its authenticator. A new repository exists from the moment when its config does, and not before.

mod files;
mod hot;
mod init;
mod keys;
mod open;
mod snapshots;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::{Clock, KeyId, LockId, RepositoryId, SnapshotId, SystemClock};
use holdfast_store::Store;
use parking_lot::Mutex;

pub(crate) use files::in_parallel;
use hot::Hot;
pub use hot::HotReport;
pub(crate) use hot::{KEPT, tree_packs};
pub use init::InitOptions;
pub use open::OpenOptions;
pub use snapshots::Snapshots;

use crate::config::{ChunkerKind, Chunking, Config};
use crate::crypto::Key;
use crate::engine::{Engine, State};
use crate::error::RepoError;
use crate::snapshot::Snapshot;

/// An open repository. Clones are the same one.
#[derive(Clone)]
pub struct Repository(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    hot: Option<Hot>,
    key: Arc<Key>,
    key_id: Mutex<KeyId>,
    config: Config,
    polynomial: u64,
    chunker: ChunkerKind,
    clock: Arc<dyn Clock>,
    state_dir: Option<PathBuf>,
    lock_patience: Duration,
    /// Snapshots never change, so that those that were read need not be read again.
    snapshots: Mutex<HashMap<SnapshotId, Arc<Snapshot>>>,
    /// Locks that were given back, and whose files could not be removed.
    leftover_locks: Mutex<Vec<LockId>>,
    engine: Engine,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("id", &self.id()).field("location", &self.location()).finish_non_exhaustive()
    }
}

impl Repository {
    fn new(
        (store, hot): (Arc<dyn Store>, Option<Hot>),
        (key, key_id): (Key, KeyId),
        config: Config,
        options: OpenOptions,
    ) -> Result<Self, RepoError> {
        let location = store.location();
        let refused = |reason: String| RepoError::Refused { reason };
        if !crate::config::VERSIONS.contains(&config.version) {
            return Err(RepoError::Version { location, version: config.version });
        }
        if config.is_hot() {
            let reason = format!("{location} is the hot part of a repository; give the address of its main part");
            return Err(refused(reason));
        }
        let polynomial =
            config.polynomial().ok_or_else(|| open::bad_config(&location, "its polynomial cuts nothing"))?;
        let chunker = config.chunker().map_err(|name| {
            refused(format!(
                "{location} uses the chunker {name:?}, which this version of Holdfast does not have; update it"
            ))
        })?;
        let state_dir = options.state_dir.map(|base| base.join(config.id.to_string()));
        let key = Arc::new(key);
        let clock = options.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let state = state_dir.as_deref().map(|folder| State { folder, is_kept: !options.dry_run });
        let joined = hot.as_ref().and_then(|hot| hot.joined.as_ref());
        let engine = Engine::new((store.clone(), joined), key.clone(), clock.clone(), config.id, state, options.engine);
        Ok(Self(Arc::new(Inner {
            store,
            hot,
            key,
            key_id: Mutex::new(key_id),
            config,
            polynomial,
            chunker,
            clock,
            state_dir,
            lock_patience: options.lock_patience,
            snapshots: Mutex::default(),
            leftover_locks: Mutex::default(),
            engine,
        })))
    }

    /// Whether there are other clones of it.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Its id: random, and the same wherever it is moved.
    pub fn id(&self) -> RepositoryId {
        self.0.config.id
    }

    /// The version of its format, 1 or 2.
    pub fn version(&self) -> u32 {
        self.0.config.version
    }

    /// What it says of itself.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Where it is, as a person would say it, without any secret.
    pub fn location(&self) -> String {
        self.0.store.location()
    }

    /// How new files are cut. Repositories that restic or rustic made keep Rabin.
    pub fn chunking(&self) -> Chunking {
        match self.0.chunker {
            ChunkerKind::Gear => Chunking::Gear { seed: self.0.key.chunker_seed() },
            ChunkerKind::Rabin => Chunking::Rabin { polynomial: self.0.polynomial },
        }
    }

    /// The folder for what belongs to this repository and is not in it, if one was given. It may not exist yet.
    pub fn state_dir(&self) -> Option<&Path> {
        self.0.state_dir.as_deref()
    }

    /// Fails for a repository that we only read: one of format version 1.
    pub fn check_writable(&self) -> Result<(), RepoError> {
        if self.version() >= 2 {
            return Ok(());
        }
        let reason = format!(
            "the repository in {} has format version 1, which Holdfast reads but does not write; \
             upgrade it with `restic migrate upgrade_repo_v2`",
            self.location()
        );
        Err(RepoError::Refused { reason })
    }

    /// Fails for a repository that nothing may be removed from, and for one that we only read.
    pub fn check_removable(&self) -> Result<(), RepoError> {
        if self.config().is_append_only() {
            let reason = format!(
                "the repository in {} is marked as append-only, so that nothing may be removed from it; \
                 lift that with `rustic config --set-append-only false`",
                self.location()
            );
            return Err(RepoError::Refused { reason });
        }
        self.check_writable()
    }

    /// The index, the reader and the pipeline that all clones of this repository share.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    pub(crate) fn lock_patience(&self) -> Duration {
        self.0.lock_patience
    }

    pub(crate) fn leftover_locks(&self) -> &Mutex<Vec<LockId>> {
        &self.0.leftover_locks
    }

    pub(crate) fn key(&self) -> &Arc<Key> {
        &self.0.key
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }
}

#[cfg(test)]
mod tests;
