//! Small imagined file systems, backed up into a repository and read back from it.

use std::collections::BTreeMap;

use holdfast_model::{BlobId, TreeId};
use sha2::{Digest, Sha256};

use super::TestPause;
use crate::ingest::OnDurable;
use crate::pack::BlobKind;
use crate::snapshot::{SavedSnapshot, Snapshot};
use crate::tree::{Node, NodeKind, Tree};
use crate::{IngestError, IngestSession, Proof, Repository};

/// Folders of files: the content of each file is a list of blobs.
pub(crate) type Source = BTreeMap<String, BTreeMap<String, Vec<Vec<u8>>>>;

/// Puts all of it, as an agent would send it, and gives the root.
pub(crate) fn put(session: &IngestSession, source: &Source) -> Result<TreeId, IngestError> {
    let mut root = Vec::new();
    for (name, files) in source {
        let mut nodes = Vec::new();
        for (name, blobs) in files {
            let mut content = Vec::new();
            for blob in blobs {
                let id = BlobId::new(Sha256::digest(blob).into());
                if !session.has_data(&id) {
                    session.put_data(id, blob.clone(), Proof::Unverified)?;
                }
                content.push(id);
            }
            nodes.push(Node::new(name.as_bytes(), NodeKind::File { content }, 0o644));
        }
        let subtree = session.put_tree(&Tree::new(nodes).expect("the names are good"))?;
        root.push(Node::new(name.as_bytes(), NodeKind::Dir { subtree }, 0o755));
    }
    session.put_tree(&Tree::new(root).expect("the names are good"))
}

pub(crate) fn begin(repository: &Repository, on_durable: OnDurable) -> Result<IngestSession, IngestError> {
    IngestSession::begin(repository, on_durable, &TestPause::new())
}

/// One whole backup.
pub(crate) fn backup(repository: &Repository, source: &Source) -> Result<SavedSnapshot, IngestError> {
    let session = begin(repository, Box::new(|_| ()))?;
    let tree = put(&session, source)?;
    let snapshot = Snapshot::new(repository.clock().now().into(), tree);
    Ok(session.commit(snapshot, |_, _| ())?.snapshot)
}

/// What a snapshot holds, every blob proven.
pub(crate) fn contents(repository: &Repository, tree: TreeId) -> Result<Source, crate::ReadError> {
    let engine = repository.engine();
    let mut source = Source::new();
    for dir in engine.load_tree(tree)?.nodes() {
        let files = source.entry(String::from_utf8_lossy(&dir.name).into_owned()).or_default();
        let Some(subtree) = dir.subtree() else { continue };
        for file in engine.load_tree(subtree)?.nodes() {
            let blobs: Result<Vec<_>, _> =
                file.content().iter().map(|id| engine.load_blob(BlobKind::Data, id)).collect();
            files.insert(String::from_utf8_lossy(&file.name).into_owned(), blobs?);
        }
    }
    Ok(source)
}
