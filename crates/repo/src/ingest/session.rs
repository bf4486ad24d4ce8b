//! One ingest session: what a backup does with the repository, from its lock to its snapshot.
//!
//! Invariant: the lock is older than everything the session knows of the repository, and the snapshot is written only
//! when all that it reaches is proven to be in the live index, and stays only if the lock is there before and after. A
//! session that ends otherwise leaves what is durable, and no snapshot.

use std::sync::Arc;

use holdfast_model::{BlobId, TreeId};
use holdfast_store::Pause;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::IngestError;
use super::pipeline::Handle;
use super::state::{Added, OnDurable, SessionState};
use super::worker::{Job, Proof, charge_stored};
use crate::closure::{SessionClosure, prove};
use crate::error::{RepoError, RepoErrorKind};
use crate::pack::{BlobKind, Compression, MAX_DATA_LENGTH, MAX_PLAIN_LENGTH};
use crate::snapshot::{SavedSnapshot, Snapshot};
use crate::tree::Tree;
use crate::tree_walk::References;
use crate::{LockGuard, LockMode, Repository};

/// A session that adds to a repository. Its methods may be called from many threads.
pub struct IngestSession {
    repository: Repository,
    pub(super) handle: Arc<Handle>,
    pub(super) state: Arc<SessionState>,
    closure: Mutex<SessionClosure>,
    compression: Compression,
    /// Given back when the session has left the pipeline.
    lock: Option<LockGuard>,
}

/// What a commit did.
#[derive(Debug, Clone)]
pub struct CommitReport {
    /// The snapshot.
    pub snapshot: SavedSnapshot,
    /// What the session added to the repository.
    pub added: Added,
}

impl IngestSession {
    /// Begins a session: takes a shared lock, waiting with `pause` for storages that show files late, and then brings the
    /// index up to date.
    ///
    /// `on_durable` is told the ids of the data blobs that this session put, before they become durable (or soon after the
    /// put if they had been durable before). It is called from threads of the pipeline: it must not call the session.
    pub fn begin(repository: &Repository, on_durable: OnDurable, pause: &dyn Pause) -> Result<Self, IngestError> {
        repository.check_writable()?;
        let lock = repository.lock(LockMode::Shared, pause)?;
        Self::begin_locked(repository, lock, on_durable)
    }

    /// As [`begin`](Self::begin), with a shared lock that was taken before.
    pub fn begin_locked(repository: &Repository, lock: LockGuard, on_durable: OnDurable) -> Result<Self, IngestError> {
        let engine = repository.engine();
        let handle = engine.pipeline().handle();
        let state = SessionState::new(on_durable);
        handle.enter(&state, lock.watch());
        let mut session = Self {
            repository: repository.clone(),
            handle,
            state,
            closure: Mutex::default(),
            compression: engine.core().options.compression,
            lock: Some(lock),
        };
        engine.refresh()?;
        let view = engine.index();
        engine.core().closed.revise(&view);
        session.closure = Mutex::new(SessionClosure::new(view.generation()));
        Ok(session)
    }

