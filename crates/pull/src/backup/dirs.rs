//! The directories of a session: numbered as the agent announces them, resolved to trees from the leaves up.
//!
//! A directory is *open* from the moment its entries are asked for until its tree is written; it waits for the
//! contents of its files and for the trees of its subdirectories. Each number is claimed by one parent, and lies where its
//! parent has it: what its entries were said to lie in is compared. What is open, or claimed by nobody, is bounded in memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use holdfast_repo::tree::Node;
use holdfast_wire::{DirDigest, ViolationClass};

use super::budget::Budget;
use super::parent::OldDir;
use crate::Violation;
use crate::state::{KnownTree, Totals};

/// The place of a node: the directory's number and the index among its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) dir: u64,
    pub(super) index: usize,
}

/// What was too much.
pub(super) enum TooMuch {
    /// The entries of the directory of this path.
    Directory(Vec<u8>),
    /// All that the client has not completed.
    Session(Violation),
}

/// A directory whose tree is known or written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolved {
    pub(super) known: KnownTree,
    /// Whether its digest may be remembered: everything beneath it is stored as it was listed.
    pub(super) memorable: bool,
    /// Whether the files beneath it were counted as they came: not those of a tree that was known.
    pub(super) counted: bool,
    /// Where its entries were said to lie: nothing is said of a tree that was known.
    pub(super) path: Option<PathMark>,
}

/// Stands for a path. A client cannot find two with the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathMark(u64);

/// A directory whose tree is not complete.
pub(super) struct OpenDir {
    pub(super) path: Vec<u8>,
    pub(super) digest: DirDigest,
    /// In the order in which they came; `None` where a file could not be stored.
    pub(super) nodes: Vec<Option<Node>>,
    /// Bytes that they take, about.
    weight: usize,
    pub(super) old: Option<OldDir>,
    /// Contents and subtrees that are still under way.
    pub(super) waiting: usize,
    /// Whether all entries have come.
    pub(super) listed: bool,
    pub(super) memorable: bool,
    pub(super) totals: Totals,
}

/// A directory that no parent has taken yet, or whose parent waits for it.
enum State {
    /// Its entries are wanted; nobody has claimed it yet, or this place has, for this path.
    Open(Option<(Place, PathMark)>),
    Resolved(Resolved),
}

/// What all directories of a session that are not done may take: enough for one of two million entries.
const MAX: usize = if cfg!(test) { 16 << 20 } else { 1 << 30 };
/// What a directory takes until its parent has it.
const UNCLAIMED: usize = 128;
/// What one takes besides until its tree is written.
const OPEN: usize = 384;

/// All directories of a session. Those that a parent has taken are forgotten.
pub(super) struct Dirs {
    next: u64,
    states: HashMap<u64, State>,
    open: HashMap<u64, OpenDir>,
    budget: Budget,
    marks: RandomState,
}

/// What a claim of a subdirectory found.
pub(super) enum Claim {
    Resolved(Resolved),
    Waiting,
}

impl Default for Dirs {
    fn default() -> Self {
        let budget = Budget::new("directories and entries that are not complete", MAX);
        Self { next: 0, states: HashMap::new(), open: HashMap::new(), budget, marks: RandomState::new() }
    }
}

impl Dirs {
    /// The number that the next directory gets.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// Adds a directory whose tree is known.
    pub(super) fn add_known(&mut self, known: KnownTree) -> Result<(), Violation> {
        self.add(State::Resolved(Resolved { known, memorable: true, counted: false, path: None }))
    }

    /// Adds a directory whose entries are wanted.
    pub(super) fn add_wanted(&mut self, digest: DirDigest) -> Result<(), Violation> {
        self.budget.take(OPEN)?;
        let open = OpenDir {
            path: Vec::new(),
            digest,
            nodes: Vec::new(),
            weight: 0,
            old: None,
            waiting: 0,
            listed: false,
            memorable: digest.memorable,
            totals: Totals { files: 0, dirs: 1, bytes: 0, height: 1 },
        };
        self.open.insert(self.next, open);
        self.add(State::Open(None))
    }

