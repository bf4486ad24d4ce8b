//! What is kept of a directory between its walk and the server's last question about it.
//!
//! Listings are bounded in all: while directories are walked, by giving up listings (they are read again if they are
//! wanted); after that, by making the walk wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_wire::DirDigest;

use super::crew::Crew;
use super::digest::{Digester, Sums};
use super::place::Place;
use super::record::{self, Record};
use crate::stop::Gate;

/// Bytes of listings whose directories are still being walked.
const WALKING: usize = 5 << 20;
/// Bytes of one listing. A larger one is read again if it is wanted.
const ONE: usize = 2 << 20;
/// Bytes of listings that wait for answers, from which on the walk waits.
const AWAITING: usize = 6 << 20;
/// What a directory takes besides its listing.
const OVERHEAD: usize = 400;
/// Bytes of listings read again and sent, from which on no more are read.
const AGAIN: usize = 1 << 20;

/// The entries of a directory, as far as they were kept.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of them.
    Kept(Vec<u8>),
    /// Too many: only the numbers of the subdirectories, by [`Digester::name`].
    Dropped(Vec<(u64, u64)>),
}

/// Counts the listings of directories that are being walked.
#[derive(Default)]
pub(crate) struct WalkingBytes(AtomicUsize);

impl WalkingBytes {
    fn take(&self, bytes: usize) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| Some(taken + bytes).filter(|n| *n <= WALKING))
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::Kept(Vec::new())
    }
}

impl Content {
    /// Adds entries; if there is no room, forgets all but the subdirectories.
    pub(crate) fn extend(&mut self, listing: &[u8], budget: &WalkingBytes, digester: &Digester) {
        match self {
            Self::Kept(kept) if kept.len() + listing.len() <= ONE && budget.take(listing.len()) => {
                kept.extend_from_slice(listing);
            }
            Self::Kept(_) => {
                self.drop_entries(budget, digester);
                self.extend(listing, budget, digester);
            }
            Self::Dropped(subdirs) => add_subdirs(subdirs, listing, digester),
        }
    }

    /// Adds a subdirectory that is finished.
    pub(crate) fn add_subdir(&mut self, record: &Record, number: u64, budget: &WalkingBytes, digester: &Digester) {
        let mut listing = Vec::new();
        record.append_to(&mut listing, Some(number));
        self.extend(&listing, budget, digester);
    }

    /// Whether more entries are of use.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// Forgets all but the subdirectories.
    fn drop_entries(&mut self, budget: &WalkingBytes, digester: &Digester) {
        if let Self::Kept(kept) = self {
            let mut subdirs = Vec::new();
            add_subdirs(&mut subdirs, kept, digester);
            budget.give_back(kept.len());
            *self = Self::Dropped(subdirs);
        }
    }

    /// The walk of the directory is complete: nothing is added any more.
    pub(crate) fn finish(&mut self, budget: &WalkingBytes) {
        match self {
            Self::Kept(kept) => {
                budget.give_back(kept.len());
                kept.shrink_to_fit();
            }
            Self::Dropped(subdirs) => {
                subdirs.sort_unstable();
                subdirs.shrink_to_fit();
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Kept(kept) => kept.len(),
            Self::Dropped(subdirs) => size_of_val(&subdirs[..]),
        }
    }
}

fn add_subdirs(subdirs: &mut Vec<(u64, u64)>, listing: &[u8], digester: &Digester) {
    let found = record::records(listing).filter_map(|(_, body)| match record::name_and_number(body)? {
        (name, Some(number)) => Some((digester.name(name), number)),
        (_, None) => None,
    });
    subdirs.extend(found);
}

/// A directory whose walk is complete.
pub(crate) struct Listed {
    pub(crate) place: Place,
    pub(crate) sums: Sums,
    pub(crate) digest: DirDigest,
    pub(crate) content: Content,
    pub(crate) charge: Charge,
}

/// How much is kept for answers to come.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    awaiting: usize,
    again: usize,
}

impl Kept {
    /// Whether the walk may go on.
    pub(crate) fn has_room(&self) -> bool {
        self.awaiting < AWAITING
    }

    /// Whether more may be read again.
    pub(crate) fn has_room_again(&self) -> bool {
        self.again < AGAIN
    }
}

/// Counts something kept, until it is dropped.
pub(crate) struct Charge {
    crew: Arc<Gate<Crew>>,
    bytes: usize,
    again: bool,
}

impl Charge {
    /// Of a directory that has been walked.
    pub(crate) fn walked(crew: &Arc<Gate<Crew>>, content: &Content) -> Self {
        let bytes = content.bytes() + OVERHEAD;
        crew.with(|crew| crew.kept.awaiting += bytes);
        Self { crew: Arc::clone(crew), bytes, again: false }
    }

    /// Of entries that have been read again.
    pub(crate) fn again(crew: &Arc<Gate<Crew>>, bytes: usize) -> Self {
        crew.with(|crew| crew.kept.again += bytes);
        Self { crew: Arc::clone(crew), bytes, again: true }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let wake = self.crew.with(|crew| {
            let (count, limit) =
                if self.again { (&mut crew.kept.again, AGAIN) } else { (&mut crew.kept.awaiting, AWAITING) };
            let was_full = *count >= limit;
            *count -= self.bytes;
            was_full && *count < limit
        });
        if wake {
            self.crew.change(|_| ());
        }
    }
}
