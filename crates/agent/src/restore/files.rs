//! Regular files while their content comes in.
//!
//! A file is known by device and inode from the moment it is opened or made, and is never written through another: when
//! its handle had to be closed in between, what is then under its name must still be the same file. At most one node
//! writes to a file. A file is finished once, by the thread that wrote its last missing chunk. One that is missing for
//! sure, in a directory of the session's own making, is made only when content for it is at hand, and then opened once.

mod finish;
mod place;
mod untouched;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use holdfast_wire::{Bits, RestoreOutcome};
use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags, fstat, openat};

use super::confine::Identity;
use super::content::Content;
use super::dirs::Fresh;
use super::metadata::Current;
use super::node::Node;
use super::node_path::NodePath;
use super::recent::Recent;
use super::session::Session;
use super::sparse::Beneath;
use super::trouble::Trouble;

/// File handles that are kept open.
const OPEN_FILES: usize = 256;

/// A regular file to restore.
#[derive(Debug)]
pub(super) struct FileNode {
    pub(super) node: Node,
    pub(super) content: Content,
}

/// A file that is being written, or will be.
pub(super) struct Writing {
    pub(super) file: FileNode,
    missing: Mutex<Missing>,
    failed: AtomicBool,
    /// Bytes up to which the file extends for sure.
    extent: AtomicU64,
    /// The file on disk, once that is there; `None` if it can't be made.
    made: OnceLock<Option<Made>>,
    /// Held while it is made.
    making: Mutex<()>,
    /// Whether it will have no attributes when it is made.
    bare: bool,
}

/// What is known of a file on disk.
pub(super) struct Made {
    /// Its metadata before the last step.
    current: Current,
    /// What lies under the chunks that are missing.
    beneath: Beneath,
    /// Whether nothing had to be written.
    untouched: bool,
    /// The mode that it had before it was closed to others, if it was there.
    closed_from: Option<Mode>,
    claim: Claim,
}

struct Missing {
    chunks: Vec<bool>,
    /// Chunks that are not written yet, claimed or not.
    left: usize,
    /// Chunks that were missing when it was found.
    at_first: usize,
}

impl Writing {
    fn new(file: FileNode, missing: Vec<bool>, extent: u64, made: Option<Made>, bare: bool) -> Self {
        let left = missing.iter().filter(|missing| **missing).count();
        Self {
            file,
            missing: Mutex::new(Missing { chunks: missing, left, at_first: left }),
            failed: AtomicBool::new(false),
            extent: AtomicU64::new(extent),
            made: made.map_or_else(OnceLock::new, |made| OnceLock::from(Some(made))),
            making: Mutex::new(()),
            bare,
        }
    }

    /// Whether zeros need not be written: the file is there, and nothing lies under what is missing.
    pub(super) fn holds_zeros(&self) -> bool {
        self.made().is_some_and(|made| made.beneath == Beneath::Nothing)
    }

    /// What lies under the chunks that are missing.
    pub(super) fn beneath(&self) -> Beneath {
        self.made().map_or(Beneath::Nothing, |made| made.beneath)
    }

    fn made(&self) -> Option<&Made> {
        self.made.get()?.as_ref()
    }

    /// Whether this chunk is still to be written; whoever hears yes must write it and then say [`Writing::written`].
    pub(super) fn claim_chunk(&self, chunk: usize) -> bool {
        let mut missing = self.missing.lock();
        missing.chunks.get_mut(chunk).is_some_and(std::mem::take)
    }

    /// A claimed chunk is written, or has failed; `true` if it was the last.
    pub(super) fn written(&self) -> bool {
        let mut missing = self.missing.lock();
        missing.left -= 1;
        missing.left == 0
    }

    /// Whether nobody has claimed any chunk of it.
    fn is_untouched(&self) -> bool {
        let missing = self.missing.lock();
        missing.chunks.iter().filter(|missing| **missing).count() == missing.at_first
    }

