//! Walking the trees of a repository with several threads, for closure proofs, prune and copy.
//!
//! Invariant: a walk ends only when every tree that was found is visited, or with an error; which trees are worth a visit
//! is the visitor's choice. References are read from the raw document, so that a node that this program would refuse
//! (an impossible name, an unknown type) still keeps its blobs: nothing is ever deleted because it was not understood.

mod references;

use std::num::NonZeroUsize;
use std::thread;

use holdfast_model::{BlobId, TreeId};
use parking_lot::{Condvar, Mutex};

use crate::cursor::SyntaxError;
use crate::engine::Core;
use crate::error::RepoErrorKind;
use crate::pack::BlobKind;
use crate::reader::ReadError;

pub(crate) use self::references::References;

/// Why a walk did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// A tree cannot be read.
    #[error("cannot read tree {id}")]
    Read {
        /// The tree.
        id: TreeId,
        /// Why.
        #[source]
        source: Box<ReadError>,
    },
    /// A tree's document is none.
    #[error("tree {id} cannot be understood")]
    Malformed {
        /// The tree.
        id: TreeId,
        /// Where and why.
        #[source]
        source: SyntaxError,
    },
    /// A blob that something refers to is not there.
    #[error("{kind} {id} is missing{}; check the repository", .tree.map(|tree| format!(", which tree {tree} refers to")).unwrap_or_default())]
    Missing {
        /// What the blob should hold.
        kind: BlobKind,
        /// The blob.
        id: BlobId,
        /// Who refers to it, if that is a tree.
        tree: Option<TreeId>,
    },
}

impl WalkError {
    /// What the failure means for the caller.
    pub fn kind(&self) -> RepoErrorKind {
        match self {
            Self::Read { source, .. } => source.kind(),
            Self::Malformed { .. } | Self::Missing { .. } => RepoErrorKind::Corrupt,
        }
    }
}

/// Visits trees. Called from several threads at once, once per tree that was handed in or given back.
pub(crate) trait TreeVisitor: Sync {
    /// What a visit can fail with.
    type Error: From<WalkError> + Send;

    /// Looks at a tree and gives the subtrees that are to be visited too.
    fn visit(&self, id: TreeId, document: Vec<u8>, references: References) -> Result<Vec<TreeId>, Self::Error>;
}

struct Queue<E> {
    trees: Vec<TreeId>,
    working: usize,
    failure: Option<E>,
    /// A visit has panicked: the others end, and the panic goes on.
    panicked: bool,
}

/// Counts one thread as working until it is dropped, also by a panic: nobody may wait for a visit that never ends.
struct Working<'a, E> {
    queue: &'a Mutex<Queue<E>>,
    changed: &'a Condvar,
}

impl<E> Drop for Working<'_, E> {
    fn drop(&mut self) {
        let mut queue = self.queue.lock();
        queue.working -= 1;
        queue.panicked |= thread::panicking();
        self.changed.notify_all();
    }
}

/// Visits these trees and all that the visitor gives back.
pub(crate) fn walk_trees<V: TreeVisitor>(core: &Core, roots: Vec<TreeId>, visitor: &V) -> Result<(), V::Error> {
    // Reading waits for the storage, so that more threads than processors pay.
    let threads = (2 * thread::available_parallelism().map_or(1, NonZeroUsize::get)).max(8);
    let queue = Mutex::new(Queue { trees: roots, working: 0, failure: None, panicked: false });
    let changed = Condvar::new();
    let work = || {
        while let Some(id) = next(&queue, &changed) {
            let _working = Working { queue: &queue, changed: &changed };
            match visit(core, id, visitor) {
                Ok(trees) => queue.lock().trees.extend(trees),
                Err(error) => drop(queue.lock().failure.get_or_insert(error)),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    queue.into_inner().failure.map_or(Ok(()), Err)
}

/// The next tree; `None` when all is done or something failed.
fn next<E>(queue: &Mutex<Queue<E>>, changed: &Condvar) -> Option<TreeId> {
    let mut queue = queue.lock();
    let ends = |queue: &Queue<E>| queue.failure.is_some() || queue.panicked;
    changed.wait_while(&mut queue, |queue| queue.trees.is_empty() && queue.working > 0 && !ends(queue));
    if ends(&queue) {
        return None;
    }
    // The newest first: depth before breadth keeps the queue short.
    let id = queue.trees.pop()?;
    queue.working += 1;
    Some(id)
}

fn visit<V: TreeVisitor>(core: &Core, id: TreeId, visitor: &V) -> Result<Vec<TreeId>, V::Error> {
    let document = core
        .load_blob(BlobKind::Tree, &id.into())
        .map_err(|source| WalkError::Read { id, source: Box::new(source) })?;
    let references = References::of(&document).map_err(|source| WalkError::Malformed { id, source })?;
    visitor.visit(id, document, references)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::testing::{Source, backup, repository};

    struct Panicking;

    impl TreeVisitor for Panicking {
        type Error = WalkError;

        fn visit(&self, _: TreeId, _: Vec<u8>, _: References) -> Result<Vec<TreeId>, WalkError> {
            panic!("a defect")
        }
    }

    #[test]
    fn a_visit_that_panics_ends_the_walk() {
        let (repository, _, _) = repository();
        let root = backup(&repository, &Source::new()).unwrap().tree;
        let walk = || walk_trees(repository.engine().core(), vec![root], &Panicking);
        assert!(catch_unwind(AssertUnwindSafe(walk)).is_err());
    }
}
