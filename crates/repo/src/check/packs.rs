//! The packs as a whole: each that the index names is there and has the right length, and no others are.

use std::collections::HashMap;

use holdfast_model::{CancelToken, PackId};
use holdfast_store::FileKind;

use super::{CheckReport, Finding};
use crate::Repository;
use crate::error::RepoError;
use crate::index::{BlobLocation, IndexView};
use crate::pack::{BlobKind, PackedBlob, header_length};

/// A pack that is there, as the index names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownPack {
    pub(super) id: PackId,
    /// Bytes.
    pub(super) size: u64,
    /// Blobs by the index.
    pub(super) blobs: u64,
}

/// What the index says about a pack.
#[derive(Default)]
struct Entry {
    /// Index files that name it.
    files: usize,
    size: u64,
    blobs: u64,
    kinds: [bool; 2],
    /// All that several files say; empty where only one does.
    repeated: Vec<PackedBlob>,
}

/// Compares the packs that are there with the index, and gives those that are in both.
pub(super) fn check_packs(
    repository: &Repository,
    view: &IndexView,
    cancel: &CancelToken,
    report: &mut CheckReport,
) -> Result<Vec<KnownPack>, RepoError> {
    let mut entries = entries(view);
    for (&pack, entry) in &mut entries {
        judge(pack, entry, &mut report.findings);
    }
    cancel.check()?;
    let mut known = Vec::new();
    for file in repository.store().list(FileKind::Pack)? {
        let id = PackId::from(file.id);
        report.packs += 1;
        let Some(entry) = entries.remove(&id) else {
            if !view.is_marked(&id) {
                report.findings.push(Finding::PackUnindexed { pack: id, size: file.size });
            }
            continue;
        };
        if file.size != entry.size {
            report.findings.push(Finding::PackSize { pack: id, expected: entry.size, actual: file.size });
        }
        known.push(KnownPack { id, size: file.size, blobs: entry.blobs });
    }
    let mut missing: Vec<PackId> = entries.into_keys().collect();
    missing.sort_unstable();
    report.findings.extend(missing.into_iter().map(|pack| Finding::PackMissing { pack }));
    Ok(known)
}

fn entries(view: &IndexView) -> HashMap<PackId, Entry> {
    let mut entries: HashMap<PackId, Entry> = HashMap::new();
    for (pack, _) in view.packs() {
        entries.entry(pack).or_default().files += 1;
    }
    for kind in [BlobKind::Data, BlobKind::Tree] {
        for (id, at) in view.blobs(kind) {
            let Some(entry) = entries.get_mut(&at.pack) else { continue };
            let blob = packed(kind, id, &at);
            if entry.files > 1 {
                entry.repeated.push(blob);
            } else {
                entry.add(&blob);
            }
        }
    }
    entries
}

impl Entry {
    fn add(&mut self, blob: &PackedBlob) {
        // A header without blobs is part of the length once; each blob adds what it adds to the header.
        let frame = header_length([]);
        if self.blobs == 0 {
            self.size = frame;
        }
        self.size += u64::from(blob.stored_length) + header_length([blob]) - frame;
        self.blobs += 1;
        self.kinds[usize::from(blob.kind == BlobKind::Tree)] = true;
    }
}

/// Adds up what several files say of a pack, if they agree, and reports what is strange about it.
fn judge(pack: PackId, entry: &mut Entry, findings: &mut Vec<Finding>) {
    if entry.files > 1 {
        let mut repeated = std::mem::take(&mut entry.repeated);
        let order = |blob: &PackedBlob| (blob.offset, blob.id, blob.kind, blob.stored_length, blob.uncompressed_length);
        repeated.sort_unstable_by_key(order);
        let mut agreed = true;
        for same in repeated.chunk_by(|a, b| a == b) {
            agreed &= same.len() == entry.files;
            entry.add(&same[0]);
        }
        let files = entry.files;
        findings.push(if agreed { Finding::PackRepeated { pack, files } } else { Finding::PackDisputed { pack } });
    }
    if entry.kinds == [true, true] {
        findings.push(Finding::PackMixed { pack });
    }
}

fn packed(kind: BlobKind, id: holdfast_model::BlobId, at: &BlobLocation) -> PackedBlob {
    PackedBlob {
        kind,
        id,
        offset: at.offset,
        stored_length: at.stored_length,
        uncompressed_length: at.uncompressed_length,
    }
}
