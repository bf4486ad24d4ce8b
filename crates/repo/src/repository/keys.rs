//! The keys of a repository: each opens the same master key with another password.
//!
//! A new key is read back and tried before an old one is removed, so that there is always one that opens.

use holdfast_model::{Id, KeyId};
use holdfast_store::{ErrorKind, FileKind};

use super::Repository;
use super::hot;
use super::init::save_key;
use super::open::{open_key, read_key};
use super::snapshots::find_id;
use crate::error::RepoError;
use crate::key::{KdfCost, KeyFile, KeyInfo};
use crate::process::Process;

impl Repository {
    /// All key files, oldest first.
    pub fn keys(&self) -> Result<Vec<KeyInfo>, RepoError> {
        let mut keys = Vec::new();
        for file in self.store().list(FileKind::Key)? {
            let id = KeyId::from(file.id);
            let key = match read_key(&**self.store(), id) {
                Err(RepoError::Storage { source }) if source.kind() == ErrorKind::NotFound => continue,
                result => result?,
            };
            let KeyFile { username, hostname, created, .. } = key;
            keys.push(KeyInfo { id, current: id == self.key_id(), username, hostname, created });
        }
        keys.sort_by_key(|key| (key.created, key.id));
        Ok(keys)
    }

    /// The key that the repository was opened with: a hint for the next time.
    pub fn key_id(&self) -> KeyId {
        *self.0.key_id.lock()
    }

    /// Adds a key for another password. `made_by` is user and host to be remembered with it; `None` means this process.
    pub fn add_key(
        &self,
        password: &[u8],
        made_by: Option<(String, String)>,
        cost: KdfCost,
    ) -> Result<KeyId, RepoError> {
        let made_by = made_by.unwrap_or_else(|| {
            let us = Process::current();
            (us.username, us.hostname)
        });
        let file = KeyFile::seal(self.key(), password, cost, self.clock().now().into(), made_by);
        let id = save_key(&**self.store(), &file)?;
        if let Err(error) = self.prove_key(id, password) {
            // A key that the storage gives back broken must not stay.
            let _ = self.store().remove(FileKind::Key, &Id::from(id));
            return Err(error);
        }
        Ok(id)
    }

    /// Opens a key as the storage gives it back, wherever it was written.
    fn prove_key(&self, id: KeyId, password: &[u8]) -> Result<(), RepoError> {
        open_key(&**self.store(), id, password)?;
        let Some(joined) = self.joined() else { return Ok(()) };
        // That was the copy.
        match open_key(&**joined.main(), id, password) {
            Err(RepoError::Storage { source }) if hot::is_withheld(&source) => Ok(()),
            result => result.map(drop),
        }
    }

    /// Removes the key whose id begins so. The one that the repository was opened with is refused.
    pub fn remove_key(&self, id_or_prefix: &str) -> Result<KeyId, RepoError> {
        let ids = self.store().list(FileKind::Key)?.into_iter().map(|file| file.id);
        let id = KeyId::from(find_id("key", id_or_prefix, ids, self.location())?);
        if id == self.key_id() {
            let reason =
                format!("key {} is the one in use; open the repository with another password first", id.short());
            return Err(RepoError::Refused { reason });
        }
        self.store().remove(FileKind::Key, &Id::from(id))?;
        Ok(id)
    }

    /// Replaces the key that the repository was opened with by one for another password; see [`add_key`](Self::add_key).
    pub fn change_password(
        &self,
        password: &[u8],
        made_by: Option<(String, String)>,
        cost: KdfCost,
    ) -> Result<KeyId, RepoError> {
        let old = self.key_id();
        let new = self.add_key(password, made_by, cost)?;
        *self.0.key_id.lock() = new;
        self.store().remove(FileKind::Key, &Id::from(old))?;
        Ok(new)
    }
}
