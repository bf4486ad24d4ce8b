//! The structure: every tree that a snapshot reaches can be read, and every blob that a file needs is in the index.
//!
//! Each tree is read once, by one of several threads; which ones were seen is a bit for each in the index.

use std::collections::HashSet;
use std::thread;

use holdfast_model::monitor::Progress;
use holdfast_model::{BlobId, CancelToken, Id, Monitor, TreeId};
use parking_lot::{Condvar, Mutex};

use super::{CheckReport, Finding, has, threads};
use crate::Repository;
use crate::error::{RepoError, RepoErrorKind};
use crate::index::IndexView;
use crate::pack::BlobKind;
use crate::reader::ReadError;
use crate::tree::{Tree, display_name};

/// Trees that a thread takes at once, at most: a message between threads costs as much as a small tree.
const BATCH: usize = 16;

/// Follows all trees from the roots.
pub(super) fn check_trees(
    repository: &Repository,
    view: &IndexView,
    roots: Vec<TreeId>,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
    report: &mut CheckReport,
) -> Result<(), RepoError> {
    let work = Work::new(view);
    work.found(&mut work.state.lock(), roots);
    let run = || {
        let (mut trees, mut subtrees, mut findings) = (Vec::new(), Vec::new(), Vec::new());
        while work.next(&mut trees, cancel) {
            let _watch = Watch(&work);
            let taken = trees.len();
            for tree in trees.drain(..) {
                match check_tree(repository, view, tree) {
                    Ok((below, found)) => {
                        subtrees.extend(below);
                        findings.extend(found);
                    }
                    Err(error) => work.fail(error),
                }
            }
            let done = work.done(taken, &mut subtrees, &mut findings);
            if done / 256 != (done - taken) / 256 {
                monitor.progress(&Progress { files_done: done as u64, ..Progress::default() });
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..work.threads {
            scope.spawn(run);
        }
        run();
    });
    cancel.check()?;
    let state = work.state.into_inner();
    report.trees = state.trees;
    report.findings.extend(state.findings);
    state.failure.map_or(Ok(()), Err)
}

/// The subtrees of a tree, and what is wrong with it.
fn check_tree(
    repository: &Repository,
    view: &IndexView,
    tree: TreeId,
) -> Result<(Vec<TreeId>, Vec<Finding>), RepoError> {
    let finding = |source| Ok((Vec::new(), vec![Finding::Tree { tree, source }]));
    let document = match repository.engine().load_blob(BlobKind::Tree, &tree.into()) {
        Ok(document) => document,
        Err(error) => {
            let error = RepoError::from(error);
            return match error.kind() {
                // A pack that is not there has been found already; this says who needs it.
                RepoErrorKind::Corrupt
                | RepoErrorKind::Storage(holdfast_store::ErrorKind::NotFound | holdfast_store::ErrorKind::Corrupt) => {
                    finding(error)
                }
                _ => Err(error),
            };
        }
    };
    let parsed = match Tree::read(&document) {
        Ok(parsed) => parsed,
        Err(source) => return finding(ReadError::Tree { id: tree, source }.into()),
    };
    let mut findings: Vec<Finding> =
        parsed.faults().iter().map(|source| Finding::Node { tree, source: source.clone() }).collect();
    let mut subtrees = Vec::new();
    for node in parsed.nodes() {
        subtrees.extend(node.subtree());
        let mut missing: HashSet<BlobId> = HashSet::new();
        for &blob in node.content() {
            if !has(view, BlobKind::Data, Id::from(blob)) && missing.insert(blob) {
                findings.push(Finding::MissingBlob { tree, name: display_name(&node.name), blob });
            }
        }
    }
    Ok((subtrees, findings))
}

/// Ends the work of all threads when one panics, so that nobody waits for it.
struct Watch<'a>(&'a Work<'a>);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.state.lock().panicked = true;
            self.0.changed.notify_all();
        }
    }
}

/// What the threads share.
struct Work<'a> {
    view: &'a IndexView,
    threads: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// By ordinal in the index.
    seen: Vec<u64>,
    /// Those that are not in the index, and will be found missing.
    strange: HashSet<TreeId>,
    waiting: Vec<TreeId>,
    /// Trees that were taken and are not done.
    busy: usize,
    /// Threads that wait for trees.
    idle: usize,
    trees: usize,
    findings: Vec<Finding>,
    failure: Option<RepoError>,
    panicked: bool,
}

impl<'a> Work<'a> {
    fn new(view: &'a IndexView) -> Self {
        let state = State {
            seen: vec![0; view.len(BlobKind::Tree).div_ceil(64)],
            strange: HashSet::new(),
            waiting: Vec::new(),
            busy: 0,
            idle: 0,
            trees: 0,
            findings: Vec::new(),
            failure: None,
            panicked: false,
        };
        Self { view, threads: threads(), state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Puts trees that were not seen before among those that wait.
    fn found(&self, state: &mut State, trees: impl IntoIterator<Item = TreeId>) {
        for tree in trees {
            let is_new = match self.view.ordinal(BlobKind::Tree, &tree.into()) {
                Some(ordinal) => {
                    let (word, bit) = (&mut state.seen[ordinal / 64], 1 << (ordinal % 64));
                    let is_new = *word & bit == 0;
                    *word |= bit;
                    is_new
                }
                None => state.strange.insert(tree),
            };
            if is_new {
                state.waiting.push(tree);
            }
        }
    }

    /// Takes the next trees, a fair share of those that wait; `false` when all are done.
    fn next(&self, trees: &mut Vec<TreeId>, cancel: &CancelToken) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.failure.is_some() || state.panicked || cancel.is_cancelled() {
                self.changed.notify_all();
                return false;
            }
            let waiting = state.waiting.len();
            if waiting > 0 {
                let share = waiting.div_ceil(self.threads).min(BATCH);
                trees.extend(state.waiting.drain(waiting - share..));
                state.busy += share;
                return true;
            }
            if state.busy == 0 {
                self.changed.notify_all();
                return false;
            }
            state.idle += 1;
            self.changed.wait(&mut state);
            state.idle -= 1;
        }
    }

    /// Takes over what so many trees gave; says how many are done in all.
    fn done(&self, trees: usize, subtrees: &mut Vec<TreeId>, findings: &mut Vec<Finding>) -> usize {
        let mut state = self.state.lock();
        self.found(&mut state, subtrees.drain(..));
        state.busy -= trees;
        state.trees += trees;
        state.findings.append(findings);
        if state.busy == 0 && state.waiting.is_empty() {
            self.changed.notify_all();
        } else {
            // This thread takes some itself.
            for _ in 1..state.waiting.len().min(state.idle + 1) {
                self.changed.notify_one();
            }
        }
        state.trees
    }

    fn fail(&self, error: RepoError) {
        self.state.lock().failure.get_or_insert(error);
    }
}
