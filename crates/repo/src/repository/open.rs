//! Opening a repository: the config says that it is one, and the password must open one of its keys.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::{Clock, Id, KeyId};
use holdfast_store::{ErrorKind, FileKind, HotStore, Store};
use sha2::{Digest, Sha256};

use super::Repository;
use super::hot::{self, Hot};
use crate::config::Config;
use crate::crypto::Key;
use crate::engine::EngineOptions;
use crate::error::{FileFault, RepoError};
use crate::key::{KeyFault, KeyFile};

/// Most keys that are tried, as in restic: each costs part of a second.
const MAX_KEYS: usize = 20;

/// How to open a repository.
#[derive(Default)]
pub struct OpenOptions {
    /// The folder beneath which repositories have folders for what is worth remembering (index cache, digests).
    pub state_dir: Option<PathBuf>,
    /// Nothing that is written will stay, so that nothing of the index may be remembered.
    pub dry_run: bool,
    /// The clock; the machine's if there is none.
    pub clock: Option<Arc<dyn Clock>>,
    /// How blobs are read and written.
    pub engine: EngineOptions,
    /// How long to wait for a lock that somebody else's excludes.
    pub lock_patience: Duration,
    /// The repository's hot part, which has copies of what is read often, if it has one.
    pub hot: Option<Arc<dyn Store>>,
}

impl Repository {
    /// Opens a repository with the password of one of its keys.
    pub fn open(store: Arc<dyn Store>, password: &[u8], mut options: OpenOptions) -> Result<Self, RepoError> {
        let location = store.location();
        let hot = options.hot.take();
        let of_hot = hot.as_deref().map(hot::read_config).transpose()?.flatten();
        let is_split = of_hot.is_some();
        // Until the parts are known to belong together, nothing is written into the hot one.
        let (reading, sealed): (Arc<dyn Store>, Vec<u8>) = match (&hot, of_hot) {
            (Some(hot), Some(sealed)) => (Arc::new(HotStore::reading_only(store.clone(), hot.clone())), sealed),
            _ => match store.read(FileKind::Config, &Id::default()) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(RepoError::NotARepository { location });
                }
                result => (store.clone(), result?.to_vec()),
            },
        };
        let hint = options.state_dir.as_deref().map(|base| hint_file(base, &location));
        let hinted = hint.as_deref().and_then(read_hint);
        let (key, id, config) =
            find_key(&*reading, password, hinted, &sealed).map_err(|error| match (&hot, error) {
                (Some(hot), RepoError::Damaged { .. }) if is_split => hot::strange(&location, &hot.location()),
                (_, error) => error,
            })?;
        if let Some(hint) = hint.filter(|_| hinted != Some(id)) {
            // Without it the next run tries the keys in the order of their ids.
            let _ = write_hint(&hint, id);
        }
        let config: Config = serde_json::from_slice(&config).map_err(|source| {
            RepoError::damaged(FileKind::Config, &Id::default(), location, FileFault::Document { source })
        })?;
        let Some(part) = hot else { return Self::new((store, None), (key, id), config, options) };
        if !is_split {
            return Self::new((store, Some(Hot { part, joined: None })), (key, id), config, options);
        }
        let config = hot::prove_one(&*store, &*part, &key, config)?;
        let joined = HotStore::new(store, part.clone());
        let hot = Hot { part, joined: Some(joined.clone()) };
        Self::new((Arc::new(joined), Some(hot)), (key, id), config, options)
    }

    /// Whether its place still has the config that it was opened with. Otherwise it is to be opened anew, and may be gone.
    pub fn is_in_place(&self) -> Result<bool, RepoError> {
        let sealed = match self.store().read(FileKind::Config, &Id::default()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) if self.joined().is_some() && hot::is_withheld(&error) => return Ok(true),
            result => result?,
        };
        let config = self.key().open(&sealed).ok();
        Ok(config.and_then(|config| serde_json::from_slice::<Config>(&config).ok()).as_ref() == Some(self.config()))
    }
}