    fn add(&mut self, state: State) -> Result<(), Violation> {
        self.budget.take(UNCLAIMED)?;
        self.states.insert(self.next, state);
        self.next += 1;
        Ok(())
    }

    /// An open directory.
    pub(super) fn open(&mut self, number: u64) -> Result<&mut OpenDir, Violation> {
        self.open
            .get_mut(&number)
            .ok_or_else(|| Violation::new(ViolationClass::ChunkOrder, format!("entries of directory {number}")))
    }

    /// Notes that an open directory keeps so many bytes more. Fails when that is too much, and says whether it is this
    /// directory alone that is too large.
    pub(super) fn weigh(&mut self, number: u64, bytes: usize) -> Result<(), TooMuch> {
        let Some(open) = self.open.get_mut(&number) else { return Ok(()) };
        open.weight += bytes;
        self.budget.take(bytes).map_err(|violation| match open.weight > MAX / 2 {
            true => TooMuch::Directory(open.path.clone()),
            false => TooMuch::Session(violation),
        })
    }

    /// What stands for a path.
    pub(super) fn mark(&self, path: &[u8]) -> PathMark {
        PathMark(self.marks.hash_one(path))
    }

    /// The first entries of an open directory have come, and say where it lies.
    pub(super) fn lies_at(&mut self, number: u64, path: Vec<u8>) -> Result<(), Violation> {
        let mark = self.mark(&path);
        if let Some(State::Open(Some((_, expected)))) = self.states.get(&number) {
            check_place(*expected, mark, number)?;
        }
        self.open(number)?.path = path;
        Ok(())
    }

    /// Whether entries are wanted that have not all come.
    pub(super) fn is_owed(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes a directory as the subdirectory at `place`, which lies at `path`.
    pub(super) fn claim(&mut self, number: u64, place: Place, path: PathMark) -> Result<Claim, Violation> {
        let broken = |what: &str| Violation::new(ViolationClass::Reference, format!("subdirectory {number} {what}"));
        // Children come before their parents: so no directory can lie within itself.
        if number >= place.dir {
            return Err(broken("comes after its parent"));
        }
        let said = self.open.get(&number).filter(|open| !open.path.is_empty()).map(|open| self.mark(&open.path));
        match self.states.get_mut(&number) {
            // It comes before its parent, which was announced: so it was too.
            None | Some(State::Open(Some(_))) => Err(broken("has a parent already")),
            Some(State::Open(claimed)) => {
                said.map_or(Ok(()), |said| check_place(path, said, number))?;
                *claimed = Some((place, path));
                Ok(Claim::Waiting)
            }
            Some(State::Resolved(resolved)) => {
                let resolved = *resolved;
                resolved.path.map_or(Ok(()), |said| check_place(path, said, number))?;
                self.forget(number);
                Ok(Claim::Resolved(resolved))
            }
        }
    }

    fn forget(&mut self, number: u64) {
        self.states.remove(&number);
        self.budget.give_back(UNCLAIMED);
    }

    /// Takes out a directory that is listed and waits for nothing.
    pub(super) fn take_complete(&mut self, number: u64) -> Option<OpenDir> {
        if !self.open.get(&number).is_some_and(|open| open.listed && open.waiting == 0) {
            return None;
        }
        let open = self.open.remove(&number)?;
        self.budget.give_back(OPEN + open.weight);
        Some(open)
    }

    /// Notes the tree of a directory that was open; says who waits for it.
    pub(super) fn resolve(&mut self, number: u64, resolved: Resolved) -> Option<Place> {
        let state = self.states.get_mut(&number)?;
        match state {
            State::Open(Some((place, _))) => {
                let place = *place;
                self.forget(number);
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
        match self.states.get(&number)? {
            State::Resolved(resolved) => Some(*resolved),
            State::Open(_) => None,
        }
    }
}

/// A directory that is said to lie somewhere lies where its parent has it.
fn check_place(expected: PathMark, said: PathMark, number: u64) -> Result<(), Violation> {
    let elsewhere = || {
        Violation::new(ViolationClass::Scope, format!("directory {number} is not where its entries were said to lie"))
    };
    if expected == said { Ok(()) } else { Err(elsewhere()) }
}
