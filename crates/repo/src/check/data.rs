//! The content of packs: read to the last byte, in pieces, and proven to be what was written.
//!
//! A pack's own header is believed once it is authenticated, and compared with the index; so no list of all blobs is
//! needed. Each blob is hashed as part of the pack and decoded at once, while the processor has it at hand. Memory: one
//! piece for each thread, and its largest blob.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use bytes::BytesMut;
use holdfast_model::monitor::Progress;
use holdfast_model::{CancelToken, Id, Monitor, PackId};
use holdfast_store::{ErrorKind, FileKind};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::packs::KnownPack;
use super::{CheckReport, Finding, PackFault};
use crate::Repository;
use crate::error::{RepoError, RepoErrorKind};
use crate::index::IndexView;
use crate::pack::{PackedBlob, ThreadDecoder, list_pack};

/// Bytes that are read at once, a pack of usual size with its header; a blob that is longer is read as a whole.
const PIECE: u64 = 20 << 20;

/// Threads that read: some wait for the storage while others decode. Each may hold a piece and a blob.
const READERS: std::ops::RangeInclusive<usize> = 4..=8;

/// Reads these packs.
pub(super) fn check_data(
    repository: &Repository,
    view: &IndexView,
    packs: Vec<KnownPack>,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
    report: &mut CheckReport,
) -> Result<(), RepoError> {
    let total: u64 = packs.iter().map(|pack| pack.size).sum();
    let (next, done, bytes) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let findings = Mutex::new(Vec::new());
    let failure = Mutex::new(None);
    let run = || {
        let mut decoder = ThreadDecoder::new();
        while let Some(pack) = packs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if cancel.is_cancelled() || failure.lock().is_some() {
                return;
            }
            match check_twice(repository, view, pack, &mut decoder, cancel) {
                Ok(finding) => findings.lock().extend(finding),
                Err(error) => drop(failure.lock().get_or_insert(error)),
            }
            let progress = Progress {
                files_done: done.fetch_add(1, Ordering::Relaxed) + 1,
                files_total: Some(packs.len() as u64),
                bytes_done: bytes.fetch_add(pack.size, Ordering::Relaxed) + pack.size,
                bytes_total: Some(total),
                errors: findings.lock().len() as u64,
                ..Progress::default()
            };
            monitor.progress(&progress);
        }
    };
    let readers = thread::available_parallelism().map_or(1, NonZeroUsize::get).clamp(*READERS.start(), *READERS.end());
    thread::scope(|scope| {
        for _ in 1..readers.min(packs.len()) {
            scope.spawn(run);
        }
        run();
    });
    cancel.check()?;
    report.packs_read = done.into_inner() as usize;
    report.bytes_read = bytes.into_inner();
    let mut findings = findings.into_inner();
    findings.sort_by_key(|finding: &Finding| finding.broken_pack());
    report.findings.extend(findings);
    failure.into_inner().map_or(Ok(()), Err)
}

/// A pack that looks damaged is read once more: cables and memory fail too.
fn check_twice(
    repository: &Repository,
    view: &IndexView,
    pack: &KnownPack,
    decoder: &mut ThreadDecoder,
    cancel: &CancelToken,
) -> Result<Option<Finding>, RepoError> {
    let Err(first) = check_pack(repository, view, pack, decoder, cancel) else { return Ok(None) };
    let pack_id = pack.id;
    match check_pack(repository, view, pack, decoder, cancel) {
        Ok(()) => Ok(Some(Finding::PackUnsteady { pack: pack_id, source: first })),
        // A storage that does not answer says nothing about its packs.
        Err(PackFault::Read(error)) if !is_about_the_file(&error) => Err(error),
        Err(source) => Ok(Some(Finding::PackData { pack: pack_id, source })),
    }
}

fn is_about_the_file(error: &RepoError) -> bool {
    matches!(
        error.kind(),
        RepoErrorKind::Storage(ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Permanent | ErrorKind::Denied)
    )
}

