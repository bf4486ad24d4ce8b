//! Replacing index files: those that name deleted packs, and those that are small.
//!
//! Invariant: the new files are all durable before the first old one is deleted, and together they name every pack that
//! stays, once.

use std::collections::HashSet;

use holdfast_model::{IndexId, PackId};
use holdfast_store::{ErrorKind, FileKind};
use sha2::{Digest, Sha256};

use super::plan::PruneError;
use super::repack::WrittenPacks;
use crate::LockGuard;
use crate::engine::Core;
use crate::error::RepoError;
use crate::index::{IndexSource, decode_packs};
use crate::pack::PackedBlob;
use crate::repository::in_parallel;

/// A file with this many blobs is full: as restic's.
const FULL: usize = 50_000;
/// Files that are read at the same time.
const AT_ONCE: usize = 16;
/// So many files that are not full are worth rewriting by themselves.
const MANY_SMALL: usize = 32;

/// Writes new index files and deletes the old ones; gives how many were deleted.
///
/// `files` are those that exist, `leaving` says which packs are to be named no more, `written` are the new packs.
pub(super) fn rewrite(
    core: &Core,
    files: &[IndexId],
    leaving: &dyn Fn(&PackId) -> bool,
    written: WrittenPacks,
    lock: &LockGuard,
) -> Result<usize, PruneError> {
    let mut rewriter = Rewriter { core, blobs: 0, packs: Vec::new(), seen: HashSet::new() };
    let mut is_needed = !written.is_empty();
    for (pack, blobs) in written {
        rewriter.add(pack, blobs)?;
    }
    // Full files that stay come first: what they name need not be named again.
    let mut small = Vec::new();
    let mut listed = HashSet::new();
    for (id, packs) in load_all(core, files) {
        let packs = packs?;
        let has_leaving = packs.iter().any(|(pack, _)| leaving(pack));
        let blobs: usize = packs.iter().map(|(_, blobs)| blobs.len()).sum();
        let digests: Vec<_> = packs.iter().map(|(pack, blobs)| digest(pack, blobs)).collect();
        // An interrupted prune leaves packs that two files name.
        let is_twice = digests.iter().filter(|digest| !listed.insert(**digest)).count() > 0;
        is_needed |= has_leaving || is_twice;
        if !has_leaving && blobs >= FULL && digests.iter().all(|digest| !rewriter.seen.contains(digest)) {
            rewriter.seen.extend(digests);
        } else {
            small.push(id);
        }
    }
    if !is_needed && small.len() < MANY_SMALL {
        return Ok(0);
    }
    for (_, packs) in load_all(core, &small) {
        for (pack, blobs) in packs? {
            if !leaving(&pack) {
                rewriter.add(pack, blobs)?;
            }
        }
    }
    rewriter.flush()?;
    lock.prove()?;
    let removed = in_parallel(&small, |id| {
        lock.check()?;
        match core.store.remove(FileKind::Index, &(*id).into()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(RepoError::from(error)),
            _ => Ok(()),
        }
    });
    removed.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(small.len())
}

/// Reads index files, in their order, some at a time: not all need fit into memory.
fn load_all(core: &Core, files: &[IndexId]) -> impl Iterator<Item = (IndexId, Result<WrittenPacks, PruneError>)> {
    files.chunks(AT_ONCE).flat_map(move |some| {
        let loaded = in_parallel(some, |id| load(core, id));
        some.iter().copied().zip(loaded)
    })
}

fn load(core: &Core, id: &IndexId) -> Result<WrittenPacks, PruneError> {
    let source = core.index_files();
    let json = source.load(id)?.ok_or(PruneError::Restless { what: "index" })?;
    Ok(decode_packs(&json).map_err(|error| source.malformed(id, error))?)
}

/// Two entries with the same digest say the same. Old versions of restic could split a pack over two index files: then
/// both are kept.
fn digest(pack: &PackId, blobs: &[PackedBlob]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(pack.as_bytes());
    for blob in blobs {
        hash.update(blob.id.as_bytes());
        for number in [blob.kind as u32, blob.offset, blob.stored_length, blob.uncompressed_length] {
            hash.update(number.to_le_bytes());
        }
    }
    hash.finalize().into()
}

struct Rewriter<'a> {
    core: &'a Core,
    blobs: usize,
    packs: WrittenPacks,
    /// What files that stay, or that were written, say already.
    seen: HashSet<[u8; 32]>,
}

impl Rewriter<'_> {
    fn add(&mut self, pack: PackId, blobs: Vec<PackedBlob>) -> Result<(), PruneError> {
        if self.seen.insert(digest(&pack, &blobs)) {
            self.blobs += blobs.len();
            self.packs.push((pack, blobs));
        }
        if self.blobs >= FULL { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), PruneError> {
        if !self.packs.is_empty() {
            let packs: Vec<(PackId, &[PackedBlob])> = self.packs.iter().map(|(id, blobs)| (*id, &**blobs)).collect();
            self.core.index_files().write(&packs)?;
        }
        self.packs.clear();
        self.blobs = 0;
        Ok(())
    }
}
