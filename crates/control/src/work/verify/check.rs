//! Holds a restored file against what was recorded of it.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use holdfast_model::job::Cause;
use holdfast_model::{BlobId, Id};
use holdfast_repo::catalogue::{Blobs, CatalogueError};
use holdfast_repo::{BlobKind, RepoErrorKind, Repository};
use rustix::fs::{CWD, OFlags, openat};
use sha2::{Digest, Sha256};

use super::super::sentence;
use super::Failure;
use super::sample::File;

/// Why a file is not proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The repository does not give back what was recorded.
    Damaged(String),
    /// It does, and yet the file did not come out of the restore as it should.
    NotWritten(String),
}

impl Fault {
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Damaged(_) => Cause::Damaged,
            Self::NotWritten(_) => Cause::Internal,
        }
    }

    /// A directory that cannot be listed; its path, and why. A storage that does not answer is no fault of what is stored.
    pub(super) fn of_listing(error: CatalogueError) -> Result<(String, Self), Failure> {
        let message = sentence(&error);
        match error {
            CatalogueError::Read { source, .. } if !is_damage(source.kind()) => Err(source.into()),
            CatalogueError::Read { path, .. } => Ok((path, Self::Damaged(message))),
            error => Err(error.into()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(why) => write!(f, "what is stored is damaged: {why}"),
            Self::NotWritten(why) => write!(f, "the repository holds it, but it was not restored as it is: {why}"),
        }
    }
}

fn is_damage(kind: RepoErrorKind) -> bool {
    use holdfast_store::ErrorKind::{Corrupt, NotFound};
    matches!(kind, RepoErrorKind::Corrupt | RepoErrorKind::NotFound | RepoErrorKind::Storage(Corrupt | NotFound))
}

/// What is wrong with the content of a file, if something is.
pub(super) fn content(repository: &Repository, folder: &Path, file: &File) -> Result<Option<Fault>, Failure> {
    match compare(repository, folder, file) {
        Ok(None) => Ok(None),
        Ok(Some(difference)) => blame(repository, file, difference).map(Some),
        Err(error) => blame(repository, file, error.to_string()).map(Some),
    }
}

/// Whether the repository is to blame, or this machine.
fn blame(repository: &Repository, file: &File, difference: String) -> Result<Fault, Failure> {
    for id in file.node.content() {
        if let Err(error) = repository.engine().load_blob(BlobKind::Data, id) {
            return if is_damage(error.kind()) {
                Ok(Fault::Damaged(sentence(&error)))
            } else {
                Err(holdfast_repo::RepoError::from(error).into())
            };
        }
    }
    Ok(Fault::NotWritten(difference))
}

/// How the file differs from its blobs.
fn compare(repository: &Repository, folder: &Path, file: &File) -> io::Result<Option<String>> {
    let path = beneath(folder, file);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut restored = fs::File::from(openat(CWD, &path, flags, rustix::fs::Mode::empty())?);
    let mut buffer = Vec::new();
    let mut at = 0;
    for id in file.node.content() {
        let Some(size) = Blobs::size(repository.engine(), BlobKind::Data, *id) else {
            return Ok(Some(format!("blob {id} is not there")));
        };
        buffer.clear();
        restored.by_ref().take(size.plain).read_to_end(&mut buffer)?;
        if BlobId::from(Id::new(Sha256::digest(&buffer).into())) != *id {
            return Ok(Some(format!("it differs from byte {at} on")));
        }
        at += size.plain;
    }
    if restored.read(&mut [0])? > 0 {
        return Ok(Some(format!("it has more than the {at} bytes that were recorded")));
    }
    Ok(None)
}

/// What else is not as recorded.
pub(super) fn metadata(folder: &Path, file: &File) -> Vec<String> {
    let node = &file.node;
    let found = match fs::symlink_metadata(beneath(folder, file)) {
        Ok(found) => found,
        Err(error) => return vec![error.to_string()],
    };
    let is_root = rustix::process::geteuid().is_root();
    let modes = if is_root { 0o7777 } else { 0o777 };
    let mtime = (node.mtime.at.seconds, i64::from(node.mtime.at.nanoseconds));
    let mut differences = Vec::new();
    let mut hold = |what: &str, is_same: bool| {
        if !is_same {
            differences.push(format!("its {what} was not restored as recorded"));
        }
    };
    hold("size", found.size() == node.size);
    hold("mode", found.mode() & modes == node.mode.permissions() & modes);
    hold("time", (found.mtime(), found.mtime_nsec()) == mtime);
    // Only root can give files away.
    hold("owner", !is_root || (found.uid(), found.gid()) == (node.uid, node.gid));
    differences
}

fn beneath(folder: &Path, file: &File) -> PathBuf {
    folder.join(std::ffi::OsStr::from_bytes(&file.at[1..]))
}