fn check_pack(
    repository: &Repository,
    view: &IndexView,
    pack: &KnownPack,
    decoder: &mut ThreadDecoder,
    cancel: &CancelToken,
) -> Result<(), PackFault> {
    let listed = match list_pack(&**repository.store(), repository.key(), pack.id, pack.size) {
        Ok(listed) => listed,
        Err(crate::pack::PackError::Read { source, .. }) => return Err(PackFault::Read(source.into())),
        Err(crate::pack::PackError::Damaged { source, .. }) => {
            return Err(PackFault::Header { reason: source.to_string() });
        }
    };
    let mut contents = Contents { repository, decoder, hash: Sha256::new(), fault: None };
    let mut rest = &*listed;
    let mut at = 0;
    while at < pack.size {
        cancel.check().map_err(|cancelled| PackFault::Read(cancelled.into()))?;
        // A piece ends where a blob does, or where the pack does. What is behind the last blob has any length.
        let count = rest.iter().take_while(|blob| end(blob) <= at + PIECE).count().max(1).min(rest.len());
        let (blobs, after) = rest.split_at(count);
        rest = after;
        let to = match blobs.last() {
            Some(last) if !rest.is_empty() || pack.size > at + PIECE => end(last),
            _ => pack.size.min(at + PIECE),
        };
        contents.take(blobs, BytesMut::from(read(repository, pack.id, at..to)?));
        at = to;
    }
    let Contents { hash, fault, .. } = contents;
    if let Some(fault) = fault {
        return Err(fault);
    }
    if hash.finalize()[..] != Id::from(pack.id).as_bytes()[..] {
        return Err(PackFault::Hash);
    }
    compare(view, pack, &listed)
}

fn read(repository: &Repository, pack: PackId, range: std::ops::Range<u64>) -> Result<bytes::Bytes, PackFault> {
    repository
        .store()
        .read_range(FileKind::Pack, &Id::from(pack), range)
        .map_err(|source| PackFault::Read(source.into()))
}

/// What is known of a pack's content so far.
struct Contents<'a> {
    repository: &'a Repository,
    decoder: &'a mut ThreadDecoder,
    /// Of all bytes.
    hash: Sha256,
    /// The first blob that is not what it should be.
    fault: Option<PackFault>,
}

impl Contents<'_> {
    /// Takes the next piece, with the blobs that it begins with: they follow each other without a gap, as a header can say
    /// nothing else.
    fn take(&mut self, blobs: &[PackedBlob], mut bytes: BytesMut) {
        let mut rest = &mut bytes[..];
        for blob in blobs {
            // The piece was read up to the end of its last blob.
            let (sealed, after) = std::mem::take(&mut rest).split_at_mut(blob.stored_length as usize);
            rest = after;
            self.hash.update(&*sealed);
            if self.fault.is_none() {
                let key = self.repository.key();
                let decoded = self.decoder.decode(key, &blob.id, sealed, blob.uncompressed_length);
                self.fault = decoded.err().map(|source| PackFault::Blob { id: blob.id, source });
            }
        }
        self.hash.update(&*rest);
    }
}

/// Compares header and index: as many blobs in both, and each of the header's in the index.
fn compare(view: &IndexView, pack: &KnownPack, listed: &[PackedBlob]) -> Result<(), PackFault> {
    for blob in listed {
        let indexed = view.locations(blob.kind, &blob.id).any(|at| {
            at.pack == pack.id
                && (at.offset, at.stored_length, at.uncompressed_length)
                    == (blob.offset, blob.stored_length, blob.uncompressed_length)
        });
        if !indexed {
            return Err(PackFault::NotIndexed { id: blob.id });
        }
    }
    if listed.len() as u64 == pack.blobs {
        Ok(())
    } else {
        Err(PackFault::Count { listed: listed.len() as u64, indexed: pack.blobs })
    }
}

fn end(blob: &PackedBlob) -> u64 {
    u64::from(blob.offset) + u64::from(blob.stored_length)
}
