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

/// Blobs that one worker takes at once, to prove them together: at most so many, and no more once there are two of so many
/// bytes.
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
        if catch_unwind(AssertUnwindSafe(|| prove(&mut taken))).is_err() {
            // Each session hears of it before its blob stops counting as busy.
            taken.drain(..).for_each(|job| job.session.fail(IngestError::Defect));
        }
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
    // What a session put that has ended is not worth the work.
    let unproven = |job: &&mut Job| job.proof == Proof::Unverified && job.session.check().is_ok();
    let jobs: Vec<&mut Job> = taken.iter_mut().filter(unproven).collect();
    let hashes = sha256_each(&jobs.iter().map(|job| job.bytes.as_slice()).collect::<Vec<_>>());
    for (job, hash) in jobs.into_iter().zip(hashes) {
        if hash == *job.id.as_bytes() {
            job.proof = Proof::Verified;
        }
    }
}

fn work(shared: &Shared, encoder: &mut BlobEncoder, job: Job, uploads: &Sender<Task>) {
    let Job { session, kind, id, bytes, proof, compression, permit, busy } = job;
    if session.check().is_err() {
        return;
    }
    // What was as it should be is proven by now.
    if proof == Proof::Unverified {
        session.fail(IngestError::HashMismatch { id });
        return;
    }
    match shared.pending.claim(&shared.core.index, kind, id, &session) {
        Claim::Durable => {
            charge_stored(shared, &session, kind, &id, bytes.len());
            if kind == BlobKind::Data {
                session.tell_later(id);
            }
        }
        // What it takes is not known yet, and whose it is must not show.
        Claim::OnItsWay if session.is_limited() => match encoder.encode(&shared.core.key, kind, &bytes, compression) {
            Err(error) => session.fail(error.into()),
            Ok(sealed) => session.charge(sealed.length()),
        },
        Claim::OnItsWay => {}
        Claim::New(encoding) => match encoder.encode(&shared.core.key, kind, &bytes, compression) {
            Err(error) => encoding.fail(error.into()),
            Ok(sealed) => {
                let now = shared.core.clock.instant();
                let (packed, full) = shared.packer.add(kind, id, sealed, encoding, now, &shared.in_flight);
                session.add(kind, bytes.len(), packed);
                session.charge(packed);
                // What the blob took is free again before this thread waits for the storage.
                drop((bytes, permit, busy));
                if let Some(full) = full {
                    shared.send(uploads, full);
                }
            }
        },
    }
}

/// Counts a blob that was there by what it takes there.
pub(super) fn charge_stored(shared: &Shared, session: &SessionState, kind: BlobKind, id: &BlobId, plain: usize) {
    if session.is_limited() {
        let stored = shared.core.index.locate(kind, id).map(|location| location.stored_length);
        session.charge(stored.unwrap_or_else(|| u32::try_from(plain).unwrap_or(u32::MAX)));
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;
    use holdfast_chunker::sha256;

    use super::super::budget::Budget;
    use super::*;

    fn job(session: &Arc<SessionState>, text: &[u8], proof: Proof) -> Job {
        Job {
            session: session.clone(),
            kind: BlobKind::Data,
            id: BlobId::new(sha256(text)),
            bytes: text.to_vec(),
            proof,
            compression: Compression::Auto,
            permit: Budget::new(1 << 30).take(text.len()),
            busy: session.busy(),
        }
    }

    fn wrong(session: &Arc<SessionState>) -> Job {
        Job { bytes: b"another".to_vec(), ..job(session, b"what it says", Proof::Unverified) }
    }

    #[test]
    fn what_is_another_stays_unproven_and_its_neighbours_do_not() {
        let session = SessionState::new(Box::new(|_| ()));
        let right = |text: &[u8]| job(&session, text, Proof::Unverified);
        let trusted = job(&session, b"computed here", Proof::Verified);
        let mut taken = vec![right(b"one"), wrong(&session), trusted, right(b""), wrong(&session), right(&[7; 1000])];
        prove(&mut taken);
        let proven: Vec<bool> = taken.iter().map(|job| job.proof == Proof::Verified).collect();
        assert_eq!(proven, [true, false, true, true, false, true]);
    }

    #[test]
    fn a_worker_takes_more_only_to_prove_and_only_if_the_others_have_enough() {
        let session = SessionState::new(Box::new(|_| ()));
        let taken = |first: Proof, length: usize, waiting: usize| {
            let (put, jobs) = unbounded();
            (0..waiting).for_each(|_| put.send(job(&session, &vec![1; length], Proof::Unverified)).unwrap());
            let mut taken = vec![job(&session, &vec![1; length], first)];
            take_more(&mut taken, &jobs, 2);
            taken.len()
        };
        assert_eq!(taken(Proof::Unverified, 10, 100), TOGETHER);
        assert_eq!(taken(Proof::Verified, 10, 100), 1, "nothing is to be proven");
        assert_eq!(taken(Proof::Unverified, 10, 5), 5, "one is left for the other thread");
        assert_eq!(taken(Proof::Unverified, 1 << 20, 100), 2);
        assert_eq!(taken(Proof::Unverified, TOGETHER_BYTES / 4, 100), 4);
    }
}
