//! The server's side of one backup: answers what the agent announces, and builds the trees from the leaves up.
//!
//! Everything that the agent says is checked here, where the keys are; a broken rule ends the session before anything
//! of it becomes a snapshot. The order of events within the session is the agent's; only the numbering rules hold.

mod content;

use holdfast_model::monitor::Progress;
use holdfast_model::{CancelToken, Monitor};
use holdfast_repo::IngestSession;
use holdfast_repo::tree::{Node, NodeKind, Tree};
use holdfast_wire::{DirDigest, DirEntries, Entry, EntryKind, FileEnd, FromAgent, NOT_THERE, ToAgent, ViolationClass};

use super::BackupError;
use super::credit::Credit;
use super::dirs::{Claim, Dirs, OpenDir, Place, Resolved, TooMuch};
use super::files::Files;
use super::node::{Owners, is_unchanged, node_of, same_node};
use super::parent::{OldDir, Parent};
use super::rules::{Possession, Scope};
use super::summary::Counts;
use crate::Violation;
use crate::link::{ClientLink, LinkError, Up};
use crate::problems::Problems;
use crate::state::{DigestMemory, DigestRecorder, KnownTree, Totals};
use crate::text::{printable_path, with_causes};

/// So many answers are not kept back, whatever else comes.
const ANSWERS_AT_ONCE: usize = 256;

/// One backup under way.
pub(super) struct Session<'a> {
    pub(super) link: &'a mut dyn ClientLink,
    pub(super) ingest: &'a IngestSession,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) cancel: &'a CancelToken,
    pub(super) parent: Option<Parent>,
    pub(super) memory: &'a DigestMemory,
    pub(super) possession: Possession<'a>,
    pub(super) scope: Scope,
    pub(super) dirs: Dirs,
    pub(super) files: Files,
    pub(super) owners: Owners,
    pub(super) recorder: DigestRecorder,
    pub(super) counts: Counts,
    pub(super) progress: Progress,
    pub(super) credit: Credit,
    /// Bytes of chunks that came and were not charged yet.
    pub(super) chunk_bytes: u64,
    pub(super) problems: Problems,
    /// Roots that may be missing, and were not told to be yet.
    pub(super) optional_roots: Vec<Vec<u8>>,
    pub(super) root: Option<u64>,
    /// Whether chunks are wanted, in the order in which they were announced: not sent yet.
    pub(super) answers: Vec<bool>,
    /// Files and bytes that the walk has seen.
    pub(super) walked: (u64, u64),
}

