//! The trees that are known to be closed, remembered over runs in a file of the state directory.
//!
//! Invariant: the memory is void as soon as one of the index files that it rests on has vanished. The file is a log of
//! 33-byte records that is only appended to or replaced as a whole; what cannot be read, or what somebody else appended
//! in between, costs proofs and never makes a wrong one: a record is an index file that everything behind it rests on,
//! or a tree, and reading ends at the first record that is neither.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use holdfast_model::{IndexId, TreeId};
use parking_lot::Mutex;

use crate::crypto::fill_random;
use crate::id_table::IdSet;
use crate::index::IndexView;

const RECORD: usize = 33;
const MAGIC: &[u8; 17] = b"holdfast closed 1";
const INDEX: u8 = b'I';
const TREE: u8 = b'T';
/// More trees than this are not remembered: the memory begins anew. 33 bytes each in the file, about twice that here.
const MAX_TREES: usize = 4 << 20;

/// The memory, shared by the sessions of a process.
#[derive(Debug, Default)]
pub(crate) struct ClosedTrees {
    /// Where it is kept; `None` keeps it for this process only.
    path: Option<PathBuf>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    loaded: bool,
    /// The index files that it rests on.
    basis: HashSet<IndexId>,
    trees: IdSet<TreeId>,
    /// The random mark of the file that holds all this; another mark means that another process has replaced it.
    mark: Option<[u8; RECORD]>,
}

impl ClosedTrees {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, inner: Mutex::default() }
    }

    /// Whether the tree was closed when [`revise`](Self::revise) was last called.
    pub(crate) fn knows(&self, id: &TreeId) -> bool {
        self.inner.lock().trees.contains(id)
    }

    /// Forgets everything if an index file that the memory rests on is not in this view, or while packs are marked for
    /// deletion.
    pub(crate) fn revise(&self, view: &IndexView) {
        let inner = &mut *self.inner.lock();
        if !inner.loaded {
            inner.loaded = true;
            if let Some(path) = &self.path {
                // What cannot be read is proven again.
                let _ = File::open(path).and_then(|file| inner.load(file));
            }
        }
        let live: HashSet<IndexId> = view.index_files().collect();
        if view.has_marks() || !inner.basis.is_subset(&live) {
            *inner = Inner { loaded: true, ..Inner::default() };
        }
    }

    /// Remembers trees that were proven to be closed in this view.
    pub(crate) fn remember(&self, view: &IndexView, trees: impl IntoIterator<Item = TreeId>) {
        if view.has_marks() {
            return;
        }
        let inner = &mut *self.inner.lock();
        let new_files: Vec<IndexId> = view.index_files().filter(|id| !inner.basis.contains(id)).collect();
        let new_trees: Vec<TreeId> = trees.into_iter().filter(|id| !inner.trees.contains(id)).collect();
        if new_trees.is_empty() {
            return;
        }
        if inner.trees.len() + new_trees.len() > MAX_TREES {
            *inner = Inner { loaded: true, ..Inner::default() };
        }
        inner.basis.extend(view.index_files());
        inner.trees.extend(&new_trees);
        if let Some(path) = &self.path {
            // Without the file the next run proves again; after a failure the file is not to be trusted with more.
            if inner.save(path, &new_files, &new_trees).is_err() {
                inner.mark = None;
            }
        }
    }
}

