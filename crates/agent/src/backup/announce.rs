//! Directories on their way: numbered when their walk is complete, announced in batches, kept until the server says
//! whether it wants their entries.
//!
//! A directory is numbered after all its subdirectories, and announced in the order of numbers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use holdfast_wire::{DirDigest, FromAgent};
use parking_lot::Mutex;

use super::listing::Listed;
use crate::AgentError;
use crate::outbox::Outbox;
use crate::stop::Stopped;

/// How many digests are sent at once.
const BATCH: usize = 512;
/// How long a digest waits for others. The server's answers keep the work going.
const DELAY: Duration = Duration::from_millis(20);

/// The directories that the server has not answered.
pub(crate) struct Announcer(Mutex<State>);

struct State {
    unsent: Vec<DirDigest>,
    /// When the first of them came.
    since: Instant,
    /// The number of the first directory in `awaiting`.
    answered: u64,
    awaiting: VecDeque<Listed>,
}

impl Announcer {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(State { unsent: Vec::new(), since: now, answered: 0, awaiting: VecDeque::new() }))
    }

    /// Takes a directory whose subdirectories have all been taken; gives its number.
    pub(crate) fn add(&self, listed: Listed, now: Instant) -> u64 {
        let mut state = self.0.lock();
        if state.unsent.is_empty() {
            state.since = now;
        }
        state.unsent.push(listed.digest);
        state.awaiting.push_back(listed);
        state.answered + state.awaiting.len() as u64 - 1
    }

    /// Announces what has not been announced.
    pub(crate) fn flush(&self, outbox: &Outbox) -> Result<(), Stopped> {
        // The turn first: two who flush at the same time must not overtake each other.
        let turn = outbox.turn();
        let unsent = std::mem::take(&mut self.0.lock().unsent);
        if unsent.is_empty() { Ok(()) } else { turn.send(FromAgent::Dirs(unsent)) }
    }

    /// Announces what has waited long enough.
    pub(crate) fn flush_if_due(&self, outbox: &Outbox, now: Instant) -> Result<(), Stopped> {
        let due = {
            let state = self.0.lock();
            state.unsent.len() >= BATCH || !state.unsent.is_empty() && now.duration_since(state.since) >= DELAY
        };
        if due { self.flush(outbox) } else { Ok(()) }
    }

    /// Takes the server's answer to all directories below `upto`; gives those that it wants, with their numbers. The
    /// others are forgotten.
    pub(crate) fn answered(&self, upto: u64, wanted: &[u64]) -> Result<Vec<(u64, Listed)>, AgentError> {
        let mut state = self.0.lock();
        let first = state.answered;
        let announced = first + (state.awaiting.len() - state.unsent.len()) as u64;
        let in_order = wanted.windows(2).all(|pair| pair[0] < pair[1]);
        let in_range = wanted.first().is_none_or(|n| *n >= first) && wanted.last().is_none_or(|n| *n < upto);
        if upto < first || upto > announced || !in_order || !in_range {
            let what = format!("it answered directories up to {upto}, where {first} to {announced} are open");
            return Err(AgentError::Protocol { what });
        }
        state.answered = upto;
        let answered: Vec<Listed> = state.awaiting.drain(..(upto - first) as usize).collect();
        drop(state);
        let mut wanted = wanted.iter().copied().peekable();
        let numbered = (first..).zip(answered);
        Ok(numbered.filter(|(number, _)| wanted.next_if_eq(number).is_some()).collect())
    }
}