    /// The file extends at least so far.
    pub(super) fn extends_to(&self, end: u64) {
        self.extent.fetch_max(end, Ordering::Relaxed);
    }

    /// Whether it has failed before anything was made of it.
    pub(super) fn is_to_be_given_up(&self) -> bool {
        self.failed.load(Ordering::Relaxed) && self.made().is_none()
    }

    /// The file can't be completed; `true` if that is new.
    pub(super) fn fail(&self) -> bool {
        !self.failed.swap(true, Ordering::Relaxed)
    }
}

/// The files of a session that are not finished.
pub(super) struct Files {
    waiting: Mutex<HashMap<u64, Arc<Writing>>>,
    handles: Mutex<Recent<u64, Arc<File>>>,
    claimed: Arc<Mutex<HashSet<Identity>>>,
}

/// Sole use of a file, until it is dropped.
struct Claim {
    identity: Identity,
    claimed: Arc<Mutex<HashSet<Identity>>>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claimed.lock().remove(&self.identity);
    }
}

impl Files {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), handles: Mutex::new(Recent::new(OPEN_FILES)), claimed: Arc::default() }
    }

    fn claim(&self, identity: Identity) -> Result<Claim, Trouble> {
        if self.claimed.lock().insert(identity) {
            Ok(Claim { identity, claimed: self.claimed.clone() })
        } else {
            Err(Trouble::told("restore", "the snapshot has this name twice"))
        }
    }

    fn begin(&self, writing: Arc<Writing>, handle: Option<File>) {
        let number = writing.file.node.number;
        if let Some(handle) = handle {
            self.handles.lock().insert(number, Arc::new(handle));
        }
        self.waiting.lock().insert(number, writing);
    }

    /// The file of a node, if it waits for content.
    pub(super) fn waiting(&self, node: u64) -> Option<Arc<Writing>> {
        self.waiting.lock().get(&node).cloned()
    }

    /// Takes out the files for which nothing more will come: those in some directories, or all.
    fn take_unfinished(&self, dirs: Option<&HashSet<NodePath>>) -> Vec<Arc<Writing>> {
        let is_done = |writing: &Writing| {
            dirs.is_none_or(|dirs| writing.file.node.path.split().is_some_and(|(parent, _)| dirs.contains(parent)))
        };
        self.waiting.lock().extract_if(|_, writing| is_done(writing)).map(|(_, writing)| writing).collect()
    }

    fn end(&self, node: u64) {
        self.waiting.lock().remove(&node);
        self.handles.lock().remove(&node);
    }
}

impl Session {
    /// Restores a file as far as that is possible without content from the server, and says what is needed.
    pub(super) fn place_file(&self, file: FileNode, buffer: &mut [u8]) {
        let number = file.node.number;
        let chunks = file.content.len();
        let nothing = || (0..chunks).map(|_| false).collect();
        match self.place(&file, buffer) {
            Ok(place::Placed::Writing { handle, missing, extent, made }) => {
                self.links_ready(&file.node, Some(made.claim.identity));
                let bits: Bits = missing.iter().copied().collect();
                let complete = !missing.contains(&true);
                let writing = Arc::new(Writing::new(file, missing, extent, Some(made), false));
                if complete {
                    self.finish_file(&writing, &handle, buffer);
                } else {
                    self.files.begin(writing, Some(handle));
                }
                self.report.need(number, bits);
            }
            Ok(place::Placed::Done { outcome, identity }) => {
                self.links_ready(&file.node, identity);
                self.report.outcome(number, outcome);
                self.report.need(number, nothing());
            }
            Err(trouble) => {
                self.fail_node(&file.node, &trouble);
                self.report.need(number, nothing());
            }
        }
    }

