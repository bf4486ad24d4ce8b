//! Making a repository: the folders, a key file, and last the config, which makes it one.
//!
//! Cut off at any point, it leaves either no repository or a whole one; what is left over then is in nobody's way.

use std::sync::Arc;

use holdfast_model::{Id, KeyId, SystemClock};
use holdfast_store::{ErrorKind, FileKind, HotStore, Store};
use sha2::{Digest, Sha256};

use super::hot::{self, Hot};
use super::open::seal_config;
use super::{OpenOptions, Repository};
use crate::config::{ChunkerKind, Config};
use crate::crypto::Key;
use crate::error::RepoError;
use crate::key::{KdfCost, KeyFile};
use crate::process::Process;

/// What a new repository shall be like.
#[derive(Debug, Clone, Copy, Default)]
pub struct InitOptions {
    /// How files are cut, for good.
    pub chunker: ChunkerKind,
    /// How much it costs to try a password.
    pub kdf_cost: KdfCost,
}

impl Repository {
    /// Makes a repository of format version 2 and opens it.
    ///
    /// Fails if there is one already, or data of one that has lost its config.
    pub fn init(
        store: Arc<dyn Store>,
        password: &[u8],
        init: InitOptions,
        mut options: OpenOptions,
    ) -> Result<Self, RepoError> {
        let main = store;
        let joined = options.hot.take().map(|hot| HotStore::new(main.clone(), hot));
        let store: Arc<dyn Store> = joined.clone().map_or(main, |joined| Arc::new(joined));
        let refuse = || {
            refuse_existing(&*store)?;
            joined.as_ref().map_or(Ok(()), |joined| refuse_existing(&**joined.hot()))
        };
        refuse()?;
        store.create()?;
        refuse()?;
        let (key, config) = (Key::random(), Config::new(init.chunker));
        let now = options.clock.as_ref().map_or_else(|| holdfast_model::Clock::now(&SystemClock), |clock| clock.now());
        let us = Process::current();
        let file = KeyFile::seal(&key, password, init.kdf_cost, now.into(), (us.username, us.hostname));
        let key_id = save_key(&*store, &file)?;
        let sealed = seal_config(&key, &config);
        match store.put(FileKind::Config, &Id::default(), &[&sealed]) {
            // If it is ours, an earlier attempt had succeeded and its answer was lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            result => result?,
        }
        // If it is not, somebody else was faster, or replaced ours where storage cannot tell: our key would open nothing
        // there, and theirs must stay.
        if store.read(FileKind::Config, &Id::default())? != sealed {
            store.remove(FileKind::Key, &Id::from(key_id))?;
            return Err(RepoError::AlreadyExists { location: store.location() });
        }
        remove_other_keys(&*store, key_id)?;
        let Some(joined) = joined else { return Self::new((store, None), (key, key_id), config, options) };
        // A hot part that lacks it is not used, and can be filled.
        remove_other_keys(&**joined.hot(), key_id)?;
        hot::write_config(&**joined.hot(), &key, &config)?;
        let hot = Hot { part: joined.hot().clone(), joined: Some(joined) };
        Self::new((store, Some(hot)), (key, key_id), config, options)
    }
}

fn refuse_existing(store: &dyn Store) -> Result<(), RepoError> {
    let location = store.location();
    match store.size(FileKind::Config, &Id::default()) {
        Ok(_) => return Err(RepoError::AlreadyExists { location }),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(source.into()),
    }
    for kind in [FileKind::Snapshot, FileKind::Index, FileKind::Pack] {
        let files = match store.list(kind) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            result => result?,
        };
        if !files.is_empty() {
            return Err(RepoError::Remains { location, folder: kind.folder() });
        }
    }
    Ok(())
}

/// Removes keys that an earlier attempt left behind: they open no config, and restic may try them first.
fn remove_other_keys(store: &dyn Store, ours: KeyId) -> Result<(), RepoError> {
    for file in store.list(FileKind::Key)? {
        if file.id != Id::from(ours) {
            match store.remove(FileKind::Key, &file.id) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Writes a key file; it is durable when this returns.
pub(super) fn save_key(store: &dyn Store, file: &KeyFile) -> Result<KeyId, RepoError> {
    let document = crate::json::to_vec(file);
    let id = Id::new(Sha256::digest(&document).into());
    store.put(FileKind::Key, &id, &[&document])?;
    Ok(id.into())
}