/// Where the key is remembered that opened the repository at a place the last time. Whoever can write to the storage can
/// put any number of keys in front of it.
fn hint_file(base: &Path, location: &str) -> PathBuf {
    base.join("keys").join(Id::new(Sha256::digest(location).into()).to_string())
}

fn read_hint(path: &Path) -> Option<KeyId> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn write_hint(path: &Path, id: KeyId) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, id.to_string())
}

/// The key that the password opens, and the config that this key opens.
///
/// A key file whose key does not open the config is left over from an `init` that was cut off; the search goes on.
fn find_key(
    store: &dyn Store,
    password: &[u8],
    hint: Option<KeyId>,
    sealed_config: &[u8],
) -> Result<(Key, KeyId, Vec<u8>), RepoError> {
    let location = store.location();
    let mut ids: Vec<KeyId> = store.list(FileKind::Key)?.into_iter().map(|file| file.id.into()).collect();
    ids.sort_by_key(|id| (Some(*id) != hint, *id));
    let (mut tried, mut first_fault, mut config_fault) = (0, None, false);
    for id in ids.into_iter().take(MAX_KEYS) {
        let key = match open_key(store, id, password) {
            Ok(key) => key,
            Err(RepoError::WrongPassword { .. }) => {
                tried += 1;
                continue;
            }
            // Somebody has removed it since it was listed: `passwd` on another machine has written another before.
            Err(RepoError::Storage { source }) if source.kind() == ErrorKind::NotFound => continue,
            Err(fault @ RepoError::Damaged { .. }) => {
                first_fault.get_or_insert(fault);
                continue;
            }
            Err(error) => return Err(error),
        };
        match key.open(sealed_config) {
            Ok(config) => return Ok((key, id, config)),
            Err(_) => config_fault = true,
        }
    }
    if config_fault {
        let fault = FileFault::Unauthenticated;
        return Err(RepoError::damaged(FileKind::Config, &Id::default(), location, fault));
    }
    if tried > 0 {
        return Err(RepoError::WrongPassword { location, keys: tried });
    }
    Err(RepoError::NoKeys { location, source: first_fault.map(Box::new) })
}

/// The master key in a key file. Fails with [`RepoError::WrongPassword`] if the password is not its.
pub(super) fn open_key(store: &dyn Store, id: KeyId, password: &[u8]) -> Result<Key, RepoError> {
    read_key(store, id)?.open(password).map_err(|fault| key_error(store, id, fault))
}

pub(super) fn read_key(store: &dyn Store, id: KeyId) -> Result<KeyFile, RepoError> {
    let bytes = store.read(FileKind::Key, &Id::from(id))?;
    if Sha256::digest(&bytes)[..] != id.as_bytes()[..] {
        return Err(RepoError::damaged(FileKind::Key, &Id::from(id), store.location(), FileFault::Hash));
    }
    KeyFile::parse(&bytes).map_err(|fault| key_error(store, id, fault))
}

fn key_error(store: &dyn Store, id: KeyId, fault: KeyFault) -> RepoError {
    let location = store.location();
    let fault = match fault {
        KeyFault::Password => return RepoError::WrongPassword { location, keys: 1 },
        KeyFault::Document(source) => FileFault::Document { source },
        KeyFault::Content(reason) => FileFault::Content { reason: reason.to_owned() },
    };
    RepoError::damaged(FileKind::Key, &Id::from(id), location, fault)
}

pub(super) fn bad_config(location: &str, reason: &str) -> RepoError {
    let fault = FileFault::Content { reason: reason.to_owned() };
    RepoError::damaged(FileKind::Config, &Id::default(), location.to_owned(), fault)
}

/// The document of a config.
pub(super) fn seal_config(key: &Key, config: &Config) -> Vec<u8> {
    key.seal(&crate::json::to_vec(config))
}
