//! Reads the directories of snapshots, as they are asked for, for the catalog.
//!
//! What a client says of its files is taken as it is and means nothing here: names become text of one line, numbers are cut to
//! what a database holds, and a directory comes in parts, so that its size matters to nobody. A directory that is damaged is
//! said to be; a storage that does not answer ends the work.

use holdfast_db::catalog::Entry;
use holdfast_model::{CancelToken, EntryKind, Id, SnapshotId, TreeId};
use holdfast_repo::tree::{Node, NodeKind, display_name};
use holdfast_repo::{LockMode, RepoError, RepoErrorKind, Repository, Sleep};
use tokio::sync::mpsc::{Receiver, Sender};

use super::Failure;

/// So many entries come at once.
pub const ENTRIES_AT_ONCE: usize = 2000;
/// Of so many entries of one directory it is told what is wrong with them.
const FAULTS_TOLD: usize = 10;

/// What can be asked for.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    /// Where a snapshot begins.
    Root(SnapshotId),
    /// What is in a directory.
    Directory(TreeId),
}

/// An answer. They come in the order in which they were asked for.
#[derive(Debug)]
pub enum Part {
    /// The root of a snapshot, or why it has none that can be read.
    Root(Result<TreeId, String>),
    /// Some of what is in a directory.
    Entries(Vec<Entry>),
    /// That was all, and what could not be understood.
    End(Vec<String>),
    /// The directory, or the rest of it, cannot be read.
    Unreadable(String),
}

/// Answers until nobody asks any more.
pub fn answer(
    repository: &Repository,
    mut wanted: Receiver<Wanted>,
    parts: &Sender<Part>,
    cancel: &CancelToken,
) -> Result<(), Failure> {
    // Nobody deletes what is being read.
    let _lock = repository.lock(LockMode::Shared, &Sleep::new(cancel.clone()))?;
    repository.engine().refresh()?;
    while let Some(one) = wanted.blocking_recv() {
        cancel.check().map_err(|_| Failure::Cancelled)?;
        let last = match one {
            Wanted::Root(id) => Part::Root(root(repository, id)?),
            Wanted::Directory(tree) => directory(repository, tree, parts)?,
        };
        // Whoever asked may be gone.
        if parts.blocking_send(last).is_err() {
            break;
        }
    }
    Ok(())
}

fn root(repository: &Repository, id: SnapshotId) -> Result<Result<TreeId, String>, Failure> {
    match repository.load_snapshot(id) {
        Ok(snapshot) => Ok(Ok(snapshot.tree)),
        Err(error) if passes(&error) => Err(error.into()),
        Err(error) => Ok(Err(with_source(&error))),
    }
}

/// Whether it is the storage that does not answer now, rather than something that is not there or not whole.
fn passes(error: &RepoError) -> bool {
    match error.kind() {
        RepoErrorKind::Storage(kind) => kind != holdfast_store::ErrorKind::NotFound,
        RepoErrorKind::Corrupt => false,
        _ => true,
    }
}

/// Gives away the entries of a directory; how it ends is given back.
fn directory(repository: &Repository, tree: TreeId, parts: &Sender<Part>) -> Result<Part, Failure> {
    let (mut entries, mut faults, mut count) = (Vec::new(), Vec::new(), 0_usize);
    let read = repository.engine().read_nodes(tree, &mut |node| match node {
        Ok(node) => {
            entries.push(entry(&node));
            if entries.len() == ENTRIES_AT_ONCE {
                // If nobody takes it, that is seen in the end.
                let _ = parts.blocking_send(Part::Entries(std::mem::take(&mut entries)));
            }
        }
        Err(fault) => {
            count += 1;
            if count <= FAULTS_TOLD {
                faults.push(fault.to_string());
            }
        }
    });
    if !entries.is_empty() {
        let _ = parts.blocking_send(Part::Entries(entries));
    }
    if count > FAULTS_TOLD {
        faults.push(format!("and {} more", count - FAULTS_TOLD));
    }
    match read {
        Ok(()) => Ok(Part::End(faults)),
        Err(error) => {
            let error = RepoError::from(error);
            if passes(&error) { Err(error.into()) } else { Ok(Part::Unreadable(with_source(&error))) }
        }
    }
}

fn entry(node: &Node) -> Entry {
    let kind = match node.kind {
        NodeKind::File { .. } => EntryKind::File,
        NodeKind::Dir { .. } => EntryKind::Directory,
        NodeKind::Symlink { .. } => EntryKind::Symlink,
        NodeKind::Block { .. } => EntryKind::BlockDevice,
        NodeKind::Char { .. } => EntryKind::CharacterDevice,
        NodeKind::Fifo => EntryKind::Fifo,
        NodeKind::Socket => EntryKind::Socket,
    };
    let is_directory = kind == EntryKind::Directory;
    Entry {
        name: display_name(&node.name),
        kind,
        size: if kind == EntryKind::File { i64::try_from(node.size).unwrap_or(i64::MAX) } else { 0 },
        // Whatever is made in a directory changes its time: it would be another one each day, and say nothing.
        modified: if is_directory { 0 } else { node.mtime.at.to_time().as_microsecond() },
        content: content(node),
        tree: node.subtree(),
    }
}

/// A number that is another when the content is, but for chance or malice: it tells versions of one file apart, and no more.
fn content(node: &Node) -> i64 {
    let mix =
        |hash: u64, bytes: &[u8]| bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV));
    let hash = match &node.kind {
        NodeKind::File { content } => content.iter().fold(0, |hash, id| mix(hash, &Id::from(*id).as_bytes()[..8])),
        NodeKind::Symlink { target } => mix(0, target),
        NodeKind::Block { device } | NodeKind::Char { device } => *device,
        NodeKind::Dir { .. } | NodeKind::Fifo | NodeKind::Socket => 0,
    };
    hash.cast_signed()
}

const FNV: u64 = 0x100_0000_01b3;

fn with_source(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