impl Inner {
    fn load(&mut self, file: File) -> io::Result<()> {
        let mut bytes = Vec::new();
        file.take((MAX_TREES * 2 * RECORD) as u64).read_to_end(&mut bytes)?;
        let (records, _) = bytes.as_chunks::<RECORD>();
        let Some((mark, records)) = records.split_first().filter(|(mark, _)| mark.starts_with(MAGIC)) else {
            return Ok(());
        };
        self.mark = Some(*mark);
        for [kind, id @ ..] in records {
            match *kind {
                INDEX => drop(self.basis.insert(IndexId::new(*id))),
                TREE => drop(self.trees.insert(TreeId::new(*id))),
                // What is appended behind this would never be read.
                _ => {
                    self.mark = None;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Appends to the file if it is the one that was read or written last; else writes it anew.
    fn save(&mut self, path: &PathBuf, files: &[IndexId], trees: &[TreeId]) -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).append(true).open(path);
        if let (Ok(file), Some(mark)) = (&mut file, self.mark) {
            let mut found = [0; RECORD];
            // A torn record at the end would shift all that follow.
            let whole = file.metadata()?.len() % RECORD as u64 == 0;
            if file.read_exact(&mut found).is_ok() && found == mark && whole {
                return file.write_all(&records(files.iter(), trees.iter()));
            }
        }
        let mut mark = [0; RECORD];
        fill_random(&mut mark);
        mark[..MAGIC.len()].copy_from_slice(MAGIC);
        let mut bytes = mark.to_vec();
        bytes.extend(records(self.basis.iter(), self.trees.iter()));
        let mut unique = [0; 8];
        fill_random(&mut unique);
        let temporary = path.with_extension(format!("{:016x}", u64::from_ne_bytes(unique)));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = file.write_all(&bytes).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        self.mark = Some(mark);
        Ok(())
    }
}

fn records<'a>(files: impl Iterator<Item = &'a IndexId>, trees: impl Iterator<Item = &'a TreeId>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let ids = files.map(|id| (INDEX, *id.as_bytes())).chain(trees.map(|id| (TREE, *id.as_bytes())));
    for (kind, id) in ids {
        bytes.push(kind);
        bytes.extend_from_slice(&id);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::index::BlobIndex;

    fn view(files: &[u8]) -> BlobIndex {
        let index = BlobIndex::new();
        for n in files {
            index.insert(IndexId::new([*n; 32]), &[]);
        }
        index
    }

    fn tree(n: u8) -> TreeId {
        TreeId::new([n; 32])
    }

    fn open(path: &Path, files: &[u8]) -> ClosedTrees {
        let memory = ClosedTrees::new(Some(path.to_owned()));
        memory.revise(&view(files).view());
        memory
    }

    fn known(memory: &ClosedTrees) -> Vec<u8> {
        (0..10).filter(|n| memory.knows(&tree(*n))).collect()
    }

    #[test]
    fn what_is_remembered_lasts_as_long_as_the_index_files_it_rests_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("some/where/closed-trees");
        let first = open(&path, &[1, 2]);
        first.remember(&view(&[1, 2]).view(), [tree(1), tree(2)]);
        first.remember(&view(&[1, 2, 3]).view(), [tree(3)]);
        assert_eq!(known(&open(&path, &[1, 2, 3, 4])), [1, 2, 3]);
        for missing in [&[2, 3], &[1, 3], &[1, 2]] {
            assert_eq!(known(&open(&path, missing)), [0; 0], "{missing:?}");
        }
        first.revise(&view(&[1, 2]).view());
        assert_eq!(known(&first), [0; 0]);
    }

    #[test]
    fn processes_that_replace_and_append_at_the_same_time_make_no_wrong_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("closed-trees");
        let old = open(&path, &[1, 2]);
        old.remember(&view(&[1, 2]).view(), [tree(1)]);
        // A prune has replaced file 2 by 3; another process begins anew.
        let new = open(&path, &[1, 3]);
        new.remember(&view(&[1, 3]).view(), [tree(2)]);
        // The old one has not seen it yet, and appends what rests on file 2.
        old.remember(&view(&[1, 2]).view(), [tree(4)]);
        assert_eq!(known(&open(&path, &[1, 3])), [0; 0], "what rests on 2 is void");
        new.remember(&view(&[1, 3]).view(), [tree(5)]);
        assert_eq!(known(&open(&path, &[1, 3])), [2, 5]);
    }

    #[test]
    fn a_damaged_file_is_read_up_to_the_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("closed-trees");
        let memory = open(&path, &[1]);
        for n in 1..5 {
            memory.remember(&view(&[1]).view(), [tree(n)]);
        }
        let whole = fs::read(&path).unwrap();
        assert_eq!(whole.len(), 6 * RECORD);
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let found = known(&open(&path, &[1]));
            assert_eq!(found.len(), (length / RECORD).saturating_sub(2), "{length}");
            // And what is appended then is read back.
            let again = open(&path, &[1]);
            again.remember(&view(&[1]).view(), [tree(9)]);
            assert!(known(&open(&path, &[1])).contains(&9), "{length}");
        }
        let mut zeroes = whole.clone();
        zeroes[3 * RECORD..4 * RECORD].fill(0);
        fs::write(&path, &zeroes).unwrap();
        assert_eq!(known(&open(&path, &[1])), [1]);
        open(&path, &[1]).remember(&view(&[1]).view(), [tree(7)]);
        assert_eq!(known(&open(&path, &[1])), [1, 7]);
        fs::write(&path, vec![b'x'; 1000]).unwrap();
        assert_eq!(known(&open(&path, &[1])), [0; 0]);
    }
}