    /// Says what is needed for a file that can't be there yet, as its directory was just made. It is made when its first
    /// content comes. Gives back a file that needs none.
    pub(super) fn await_content(&self, file: FileNode, fresh: Fresh) -> Option<FileNode> {
        let missing = file.content.missing_in_new(&self.zeros);
        if !missing.contains(&true) {
            return Some(file);
        }
        let (number, bits) = (file.node.number, missing.iter().copied().collect());
        self.files.begin(Arc::new(Writing::new(file, missing, 0, None, fresh.bare)), None);
        self.report.need(number, bits);
        None
    }

    /// Makes a file for its first content, unless that was done meanwhile or has failed before.
    fn make_file(&self, writing: &Writing) -> Result<Option<Arc<File>>, Trouble> {
        let _making = writing.making.lock();
        match writing.made.get() {
            Some(Some(_)) => return Ok(None),
            Some(None) => return Err(Trouble::Above),
            None => {}
        }
        let made = self.place_missing(&writing.file);
        let keep = |made| _ = writing.made.set(made);
        match made {
            Ok((handle, made)) => {
                let (handle, identity) = (Arc::new(handle), made.claim.identity);
                // All content of a file of one chunk is at hand.
                if writing.file.content.len() > 1 {
                    self.files.handles.lock().insert(writing.file.node.number, handle.clone());
                }
                keep(Some(made));
                self.links_ready(&writing.file.node, Some(identity));
                Ok(Some(handle))
            }
            Err(trouble) => {
                // Before others find that it has failed: they do not know why.
                self.fail_writing(writing, &trouble);
                keep(None);
                Err(trouble)
            }
        }
    }

    /// The handle of a file that is being written.
    pub(super) fn handle_of(&self, writing: &Writing) -> Result<Arc<File>, Trouble> {
        let node = &writing.file.node;
        if writing.made().is_none()
            && let Some(handle) = self.make_file(writing)?
        {
            return Ok(handle);
        }
        if let Some(handle) = self.files.handles.lock().get(&node.number) {
            return Ok(handle);
        }
        let Some(made) = writing.made() else { return Err(Trouble::Above) };
        let (parent, name) = node.path.split().ok_or(Trouble::Above)?;
        let dir = self.tree.dir(parent).map_err(Trouble::os("open its directory"))?;
        let handle = openat(&dir, name, OPEN_TO_WRITE, Mode::empty()).map_err(Trouble::os("open"))?;
        let stat = fstat(&handle).map_err(Trouble::os("open"))?;
        // The number of a file that was deleted may be given to a new one, but that has another owner.
        if Identity::from(&stat) != made.claim.identity || Current::from(&stat) != made.current {
            return Err(Trouble::told("open", "somebody put another file in its place while it was restored"));
        }
        let handle = Arc::new(File::from(handle));
        self.files.handles.lock().insert(node.number, handle.clone());
        Ok(handle)
    }

    /// A file that waits for content can't be completed: says so once.
    pub(super) fn fail_writing(&self, writing: &Writing, trouble: &Trouble) {
        if writing.fail() {
            self.trouble(&writing.file.node, trouble);
        }
    }

    /// A file whose handle is lost, or that was never made, ends without being completed.
    pub(super) fn abandon_file(&self, writing: &Writing) {
        let number = writing.file.node.number;
        if writing.made().is_none() {
            self.links_failed(&writing.file.node);
        }
        self.files.end(number);
        self.report.outcome(number, RestoreOutcome::Failed);
    }

    /// Reports the files whose content will not come any more: those in some directories, or all.
    pub(super) fn give_up_files(&self, dirs: Option<&HashSet<NodePath>>) {
        for writing in self.files.take_unfinished(dirs) {
            let message = "the server could not send all of its content; what has come is kept";
            self.fail_writing(&writing, &Trouble::told("restore", message));
            self.abandon_file(&writing);
        }
    }
}

/// How existing files are opened: `O_NONBLOCK`, so that a pipe that somebody puts there does not block.
const OPEN_TO_WRITE: OFlags = OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
