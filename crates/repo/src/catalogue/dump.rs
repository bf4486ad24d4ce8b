//! The content of a file, from its blobs to a writer, the next ones being read while one is written.

use std::collections::VecDeque;
use std::io::Write;
use std::thread;

use crossbeam_channel::{Receiver, bounded};
use holdfast_model::{BlobId, CancelToken};

use super::{Blobs, CatalogueError, display_path};
use crate::error::RepoError;
use crate::pack::BlobKind;
use crate::tree::Node;

/// Blobs that are read ahead, at most 8 MiB each.
const AHEAD: usize = 8;

/// Threads that read.
const READERS: usize = 4;

/// Writes the content of the file at `path` to `out`.
pub fn dump_file(
    blobs: &dyn Blobs,
    path: &[u8],
    node: &Node,
    out: &mut dyn Write,
    cancel: &CancelToken,
) -> Result<(), CatalogueError> {
    if !node.is_file() {
        return Err(CatalogueError::NotAFile { path: display_path(path) });
    }
    let mut write = |blob: Result<Vec<u8>, RepoError>| {
        cancel.check()?;
        let blob = blob.map_err(|source| CatalogueError::Read { path: display_path(path), source })?;
        out.write_all(&blob).map_err(|source| CatalogueError::Write { source })
    };
    match node.content() {
        [] => Ok(()),
        &[id] => write(blobs.data(id)),
        ids => read_ahead(blobs, ids, &mut write),
    }
}

/// The length of what [`dump_file`] writes. A node's own size may differ if its file changed while it was read, or if whoever
/// wrote it lied.
pub fn file_size(blobs: &dyn Blobs, path: &[u8], node: &Node) -> Result<u64, CatalogueError> {
    let mut sum = 0;
    for &id in node.content() {
        let size = blobs.size(BlobKind::Data, id);
        sum += size.ok_or_else(|| CatalogueError::MissingBlob { path: display_path(path), id })?.plain;
    }
    Ok(sum)
}

type Answer = Receiver<Result<Vec<u8>, RepoError>>;

fn read_ahead(
    blobs: &dyn Blobs,
    ids: &[BlobId],
    write: &mut dyn FnMut(Result<Vec<u8>, RepoError>) -> Result<(), CatalogueError>,
) -> Result<(), CatalogueError> {
    thread::scope(|scope| {
        let (ask, asked) = bounded(AHEAD);
        for _ in 0..READERS.min(ids.len()) {
            let asked: Receiver<(BlobId, crossbeam_channel::Sender<_>)> = asked.clone();
            scope.spawn(move || {
                for (id, answer) in asked {
                    // Nobody waits for the answer any more when writing has failed.
                    let _ = answer.send(blobs.data(id));
                }
            });
        }
        let mut waiting: VecDeque<Answer> = VecDeque::new();
        for &id in ids {
            if waiting.len() == AHEAD {
                write(receive(waiting.pop_front()))?;
            }
            let (send, answer) = bounded(1);
            ask.send((id, send)).expect("the readers live until the questions end");
            waiting.push_back(answer);
        }
        drop(ask);
        while let Some(answer) = waiting.pop_front() {
            write(receive(Some(answer)))?;
        }
        Ok(())
    })
}

fn receive(answer: Option<Answer>) -> Result<Vec<u8>, RepoError> {
    let answer = answer.expect("there is one for each question");
    answer.recv().expect("a reader answers each question that it took")
}
