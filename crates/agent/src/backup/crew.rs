//! The work of the threads that walk and tell: a stack of directories to enter, and listings that the server wants.
//!
//! What the server waits for comes first. The walk goes depth first, so that directories are completed early and
//! little is half done, and rests while too much waits for answers. Its stack is bounded: a directory with very many
//! subdirectories is put aside and read on later.

use std::collections::VecDeque;
use std::sync::Arc;

use super::listing::{Kept, Listed};
use super::node::Node;
use super::place::Subdir;

/// Directories that wait to be entered, over all; then those with many subdirectories are read in small steps.
const STACK: usize = 16_384;
/// The smallest step.
const STEP: usize = 16;
/// The largest.
const STRIDE: usize = 4096;

/// What there is to do.
#[derive(Default)]
pub(crate) struct Crew {
    stack: Vec<Task>,
    wanted: VecDeque<(u64, Listed)>,
    wanted_again: VecDeque<(u64, Listed)>,
    pub(crate) kept: Kept,
}

/// A step of the walk.
pub(crate) enum Task {
    /// Go into a subdirectory.
    Enter(Arc<Node>, Subdir),
    /// Read on where a directory was put aside.
    GoOn(Arc<Node>, u64),
}

/// One thing to do.
pub(crate) enum Work {
    /// A step of the walk.
    Walk(Task),
    /// Tell the entries of a directory by its number.
    Tell(u64, Listed),
    /// Nothing right now: send what has been held back.
    Rest,
}

impl Crew {
    /// The next thing to do, if there is any.
    pub(crate) fn next(&mut self) -> Option<Work> {
        if let Some((number, listed)) = self.wanted.pop_front() {
            return Some(Work::Tell(number, listed));
        }
        if self.kept.has_room() { self.stack.pop().map(Work::Walk) } else { None }
    }

    /// The next directory to be read again, when there is room for it.
    pub(crate) fn next_again(&mut self) -> Option<(u64, Listed)> {
        if self.kept.has_room_again() { self.wanted_again.pop_front() } else { None }
    }

    /// The server wants these.
    pub(crate) fn want(&mut self, wanted: Vec<(u64, Listed)>) {
        for (number, listed) in wanted {
            let queue = if listed.content.is_kept() { &mut self.wanted } else { &mut self.wanted_again };
            queue.push_back((number, listed));
        }
    }

    /// How many subdirectories a directory may add before it is put aside.
    pub(crate) fn room(&self) -> usize {
        STACK.saturating_sub(self.stack.len()).clamp(STEP, STRIDE)
    }

    /// Adds subdirectories, and the rest of the directory for when they are done.
    pub(crate) fn push(&mut self, node: &Arc<Node>, subdirs: Vec<Subdir>, rest: Option<u64>) {
        self.stack.extend(rest.map(|from| Task::GoOn(Arc::clone(node), from)));
        self.stack.extend(subdirs.into_iter().rev().map(|subdir| Task::Enter(Arc::clone(node), subdir)));
    }
}
