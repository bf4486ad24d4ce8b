//! Which snapshots a client has made: only with them it is compared.
//!
//! The name that a snapshot is stamped with is no proof: somebody else may answer under it, with a key that was accepted
//! lately. What is unknown, after this memory was lost too, counts as somebody else's.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use holdfast_model::SnapshotId;

use super::file::at;
use super::{ClientState, StateError, file};

/// Bytes of an id.
const ID: usize = 32;

impl ClientState {
    /// The snapshots that this client has made, also those that were removed since.
    pub fn made(&self) -> Result<HashSet<SnapshotId>, StateError> {
        let bytes = file::read(&self.made_path())?.unwrap_or_default();
        // A torn last id (a crash while it was written) is left out.
        let ids =
            bytes.chunks_exact(ID).map(|id| SnapshotId::new(id.try_into().expect("chunks are of an id's length")));
        Ok(ids.collect())
    }

    /// Remembers that the client has made this one.
    pub fn note_made(&self, snapshot: SnapshotId) -> Result<(), StateError> {
        let path = self.made_path();
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| file.write_all(snapshot.as_bytes()).and_then(|()| file.sync_data()));
        written.map_err(at(&path))
    }

    fn made_path(&self) -> std::path::PathBuf {
        self.digests.join("snapshots")
    }
}
