//! The threads that prove, compress, encrypt and pack blobs.
//!
//! Invariant: nothing that a session put unproven is stored, joined or told of before its hash is right.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use holdfast_chunker::sha256_each;
use holdfast_model::BlobId;

use super::IngestError;
use super::budget::Permit;
use super::pending::Claim;
use super::pipeline::Shared;
use super::state::{Busy, SessionState};
use super::upload::Task;
use crate::pack::{BlobEncoder, BlobKind, Compression};

/// Whether the id of a blob is known to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// This process has computed it from these bytes.
    Verified,
    /// Someone else says so: it is computed before anything is done with the bytes.
    Unverified,
}

/// A blob that a session has put.
pub(super) struct Job {
    pub(super) session: Arc<SessionState>,
    pub(super) kind: BlobKind,
    pub(super) id: BlobId,
    pub(super) bytes: Vec<u8>,
    pub(super) proof: Proof,
    pub(super) compression: Compression,
    pub(super) permit: Permit,
    pub(super) busy: Busy,
}

/// Unproven blobs that one worker takes at once, to prove them together: at most so many, of so many bytes but for the
/// second.
const TOGETHER: usize = 16;
const TOGETHER_BYTES: usize = 128 << 10;

/// Works until no one puts blobs any more.
pub(super) fn run(shared: &Shared, jobs: &Receiver<Job>, uploads: &Sender<Task>) {
    let options = &shared.core.options;
    let encoder = || BlobEncoder::new(options.verify);
    let mut own = encoder();
    let mut taken = Vec::new();
    for job in jobs {
        taken.push(job);
        take_more(&mut taken, jobs, options.threads.get());
        prove(&mut taken);
        for job in taken.drain(..) {
            // No lock is held, and uploaders wait for no worker.
            shared.in_flight.wait_below(options.connections.get() + 2);
            let session = job.session.clone();
            let work = AssertUnwindSafe(|| work(shared, &mut own, job, uploads));
            if catch_unwind(work).is_err() {
                session.fail(IngestError::Defect);
                own = encoder();
            }
        }
    }
}

/// Takes a few more jobs beside an unproven one, if the other threads have enough left.
fn take_more(taken: &mut Vec<Job>, jobs: &Receiver<Job>, threads: usize) {
    let wants_more = |taken: &[Job]| {
        let bytes: usize = taken.iter().map(|job| job.bytes.len()).sum();
        let has_room = taken.len() < TOGETHER && (taken.len() < 2 || bytes < TOGETHER_BYTES);
        has_room && taken.iter().any(|job| job.proof == Proof::Unverified)
    };
    while wants_more(taken)
        && jobs.len() >= threads
        && let Ok(job) = jobs.try_recv()
    {
        taken.push(job);
    }
}

/// Proves what is not proven yet; a blob that is another stays unproven.
fn prove(taken: &mut [Job]) {
    let unproven = || taken.iter().filter(|job| job.proof == Proof::Unverified);
    let hashes = sha256_each(&unproven().map(|job| job.bytes.as_slice()).collect::<Vec<_>>());
    let mut hashes = hashes.into_iter();
    for job in taken.iter_mut().filter(|job| job.proof == Proof::Unverified) {
        if hashes.next().is_some_and(|hash| hash == *job.id.as_bytes()) {
            job.proof = Proof::Verified;
        }
    }
}

fn work(shared: &Shared, encoder: &mut BlobEncoder, job: Job, uploads: &Sender<Task>) {
    let Job { session, kind, id, bytes, proof, compression, permit, busy } = job;
    if session.check().is_err() {
        return;
    }
    if proof == Proof::Unverified {
        session.fail(IngestError::HashMismatch { id });
        return;
    }
    match shared.pending.claim(&shared.core.index, kind, id, &session) {
        Claim::Durable if kind == BlobKind::Data => session.tell_later(id),
        Claim::Durable | Claim::OnItsWay => {}
        Claim::New(encoding) => match encoder.encode(&shared.core.key, kind, &bytes, compression) {
            Err(error) => encoding.fail(error.into()),
            Ok(sealed) => {
                let now = shared.core.clock.instant();
                let (packed, full) = shared.packer.add(kind, id, sealed, encoding, now, &shared.in_flight);
                session.add(kind, bytes.len(), packed);
                // What the blob took is free again before this thread waits for the storage.
                drop((bytes, permit, busy));
                if let Some(full) = full {
                    shared.send(uploads, full);
                }
            }
        },
    }
}
