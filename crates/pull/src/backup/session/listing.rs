//! Directories and their entries: which are wanted, where they lie, and the trees that they become, from the leaves up.

use holdfast_model::monitor::Progress;
use holdfast_repo::tree::{Node, NodeKind, Tree};
use holdfast_wire::{DirDigest, DirEntries, Entry, EntryKind, ToAgent, ViolationClass, limits};

use super::Session;
use crate::Violation;
use crate::backup::BackupError;
use crate::backup::dirs::{Claim, OpenDir, Place, Resolved, TooMuch};
use crate::backup::node::{is_unchanged, node_of, same_node};
use crate::backup::parent::OldDir;
use crate::state::{KnownTree, Totals};
use crate::text::{printable_path, with_causes};

/// Files and directories in one snapshot, at most: few machines have as many, and a tree that is hung into another again and again has.
const MAX_ENTRIES: u64 = 100_000_000;
impl Session<'_> {
    /// Directories whose walk is complete: known ones are resolved at once, the others' entries are wanted.
    pub(super) fn announced(&mut self, digests: Vec<DirDigest>) -> Result<(), BackupError> {
        let mut wanted = Vec::new();
        for digest in digests {
            // A digest that says itself that it can't be trusted is not, whatever is remembered.
            let known = if digest.memorable { self.memory.get(&digest.digest) } else { None };
            match known.filter(|known| self.ingest.is_closed(&known.tree)) {
                // Two that are alike and hold anything are listed: no honest host has them, for files are told by their inodes.
                Some(known) if is_bare(&known) || self.known.insert(digest.digest) => {
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

    pub(super) fn entries(&mut self, batch: DirEntries) -> Result<(), BackupError> {
        let DirEntries { dir, path, entries, last } = batch;
        self.scope.check(&path)?;
        let open = self.dirs.open(dir)?;
        let begins = open.path.is_empty();
        if open.listed || !(open.path.is_empty() || open.path == *path) {
            return Err(Violation::new(ViolationClass::Protocol, format!("more entries of directory {dir}")).into());
        }
        if begins {
            let old = self.old_dir(&path);
            self.dirs.lies_at(dir, path.into_vec())?;
            self.dirs.open(dir)?.old = old;
        }
        let mut wanted = Vec::new();
        for entry in entries {
            let path = &self.dirs.open(dir)?.path;
            self.scope.check_entry(path, &entry.name)?;
            self.scope.note(path, &entry.name);
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
    pub(super) fn weigh(&mut self, dir: u64, bytes: usize) -> Result<(), BackupError> {
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
            EntryKind::Dir { number } => {
                let parent = &self.dirs.open(dir)?.path;
                let path = [parent.strip_suffix(b"/").unwrap_or(parent), &entry.name].join(&b'/');
                let mark = self.dirs.mark(&path);
                let claim = self.dirs.claim(number, place, mark)?;
                if matches!(&claim, Claim::Resolved(resolved) if resolved.path.is_none()) && !self.scope.holds(&path) {
                    return Err(Violation::new(ViolationClass::Scope, printable_path(&path)).into());
                }
                Some(claim)
            }
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
                        open.totals.bytes = open.totals.bytes.saturating_add(*size);
                        self.progress.files_done += 1;
                        self.progress.bytes_done = self.progress.bytes_done.saturating_add(*size);
                        self.progress.bytes_skipped = self.progress.bytes_skipped.saturating_add(*size);
                    }
                    _ => {
                        open.waiting += 1;
                        self.counts.file(old.is_some());
                        self.files.ask(place);
                        wanted = Some(place.index as u32);
                    }
                }
            }
            (_, Some(Claim::Resolved(resolved))) => open.adopt(&mut node, resolved, &mut self.progress)?,
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
    pub(super) fn finish(&mut self, dir: u64) -> Result<(), BackupError> {
        let mut next = Some(dir);
        while let Some(number) = next.take() {
            let Some(mut open) = self.dirs.take_complete(number) else { break };
            let resolved = self.write_tree(&mut open)?;
            // What is on the way to the roots is listed each time: what is remembered may lie anywhere beneath them.
            if resolved.memorable && self.scope.holds(&open.path) {
                self.recorder.record(&open.digest.digest, resolved.known);
            }
            if let Some(place) = self.dirs.resolve(number, resolved) {
                let parent = self.dirs.open(place.dir)?;
                let mut node = parent.nodes[place.index].take();
                if let Some(node) = &mut node {
                    parent.adopt(node, resolved, &mut self.progress)?;
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
        let known = KnownTree { tree: id, totals: open.totals };
        let path = Some(self.dirs.mark(&open.path));
        Ok(Resolved { known, memorable: open.memorable, counted: true, path })
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
}

/// Whether there is nothing in a directory: there may be many such that are alike.
fn is_bare(known: &KnownTree) -> bool {
    known.totals.files == 0 && known.totals.dirs <= 1
}

/// Bytes that an entry takes until its directory's tree is written, about.
pub(super) fn weight_of(entry: &Entry) -> usize {
    let target = if let EntryKind::Symlink { target } = &entry.kind { target.len() } else { 0 };
    let xattrs: usize = entry.xattrs.iter().map(|xattr| 64 + xattr.name.len() + xattr.value.len()).sum();
    size_of::<Option<Node>>() + 64 + entry.name.len() + target + xattrs
}

impl OpenDir {
    /// Hangs a subdirectory's tree into its node.
    fn adopt(&mut self, node: &mut Node, resolved: Resolved, progress: &mut Progress) -> Result<(), Violation> {
        let Totals { files, dirs, bytes, height } = resolved.known.totals;
        let too_much = |what: String| Err(Violation::new(ViolationClass::Quota, what));
        node.kind = NodeKind::Dir { subtree: resolved.known.tree };
        self.memorable &= resolved.memorable;
        self.totals.files = self.totals.files.saturating_add(files);
        self.totals.dirs = self.totals.dirs.saturating_add(dirs);
        self.totals.bytes = self.totals.bytes.saturating_add(bytes);
        self.totals.height = self.totals.height.max(height.saturating_add(1));
        if u64::from(self.totals.files) + u64::from(self.totals.dirs) > MAX_ENTRIES {
            return too_much(format!("more than {MAX_ENTRIES} files and directories"));
        }
        let above = self.path.iter().filter(|byte| **byte == b'/').count() - usize::from(self.path == b"/");
        if above + usize::from(self.totals.height) > limits::MAX_DEPTH + 1 {
            return too_much(format!("more than {} directories one in another", limits::MAX_DEPTH));
        }
        if !resolved.counted {
            progress.files_done = progress.files_done.saturating_add(files.into());
            progress.bytes_done = progress.bytes_done.saturating_add(bytes);
            progress.bytes_skipped = progress.bytes_skipped.saturating_add(bytes);
        }
        Ok(())
    }
}
