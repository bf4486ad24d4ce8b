//! One directory of a snapshot, a part at a time.

use holdfast_model::snapshot_path::escape_name;
use holdfast_model::{FileKind, RepositoryUid, SnapshotFile, SnapshotId, SnapshotPath};
use holdfast_repo::Repository;
use holdfast_repo::catalogue::{CatalogueError, resolve};
use holdfast_repo::tree::{Node, NodeKind};

use super::{BrowseError, snapshot};
use crate::depot::Depot;

/// Which part of which directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// The repository.
    pub repository: RepositoryUid,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The directory.
    pub path: SnapshotPath,
    /// Behind this name.
    pub after: Option<Vec<u8>>,
    /// At most so many.
    pub limit: usize,
}

/// Part of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What is in it, by the bytes of the names.
    pub files: Vec<SnapshotFile>,
    /// The name behind which it goes on, if it does.
    pub next: Option<Vec<u8>>,
    /// What is wrong with entries that cannot be understood, and are not among the files.
    pub left_out: Vec<String>,
}

impl Depot {
    /// Lists a part of a directory.
    pub async fn list(&self, shelf: Shelf) -> Result<Listed, BrowseError> {
        let access = self.known(shelf.repository).await?;
        self.with(access, move |repository| Ok(list(repository, &shelf))).await?
    }
}

fn list(repository: &Repository, shelf: &Shelf) -> Result<Listed, BrowseError> {
    let look = || -> Result<Listed, BrowseError> {
        let snapshot = snapshot(repository, shelf.snapshot)?;
        let place = resolve(repository.engine(), snapshot.tree, shelf.path.as_bytes())?;
        let wrong = || CatalogueError::NotADirectory { path: shelf.path.to_string() };
        let tree = repository.engine().load_tree(place.tree().ok_or_else(wrong)?);
        let tree = tree.map_err(|error| CatalogueError::Read { path: shelf.path.to_string(), source: error.into() })?;
        let nodes = tree.nodes();
        let from = shelf.after.as_ref().map_or(0, |after| nodes.partition_point(|node| *node.name <= **after));
        let rest = &nodes[from..];
        let files: Vec<SnapshotFile> = rest.iter().take(shelf.limit).map(|node| file(&shelf.path, node)).collect();
        let last = rest.get(shelf.limit.saturating_sub(1)).filter(|_| rest.len() > shelf.limit);
        let left_out = tree.faults().iter().map(ToString::to_string).collect();
        Ok(Listed { files, next: last.map(|node| node.name.to_vec()), left_out })
    };
    match look() {
        // It may be newer than what is known of the index, or was packed anew since.
        Err(BrowseError::Failed(_)) => {
            repository.engine().refresh()?;
            look()
        }
        looked => looked,
    }
}

fn file(directory: &SnapshotPath, node: &Node) -> SnapshotFile {
    let name = escape_name(&node.name);
    let path = [directory.as_bytes(), b"/", &node.name].concat();
    let (kind, target) = match &node.kind {
        NodeKind::File { .. } => (FileKind::File, None),
        NodeKind::Dir { .. } => (FileKind::Directory, None),
        NodeKind::Symlink { target } => (FileKind::Symlink, Some(escape_name(target))),
        NodeKind::Block { .. } => (FileKind::BlockDevice, None),
        NodeKind::Char { .. } => (FileKind::CharacterDevice, None),
        NodeKind::Fifo => (FileKind::Pipe, None),
        NodeKind::Socket => (FileKind::Socket, None),
    };
    SnapshotFile {
        name,
        // One that is longer than paths can be is found from above alone.
        path: SnapshotPath::from_bytes(&path).unwrap_or_else(|_| directory.clone()),
        kind,
        size: node.is_file().then_some(node.size),
        mode: node.mode.permissions(),
        modified: node.mtime.at.to_time(),
        uid: node.uid,
        gid: node.gid,
        user: node.user.as_deref().map(str::to_owned),
        group: node.group.as_deref().map(str::to_owned),
        target,
    }
}
