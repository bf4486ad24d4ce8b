//! The directories of a session: numbered as the agent announces them, resolved to trees from the leaves up.
//!
//! A directory is *open* from the moment its entries are asked for until its tree is written; it waits for the
//! contents of its files and for the trees of its subdirectories. Each number is claimed by one parent.

use std::collections::HashMap;

use holdfast_repo::tree::Node;
use holdfast_wire::{DirDigest, ViolationClass};

use super::parent::OldDir;
use crate::Violation;
use crate::state::{KnownTree, Totals};

/// The place of a node: the directory's number and the index among its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) dir: u64,
    pub(super) index: usize,
}

/// A directory whose tree is known or written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolved {
    pub(super) known: KnownTree,
    /// Whether its digest may be remembered: everything beneath it is stored as it was listed.
    pub(super) memorable: bool,
    /// Whether the files beneath it were counted as they came: not those of a tree that was known.
    pub(super) counted: bool,
}

/// A directory whose tree is not complete.
pub(super) struct OpenDir {
    pub(super) path: Vec<u8>,
    pub(super) digest: DirDigest,
    /// In the order in which they came; `None` where a file could not be stored.
    pub(super) nodes: Vec<Option<Node>>,
    pub(super) old: Option<OldDir>,
    /// Contents and subtrees that are still under way.
    pub(super) waiting: usize,
    /// Whether all entries have come.
    pub(super) listed: bool,
    pub(super) memorable: bool,
    pub(super) totals: Totals,
}

enum State {
    /// Its entries are wanted; nobody has claimed it yet, or this place has.
    Open(Option<Place>),
    Resolved(Resolved),
    /// A parent has taken it.
    Claimed,
}

/// All directories of a session.
#[derive(Default)]
pub(super) struct Dirs {
    states: Vec<State>,
    open: HashMap<u64, OpenDir>,
}

/// What a claim of a subdirectory found.
pub(super) enum Claim {
    Resolved(Resolved),
    Waiting,
}

impl Dirs {
    /// The number that the next directory gets.
    pub(super) fn next_number(&self) -> u64 {
        self.states.len() as u64
    }

    /// Adds a directory whose tree is known.
    pub(super) fn add_known(&mut self, known: KnownTree) {
        self.states.push(State::Resolved(Resolved { known, memorable: true, counted: false }));
    }

    /// Adds a directory whose entries are wanted.
    pub(super) fn add_wanted(&mut self, digest: DirDigest) {
        let open = OpenDir {
            path: Vec::new(),
            digest,
            nodes: Vec::new(),
            old: None,
            waiting: 0,
            listed: false,
            memorable: digest.memorable,
            totals: Totals { files: 0, dirs: 1, bytes: 0 },
        };
        self.open.insert(self.next_number(), open);
        self.states.push(State::Open(None));
    }

    /// An open directory.
    pub(super) fn open(&mut self, number: u64) -> Result<&mut OpenDir, Violation> {
        self.open
            .get_mut(&number)
            .ok_or_else(|| Violation::new(ViolationClass::ChunkOrder, format!("entries of directory {number}")))
    }

    /// Takes a directory as the subdirectory at `place`.
    pub(super) fn claim(&mut self, number: u64, place: Place) -> Result<Claim, Violation> {
        let state = usize::try_from(number).ok().and_then(|number| self.states.get_mut(number));
        let broken = |what: &str| Violation::new(ViolationClass::Reference, format!("subdirectory {number} {what}"));
        match state {
            // Children come before their parents: so no directory can lie within itself.
            _ if number >= place.dir => Err(broken("comes after its parent")),
            None => Err(broken("was never announced")),
            Some(State::Claimed | State::Open(Some(_))) => Err(broken("has a parent already")),
            Some(State::Open(claimed)) => {
                *claimed = Some(place);
                Ok(Claim::Waiting)
            }
            Some(state) => match std::mem::replace(state, State::Claimed) {
                State::Resolved(resolved) => Ok(Claim::Resolved(resolved)),
                _ => unreachable!("the other states were matched before"),
            },
        }
    }

    /// Takes out a directory that is listed and waits for nothing.
    pub(super) fn take_complete(&mut self, number: u64) -> Option<OpenDir> {
        let complete = self.open.get(&number).is_some_and(|open| open.listed && open.waiting == 0);
        if complete { self.open.remove(&number) } else { None }
    }

    /// Notes the tree of a directory that was open; says who waits for it.
    pub(super) fn resolve(&mut self, number: u64, resolved: Resolved) -> Option<Place> {
        let state = self.states.get_mut(number as usize)?;
        match state {
            State::Open(Some(place)) => {
                let place = *place;
                *state = State::Claimed;
                Some(place)
            }
            _ => {
                *state = State::Resolved(resolved);
                None
            }
        }
    }

    /// The tree of a directory that nobody has claimed.
    pub(super) fn resolved(&self, number: u64) -> Option<Resolved> {
        match self.states.get(usize::try_from(number).ok()?)? {
            State::Resolved(resolved) => Some(*resolved),
            _ => None,
        }
    }
}
