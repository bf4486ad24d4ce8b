//! Files and trees of a snapshot, written to whoever takes them.
//!
//! All that can be told beforehand is told before the first byte. What goes wrong later ends the output as failed: it never
//! looks like one that has come to its end.

use std::io::Write;

use holdfast_model::{CancelToken, RepositoryUid, SnapshotId, SnapshotPath};
use holdfast_repo::catalogue::{CatalogueError, Place, dump_file, file_size, resolve, tar_place, zip_place};
use holdfast_repo::{LockGuard, LockMode, Repository, Sleep};
use tokio::sync::oneshot;

use super::{BrowseError, defect, snapshot};
use crate::depot::Depot;

/// What is to be given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The repository.
    pub repository: RepositoryUid,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// What of it.
    pub path: SnapshotPath,
    /// In which form: a file as it is and a directory as tar and zstd, if nothing is said.
    pub form: Option<Form>,
}

/// Forms in which something of a snapshot can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A tar archive (pax), compressed by zstd.
    TarZst,
    /// A tar archive.
    Tar,
    /// A zip archive.
    Zip,
    /// The content of one file.
    Raw,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TarZst, Self::Tar, Self::Zip, Self::Raw];

    /// As it is asked for, and stands behind the dot.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TarZst => "tar.zst",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::Raw => "raw",
        }
    }
}

/// What was found, before any of it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The host that the snapshot is of.
    pub hostname: String,
    /// In which form it comes.
    pub form: Form,
    /// How many bytes there will be, where that is known.
    pub length: Option<u64>,
}

/// Takes what is written, and how that ended.
pub trait Outlet: Write + Send + 'static {
    /// All was written, or why not. One that is dropped without this has failed too.
    fn end(self, end: Result<(), BrowseError>);
}

impl Depot {
    /// Looks for what was asked for, and begins to write it. The outlet is told of the end.
    pub async fn download(&self, download: Download, outlet: impl Outlet) -> Result<Found, BrowseError> {
        let access = self.known(download.repository).await?;
        let (tell, told) = oneshot::channel();
        let depot = self.clone();
        let work = tokio::spawn(async move {
            let give = move |repository: &Repository| {
                give(repository, &download, tell, outlet);
                Ok(())
            };
            depot.with(access, give).await
        });
        match told.await {
            Ok(found) => found,
            // It has not come so far.
            Err(_) => match work.await {
                Ok(Err(failure)) => Err(failure.into()),
                Ok(Ok(())) | Err(_) => Err(defect()),
            },
        }
    }
}

/// Tells what was found and writes it.
fn give(
    repository: &Repository,
    download: &Download,
    tell: oneshot::Sender<Result<Found, BrowseError>>,
    mut outlet: impl Outlet,
) {
    match Opened::find(repository, download) {
        Err(error) => drop(tell.send(Err(error))),
        Ok((opened, found)) => {
            let form = found.form;
            if tell.send(Ok(found)).is_ok() {
                let end = opened.write(repository, &download.path, form, &mut outlet);
                outlet.end(end.map_err(BrowseError::from));
            }
        }
    }
}

/// What is there, and the lock under which it stays.
struct Opened {
    place: Place,
    _lock: LockGuard,
}

impl Opened {
    fn find(repository: &Repository, download: &Download) -> Result<(Self, Found), BrowseError> {
        let lock = repository.lock(LockMode::Shared, &Sleep::new(CancelToken::new()))?;
        repository.engine().refresh()?;
        let snapshot = snapshot(repository, download.snapshot)?;
        let place = resolve(repository.engine(), snapshot.tree, download.path.as_bytes())?;
        let file = match &place {
            Place::Node(node) if node.is_file() => Some(node),
            _ => None,
        };
        let usual = if file.is_some() { Form::Raw } else { Form::TarZst };
        let form = download.form.unwrap_or(usual);
        let length = match (form, file) {
            (Form::Raw, Some(node)) => Some(file_size(repository.engine(), download.path.as_bytes(), node)?),
            (Form::Raw, None) => return Err(CatalogueError::NotAFile { path: download.path.to_string() }.into()),
            _ => None,
        };
        let found = Found { hostname: snapshot.hostname.clone(), form, length };
        Ok((Self { place, _lock: lock }, found))
    }

    fn write(
        &self,
        repository: &Repository,
        path: &SnapshotPath,
        form: Form,
        out: &mut dyn Write,
    ) -> Result<(), CatalogueError> {
        let (blobs, path, cancel) = (repository.engine(), path.as_bytes(), CancelToken::new());
        match form {
            Form::Tar => tar_place(blobs, path, &self.place, out, &cancel),
            Form::Zip => zip_place(blobs, path, &self.place, out, &cancel),
            Form::TarZst => {
                let failed = |source| CatalogueError::Write { source };
                let mut out = zstd::stream::write::Encoder::new(out, 0).map_err(failed)?;
                tar_place(blobs, path, &self.place, &mut out, &cancel)?;
                out.finish().map(drop).map_err(failed)
            }
            Form::Raw => match &self.place {
                Place::Node(node) => dump_file(blobs, path, node, out, &cancel),
                Place::Root(_) => Err(CatalogueError::NotAFile { path: "/".to_owned() }),
            },
        }
    }
}