    /// From now on what the session puts may take up so many bytes of packs; more ends it, and no snapshot is written.
    ///
    /// All that it puts counts, whether somebody else has stored it before or not: so that nobody learns that from where a
    /// session ends.
    pub fn allow(&self, bytes: u64) {
        self.state.allow(bytes);
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Whether the session need not put this data blob: it is durable, or on its way so that the commit waits for it.
    ///
    /// Whether a client may hear of it is not decided here.
    pub fn has_data(&self, id: &BlobId) -> bool {
        self.has(BlobKind::Data, id)
    }

    /// Bytes of a blob that the index has.
    pub fn data_length(&self, id: &BlobId) -> Option<u32> {
        let found = self.handle.shared.core.index.locate(BlobKind::Data, id);
        found.map(|location| location.plain_length())
    }

    /// Whether the session need not build this tree.
    pub fn has_tree(&self, id: &TreeId) -> bool {
        self.has(BlobKind::Tree, &(*id).into())
    }

    /// Whether this tree, with all that it reaches, is known to be in the live index: it may be taken over by its id.
    ///
    /// Cheap, and `false` for trees that nobody has proven yet.
    pub fn is_closed(&self, id: &TreeId) -> bool {
        let core = &self.handle.shared.core;
        core.closed.knows(id) && core.index.has(BlobKind::Tree, &(*id).into())
    }

    fn has(&self, kind: BlobKind, id: &BlobId) -> bool {
        let shared = &self.handle.shared;
        // The index is asked again, because a blob may have come there from the table in between.
        shared.core.index.has(kind, id)
            || shared.pending.wait_for(kind, *id, &self.state)
            || shared.core.index.has(kind, id)
    }

    /// Stores a data blob, unless it is there. Returns as soon as it is queued; waits while too much is queued.
    ///
    /// Fails if the session has failed: an unproven blob that turns out to be another ends it.
    pub fn put_data(&self, id: BlobId, bytes: Vec<u8>, proof: Proof) -> Result<(), IngestError> {
        if bytes.len() > MAX_DATA_LENGTH as usize {
            let error = IngestError::TooLarge { id, length: bytes.len() };
            self.state.fail(error.clone());
            return Err(error);
        }
        self.put(BlobKind::Data, id, bytes, proof)
    }

    /// Stores a tree, unless it is there, and gives its id. Its files' blobs must be put or found present before, its
    /// subtrees too.
    pub fn put_tree(&self, tree: &Tree) -> Result<TreeId, IngestError> {
        self.put_built(tree.to_bytes(), References::of_tree(tree))
    }

    /// As [`put_tree`](Self::put_tree), for a tree that was written with [`TreeWriter`](crate::tree::TreeWriter).
    pub fn put_tree_document(&self, document: Vec<u8>) -> Result<TreeId, IngestError> {
        let references = References::of(&document).map_err(|source| {
            let id = TreeId::new(Sha256::digest(&document).into());
            IngestError::from(crate::WalkError::Malformed { id, source })
        })?;
        self.put_built(document, references)
    }

    fn put_built(&self, document: Vec<u8>, references: References) -> Result<TreeId, IngestError> {
        self.state.check()?;
        let id = TreeId::new(Sha256::digest(&document).into());
        if document.len() > MAX_PLAIN_LENGTH as usize {
            return Err(IngestError::TooLarge { id: id.into(), length: document.len() });
        }
        {
            let mut closure = self.closure.lock();
            if closure.has_built(&id) {
                return Ok(id);
            }
            let core = &self.handle.shared.core;
            closure.build(id, references, &core.index.view(), &core.closed);
        }
        if self.has_tree(&id) {
            charge_stored(&self.handle.shared, &self.state, BlobKind::Tree, &id.into(), document.len());
        } else {
            self.put(BlobKind::Tree, id.into(), document, Proof::Verified)?;
        }
        Ok(id)
    }

    fn put(&self, kind: BlobKind, id: BlobId, bytes: Vec<u8>, proof: Proof) -> Result<(), IngestError> {
        self.state.check()?;
        let permit = self.handle.shared.budget.take(bytes.len());
        let busy = self.state.busy();
        let compression = self.compression;
        let job = Job { session: self.state.clone(), kind, id, bytes, proof, compression, permit, busy };
        self.handle.jobs.send(job).map_err(|_| IngestError::Defect)?;
        self.handle.nudge();
        Ok(())
    }

    /// What the session has added so far.
    pub fn added(&self) -> Added {
        self.state.added()
    }

    /// The error that ended the session, if one did.
    pub fn check(&self) -> Result<(), IngestError> {
        self.state.check()
    }

    /// Makes all that the session put durable. Other sessions that wait for the same share the work.
    pub fn flush(&self) -> Result<(), IngestError> {
        if self.state.wait_packed() > 0 {
            self.handle.flush();
        }
        self.state.tell_rest();
        self.state.check()?;
        // All was in packs before the flush began, so that all of it is settled or has failed.
        if self.state.wait_packed() > 0 { Err(IngestError::Defect) } else { Ok(()) }
    }

    /// Ends the session with a snapshot: makes everything durable, proves that all is there that the snapshot reaches,
    /// and writes it.
    ///
    /// `finish` may complete the snapshot by what the session has added.
    pub fn commit(
        self,
        snapshot: Snapshot,
        finish: impl FnOnce(&mut Snapshot, &Added),
    ) -> Result<CommitReport, IngestError> {
        self.save(snapshot, finish)
    }

    /// As [`commit`](Self::commit), and the session goes on.
    pub fn save(
        &self,
        mut snapshot: Snapshot,
        finish: impl FnOnce(&mut Snapshot, &Added),
    ) -> Result<CommitReport, IngestError> {
        self.flush()?;
        let added = self.added();
        finish(&mut snapshot, &added);
        self.prove(snapshot.tree)?;
        self.prove_lock()?;
        let snapshot = self.repository.save_snapshot(snapshot)?;
        // Saving may have taken long. Without the lock somebody may have deleted what only this snapshot needs.
        if let Err(error) = self.prove_lock() {
            if error.kind() == RepoErrorKind::LockLost {
                self.repository.remove_snapshot(snapshot.id)?;
            }
            return Err(error.into());
        }
        Ok(CommitReport { snapshot, added })
    }

    /// Proves that a tree and all that it reaches are in the live index, and remembers it.
    fn prove(&self, root: TreeId) -> Result<(), IngestError> {
        let engine = self.repository.engine();
        engine.refresh()?;
        let (core, view) = (engine.core(), engine.index());
        core.closed.revise(&view);
        let closure = self.closure.lock();
        if closure.is_valid(&view) {
            let unproven = closure.settle(&view, root)?;
            let proven = prove(core, &view, &core.closed, unproven)?;
            core.closed.remember(&view, proven.into_iter().chain(closure.built()));
        } else {
            let proven = prove(core, &view, &core.closed, [root])?;
            core.closed.remember(&view, proven);
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn refresh_lock(&self) {
        self.lock.iter().for_each(LockGuard::tick);
    }

    fn prove_lock(&self) -> Result<(), RepoError> {
        self.lock.as_ref().map_or(Ok(()), LockGuard::prove)
    }

    /// Ends the session without a snapshot; what it put is made durable, so that it need not be put again.
    pub fn abandon(self) -> Result<Added, IngestError> {
        self.flush()?;
        Ok(self.added())
    }
}

impl Drop for IngestSession {
    fn drop(&mut self) {
        // What is queued is not worth the work any more; nothing of it may be under way when the lock goes.
        self.state.fail(IngestError::Abandoned);
        self.state.wait_packed();
        self.handle.leave(&self.state);
        self.lock = None;
    }
}