impl Session<'_> {
    /// Serves the agent until the root's tree is written; an error if there is nothing in it that was asked for.
    pub(super) fn run(&mut self) -> Result<Resolved, BackupError> {
        loop {
            self.cancel.check()?;
            let up = match self.link.recv_soon()? {
                Some(up) => up,
                None => {
                    self.answer()?;
                    self.link.recv()?
                }
            };
            match up {
                Up::Message(message) => self.message(message)?,
                Up::Chunk(bytes) => self.chunk(bytes)?,
            }
            self.give_credit()?;
            if self.answers.len() >= ANSWERS_AT_ONCE {
                self.answer()?;
            }
            self.monitor.progress(&self.progress);
            // A chunk that was asked for proves nothing before it has come, whoever's snapshot would hold it.
            if let Some(root) = self.root.and_then(|root| self.dirs.resolved(root)).filter(|_| self.files.nothing_due())
            {
                self.answer()?;
                return if self.scope.found() { Ok(root) } else { Err(BackupError::NothingFound) };
            }
        }
    }

    fn message(&mut self, message: FromAgent) -> Result<(), BackupError> {
        match message {
            FromAgent::Owners { users, groups } => self.owners.learn(users, groups)?,
            FromAgent::Dirs(digests) => self.announced(digests)?,
            FromAgent::Entries(entries) => self.entries(entries)?,
            FromAgent::Chunks { file, chunks } => self.chunks(file, &chunks)?,
            FromAgent::FileEnd(FileEnd { file, outcome }) => {
                if let Some(complete) = self.files.end(file, outcome)? {
                    self.file_complete(complete)?;
                }
            }
            FromAgent::Problem { path, during, message } => {
                if !self.may_be_missing(&path, &message) {
                    self.problem(&path, during, message)?;
                }
            }
            FromAgent::LeftOut { path, why } => self.problems.left_out(self.monitor, &path, &why)?,
            FromAgent::Walked { files, bytes } => {
                self.walked = (files, bytes);
                self.progress.files_total = self.progress.files_total.max(Some(files));
                self.progress.bytes_total = self.progress.bytes_total.max(Some(bytes));
            }
            FromAgent::Root { dir } if self.root.is_none() => {
                self.root = Some(dir);
                // What the parent had is no guide any more: the walk is complete.
                (self.progress.files_total, self.progress.bytes_total) = (Some(self.walked.0), Some(self.walked.1));
            }
            FromAgent::Refused { message } => return Err(LinkError::Refused(message).into()),
            _ => return Err(Violation::new(ViolationClass::Protocol, "a message out of place").into()),
        }
        Ok(())
    }

    /// Directories whose walk is complete: known ones are resolved at once, the others' entries are wanted.
    fn announced(&mut self, digests: Vec<DirDigest>) -> Result<(), BackupError> {
        let mut wanted = Vec::new();
        for digest in digests {
            // A digest that says itself that it can't be trusted is not, whatever is remembered.
            let known = if digest.memorable { self.memory.get(&digest.digest) } else { None };
            match known {
                Some(known) if self.ingest.is_closed(&known.tree) => {
                    self.scope.note_known();
                    self.recorder.record(&digest.digest, known);
                    self.dirs.add_known(known)?;
                }
                _ => {
                    wanted.push(self.dirs.next_number());
                    self.dirs.add_wanted(digest)?;
                }
            }
        }
        self.link.send(ToAgent::WantDirs { upto: self.dirs.next_number(), wanted })?;
        Ok(())
    }

    fn entries(&mut self, batch: DirEntries) -> Result<(), BackupError> {
        let DirEntries { dir, path, entries, last } = batch;
        self.scope.check(&path)?;
        let open = self.dirs.open(dir)?;
        let begins = open.path.is_empty();
        if open.listed || !(open.path.is_empty() || open.path == *path) {
            return Err(Violation::new(ViolationClass::Protocol, format!("more entries of directory {dir}")).into());
        }
        if begins {
            let old = self.old_dir(&path);
            let open = self.dirs.open(dir)?;
            open.old = old;
            open.path = path.into_vec();
        }
        let mut wanted = Vec::new();
        for entry in entries {
            self.scope.note(&self.dirs.open(dir)?.path, &entry.name);
            if let Some(index) = self.entry(dir, entry)? {
                wanted.push(index);
            }
        }
        // Also if it is nothing: only then the agent forgets these entries and has room for others.
        self.link.send(ToAgent::WantFiles { dir, entries: wanted })?;
        if let Some(digest) = last {
            let open = self.dirs.open(dir)?;
            open.listed = true;
            // Entries that are not those of the announcement are stored all the same, but not remembered.
            open.memorable &= digest == open.digest;
            self.finish(dir)?;
        }
        Ok(())
    }

    /// The directory in the parent. One that cannot be read is as good as none: reading all files is always right.
    fn old_dir(&mut self, path: &[u8]) -> Option<OldDir> {
        match self.parent.as_mut()?.dir(path) {
            Ok(old) => old,
            Err(error) => {
                let why = with_causes(&error);
                self.monitor
                    .warning(&format!("the snapshot to compare with cannot be read, so all files are read: {why}"));
                self.parent = None;
                None
            }
        }
    }

    /// Notes what an open directory keeps.
    fn weigh(&mut self, dir: u64, bytes: usize) -> Result<(), BackupError> {
        self.dirs.weigh(dir, bytes).map_err(|too_much| match too_much {
            TooMuch::Directory(path) => BackupError::DirectoryTooLarge(printable_path(&path)),
            TooMuch::Session(violation) => violation.into(),
        })
    }

    /// Takes one entry; the index of a file whose content is wanted.
    fn entry(&mut self, dir: u64, entry: Entry) -> Result<Option<u32>, BackupError> {
        let place = Place { dir, index: self.dirs.open(dir)?.nodes.len() };
        self.weigh(dir, weight_of(&entry))?;
        let claim = match entry.kind {
            EntryKind::Dir { number } => Some(self.dirs.claim(number, place)?),
            _ => None,
        };
        let open = self.dirs.open(dir)?;
        let old = open.old.as_ref().and_then(|old| old.get(&entry.name));
        let mut node = node_of(&entry, &self.owners);
        let (mut wanted, mut kept) = (None, 0);
        match (&entry.kind, claim) {
            (EntryKind::File { size }, _) => {
                open.totals.files += 1;
                match old.filter(|old| is_unchanged(old, &node) && self.parent.as_ref().is_some_and(|p| p.trusts(old)))
                {
                    Some(old) if old.content().iter().all(|id| self.ingest.has_data(id)) => {
                        node.kind = old.kind.clone();
                        kept = size_of_val(old.content());
                        open.totals.bytes += size;
                        self.progress.files_done += 1;
                        self.progress.bytes_done += size;
                        self.progress.bytes_skipped += size;
                    }
                    _ => {
                        open.waiting += 1;
                        self.counts.file(old.is_some());
                        self.files.ask(place);
                        wanted = Some(place.index as u32);
                    }
                }
            }
            (_, Some(Claim::Resolved(resolved))) => open.adopt(&mut node, resolved, &mut self.progress),
            (_, Some(Claim::Waiting)) => open.waiting += 1,
            _ => {
                open.totals.files += 1;
                self.progress.files_done += 1;
                if !old.is_some_and(|old| same_node(old, &node)) {
                    self.counts.file(old.is_some());
                }
            }
        }
        open.nodes.push(Some(node));
        self.weigh(dir, kept)?;
        Ok(wanted)
    }

    /// Writes the tree of a directory that waits for nothing more, and so on upwards.
    fn finish(&mut self, dir: u64) -> Result<(), BackupError> {
        let mut next = Some(dir);
        while let Some(number) = next.take() {
            let Some(mut open) = self.dirs.take_complete(number) else { break };
            let resolved = self.write_tree(&mut open)?;
            if resolved.memorable {
                self.recorder.record(&open.digest.digest, resolved.known);
            }
            if let Some(place) = self.dirs.resolve(number, resolved) {
                let parent = self.dirs.open(place.dir)?;
                let mut node = parent.nodes[place.index].take();
                if let Some(node) = &mut node {
                    parent.adopt(node, resolved, &mut self.progress);
                }
                parent.nodes[place.index] = node;
                parent.waiting -= 1;
                next = Some(place.dir);
            }
        }
        Ok(())
    }

    fn write_tree(&mut self, open: &mut OpenDir) -> Result<Resolved, BackupError> {
        let nodes = self.distinct(open)?;
        let tree = Tree::new(nodes).map_err(|error| Violation::new(ViolationClass::Name, error.to_string()))?;
        let unchanged = open.old.as_ref().filter(|old| old.holds(tree.nodes(), same_node));
        let id = match unchanged {
            Some(old) => old.id(),
            None => {
                self.counts.dir(open.old.is_some());
                self.ingest.put_tree(&tree)?
            }
        };
        Ok(Resolved { known: KnownTree { tree: id, totals: open.totals }, memorable: open.memorable, counted: true })
    }

    /// The nodes in order of their names. A directory that changes while it is read may show a name twice: that is no
    /// violation, and it is stored once.
    fn distinct(&mut self, open: &mut OpenDir) -> Result<Vec<Node>, BackupError> {
        let mut nodes: Vec<Node> = open.nodes.drain(..).flatten().collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut doubles = Vec::new();
        nodes.dedup_by(|double, node| {
            let same = double.name == node.name;
            if same {
                doubles.push(node.name.clone());
            }
            same
        });
        for name in doubles {
            open.memorable = false;
            let path = [open.path.strip_suffix(b"/").unwrap_or(&open.path), &name].join(&b'/');
            self.problem(&path, "list".into(), "its directory showed it twice; it is stored once".into())?;
        }
        Ok(nodes)
    }

    /// Whether this says that a root is not there which may be missing. Each is told once.
    fn may_be_missing(&mut self, path: &[u8], message: &str) -> bool {
        if message != NOT_THERE {
            return false;
        }
        let at = self.optional_roots.iter().position(|root| root == path);
        at.map(|at| self.optional_roots.swap_remove(at)).is_some()
    }

    fn problem(&mut self, path: &[u8], during: String, message: String) -> Result<(), Violation> {
        self.progress.errors += 1;
        self.problems.tell(self.monitor, path, during, message)
    }

    fn give_credit(&mut self) -> Result<(), BackupError> {
        let came = self.link.take_message_bytes() + std::mem::take(&mut self.chunk_bytes);
        if let Some(bytes) = self.credit.spend(came)? {
            self.link.send(ToAgent::Credit { bytes })?;
        }
        Ok(())
    }
}

/// Bytes that an entry takes until its directory's tree is written, about.
fn weight_of(entry: &Entry) -> usize {
    let target = if let EntryKind::Symlink { target } = &entry.kind { target.len() } else { 0 };
    let xattrs: usize = entry.xattrs.iter().map(|xattr| 64 + xattr.name.len() + xattr.value.len()).sum();
    size_of::<Option<Node>>() + 64 + entry.name.len() + target + xattrs
}

impl OpenDir {
    /// Hangs a subdirectory's tree into its node.
    fn adopt(&mut self, node: &mut Node, resolved: Resolved, progress: &mut Progress) {
        let Totals { files, dirs, bytes } = resolved.known.totals;
        node.kind = NodeKind::Dir { subtree: resolved.known.tree };
        self.memorable &= resolved.memorable;
        self.totals.files = self.totals.files.saturating_add(files);
        self.totals.dirs = self.totals.dirs.saturating_add(dirs);
        self.totals.bytes = self.totals.bytes.saturating_add(bytes);
        if !resolved.counted {
            progress.files_done += u64::from(files);
            progress.bytes_done += bytes;
            progress.bytes_skipped += bytes;
        }
    }
}
