//! One file of the cache: what some index files say, as sorted rows that are read block by block.
//!
//! Invariant: nothing of a file is believed before it was authenticated with a key that only the repository's master key
//! gives, and what was is kept in memory: it is never read twice. A block that is damaged is replaced by what the index
//! files themselves say; where those can't be read either, the segment counts as failed, and the index is read anew.
//!
//! The file: sealed blocks of the data's rows, then of the trees', a sealed directory, its length in 8 bytes, and a magic.
//! A block is `segment (16) || kind (4) || number (4) || rows`, so that none can stand in another's place; it holds whole
//! buckets, at most 32 KiB or so. The directory says which index files and packs there are and how many rows lie before each
//! bucket, which gives each block's place and length. Why it is so: docs/adr/0008.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use holdfast_model::{IndexId, PackId, RepositoryId};

use super::super::row::{Row, row_place};
use super::super::run::{BUCKETS, Run};
use super::Origin;
use crate::crypto::OVERHEAD;

/// Ends every file. Another version has another.
pub(super) const MAGIC: &[u8; 8] = b"hfindex1";
/// Bytes in front of the rows of a block.
pub(super) const PREFIX: usize = 16 + 4 + 4;
/// Most bytes of rows that a block should have: a lookup reads one, and each costs 80 bytes beside its rows.
const BLOCK: usize = 32 << 10;
/// Larger directories are not read: that of 100 million blobs is smaller.
const MAX_DIRECTORY: u64 = 1 << 30;
/// Bytes behind the directory.
pub(super) const TAIL: usize = 16;

/// An index file whose rows are in a segment.
#[derive(Debug, Clone)]
pub(in crate::index) struct CachedFile {
    pub(in crate::index) id: IndexId,
    /// How many rows of both kinds it gave.
    pub(in crate::index) rows: u32,
    pub(in crate::index) packs: Arc<[PackId]>,
    pub(in crate::index) marked: Arc<[PackId]>,
}

/// An open file of the cache.
pub(in crate::index) struct Segment {
    path: PathBuf,
    file: File,
    pub(super) id: [u8; 16],
    files: Vec<CachedFile>,
    origin: Arc<Origin>,
    /// What takes the rows' place once a block was found to be damaged; `None` in it if that can't be had.
    rebuilt: OnceLock<Option<[Run; 2]>>,
    /// It was found to be other rows than those that the directory tells of.
    differs: AtomicBool,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The rows of one kind in a segment.
#[derive(Debug)]
pub(in crate::index) struct CachedRows {
    segment: Arc<Segment>,
    kind: usize,
    layout: Layout,
    /// Where the first block begins.
    offset: u64,
    blocks: Box<[OnceLock<Option<Block>>]>,
}

/// The rows of a block; `None` in place of it if it is damaged.
type Block = Box<[Row]>;

/// How the rows of one kind lie in blocks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) starts: Cow<'static, [u32]>,
    /// A block holds the rows of `1 << shift` buckets.
    pub(super) shift: u32,
}

/// The starts where there are no rows.
static NO_STARTS: [u32; BUCKETS + 1] = [0; BUCKETS + 1];

impl Layout {
    /// How many buckets a block should hold, as a power of two, if there are so many rows.
    pub(super) fn shift(rows: usize) -> u32 {
        let blocks = (rows * size_of::<Row>()).div_ceil(BLOCK).clamp(1, BUCKETS).next_power_of_two();
        BUCKETS.trailing_zeros() - blocks.trailing_zeros()
    }

    fn blocks(&self) -> usize {
        BUCKETS >> self.shift
    }

    /// Rows before a block.
    fn rows_before(&self, block: usize) -> usize {
        self.starts[block << self.shift] as usize
    }

    /// Where a block begins, counted from the first one.
    fn offset(&self, block: usize) -> u64 {
        self.rows_before(block) as u64 * size_of::<Row>() as u64 + (block * (PREFIX + OVERHEAD)) as u64
    }

    /// Bytes of all blocks.
    fn length(&self) -> u64 {
        self.offset(self.blocks())
    }
}

/// Why a file of the cache is of no use. Which it is makes no difference: it is read no more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it can't be read")]
    Read(#[from] io::Error),
    #[error("it is not whole, not ours, or of another repository")]
    Unauthenticated,
}

impl Segment {
    /// Opens a file: reads its directory, and no rows.
    pub(super) fn open(path: &Path, origin: &Arc<Origin>) -> Result<[Arc<CachedRows>; 2], Unusable> {
        // Whatever was put there: a pipe must not make us wait.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        let found = file.metadata()?;
        let length = found.len();
        if !found.is_file() || length < TAIL as u64 {
            return Err(Unusable::Unauthenticated);
        }
        let mut tail = [0; TAIL];
        file.read_exact_at(&mut tail, length - TAIL as u64)?;
        let (size, magic) = tail.split_first_chunk::<8>().expect("16 is more than 8");
        let size = u64::from_le_bytes(*size);
        let start = (length - TAIL as u64).checked_sub(size).ok_or(Unusable::Unauthenticated)?;
        if magic != MAGIC || size > MAX_DIRECTORY {
            return Err(Unusable::Unauthenticated);
        }
        let mut sealed = vec![0; size as usize];
        file.read_exact_at(&mut sealed, start)?;
        let plain = origin.key.open_in_place(&mut sealed).map_err(|_| Unusable::Unauthenticated)?;
        let directory = Directory::parse(plain).ok_or(Unusable::Unauthenticated)?;
        if directory.repository != origin.repository || directory.length() != start {
            return Err(Unusable::Unauthenticated);
        }
        let Directory { id, files, layouts, .. } = directory;
        let segment = Self {
            path: path.to_owned(),
            file,
            id,
            files,
            origin: origin.clone(),
            rebuilt: OnceLock::new(),
            differs: AtomicBool::new(false),
        };
        let segment = Arc::new(segment);
        let [data, trees] = layouts;
        let trees_offset = data.length();
        Ok([CachedRows::new(&segment, 0, data, 0), CachedRows::new(&segment, 1, trees, trees_offset)])
    }

    /// The index files that the rows are of, their packs numbered one after another from 0 on.
    pub(in crate::index) fn files(&self) -> &[CachedFile] {
        &self.files
    }

    /// Whether rows were asked for that could be had from nowhere.
    pub(in crate::index) fn has_failed(&self) -> bool {
        matches!(self.rebuilt.get(), Some(None)) || self.differs.load(Ordering::SeqCst)
    }

    /// What the index files themselves say, in place of blocks that are damaged.
    fn rebuilt(&self) -> Option<&[Run; 2]> {
        let rebuild = || {
            // Nobody should stumble over it again.
            let _ = fs::remove_file(&self.path);
            let ids: Vec<IndexId> = self.files.iter().map(|file| file.id).collect();
            let mut parsed = (self.origin.reread)(&ids)?;
            let (mut data, mut trees, mut first_pack) = (Vec::new(), Vec::new(), 0);
            for file in &self.files {
                let at = parsed.iter().position(|(id, _)| *id == file.id)?;
                let (_, mut parsed) = parsed.swap_remove(at);
                if *parsed.packs != *file.packs {
                    return None;
                }
                parsed.number_from(first_pack);
                first_pack += parsed.packs.len() as u32;
                data.push(parsed.data);
                trees.push(parsed.trees);
            }
            Some([Run::new(data), Run::new(trees)])
        };
        self.rebuilt.get_or_init(rebuild).as_ref()
    }
}

impl CachedRows {
    fn new(segment: &Arc<Segment>, kind: usize, layout: Layout, offset: u64) -> Arc<Self> {
        let blocks = (0..layout.blocks()).map(|_| OnceLock::new()).collect();
        Arc::new(Self { segment: segment.clone(), kind, layout, offset, blocks })
    }

    pub(in crate::index) fn segment(&self) -> &Segment {
        &self.segment
    }

    pub(in crate::index) fn starts(&self) -> &[u32] {
        &self.layout.starts
    }

    /// The rows of a bucket, read with its block if nobody has before.
    pub(in crate::index) fn in_bucket(&self, bucket: usize) -> &[Row] {
        let (from, to) = (self.layout.starts[bucket] as usize, self.layout.starts[bucket + 1] as usize);
        if from == to {
            return &[];
        }
        let block = bucket >> self.layout.shift;
        let read = || self.read(block).ok();
        match self.blocks[block].get_or_init(read) {
            Some(rows) => {
                let before = self.layout.rows_before(block);
                &rows[from - before..to - before]
            }
            None => self.rebuilt().map_or(&[], |run| run.in_bucket(bucket)),
        }
    }

    fn rebuilt(&self) -> Option<&Run> {
        let run = &self.segment.rebuilt()?[self.kind];
        // Places in the run are told to others: they must be the same.
        if run.starts() != self.starts() {
            self.segment.differs.store(true, Ordering::SeqCst);
            return None;
        }
        Some(run)
    }

    fn read(&self, block: usize) -> Result<Block, Unusable> {
        let (start, end) = (self.layout.offset(block), self.layout.offset(block + 1));
        let mut sealed = vec![0; (end - start) as usize];
        self.segment.file.read_exact_at(&mut sealed, self.offset + start)?;
        let plain = self.segment.origin.key.open_in_place(&mut sealed).map_err(|_| Unusable::Unauthenticated)?;
        let rows =
            plain.strip_prefix(&block_prefix(&self.segment.id, self.kind, block)).ok_or(Unusable::Unauthenticated)?;
        let (rows, rest) = rows.as_chunks::<{ size_of::<Row>() }>();
        let packs: usize = self.segment.files.iter().map(|file| file.packs.len()).sum();
        if !rest.is_empty() || rows.iter().any(|row| row_place(row).pack as usize >= packs) {
            return Err(Unusable::Unauthenticated);
        }
        Ok(rows.into())
    }

    #[cfg(test)]
    pub(super) fn block_lengths(&self) -> Vec<u64> {
        (0..self.layout.blocks()).map(|block| self.layout.offset(block + 1) - self.layout.offset(block)).collect()
    }

    /// Bytes in memory: those that somebody asked for.
    pub(in crate::index) fn memory(&self) -> usize {
        let rows = self.blocks.iter().filter_map(|block| block.get()?.as_deref()).map(size_of_val).sum::<usize>();
        let starts = if let Cow::Owned(starts) = &self.layout.starts { size_of_val(&**starts) } else { 0 };
        rows + size_of_val(&*self.blocks) + starts
    }
}

/// What a block begins with.
pub(super) fn block_prefix(segment: &[u8; 16], kind: usize, block: usize) -> [u8; PREFIX] {
    let mut prefix = [0; PREFIX];
    prefix[..16].copy_from_slice(segment);
    prefix[16..20].copy_from_slice(&(kind as u32).to_le_bytes());
    prefix[20..].copy_from_slice(&(block as u32).to_le_bytes());
    prefix
}

/// What stands behind the blocks.
#[derive(Debug, PartialEq)]
pub(super) struct Directory {
    pub(super) id: [u8; 16],
    pub(super) repository: RepositoryId,
    pub(super) files: Vec<CachedFile>,
    pub(super) layouts: [Layout; 2],
}

impl PartialEq for CachedFile {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.rows, &self.packs, &self.marked) == (other.id, other.rows, &other.packs, &other.marked)
    }
}

impl Directory {
    /// Bytes of all blocks.
    fn length(&self) -> u64 {
        self.layouts.iter().map(Layout::length).sum()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.id);
        out.extend_from_slice(self.repository.as_bytes());
        let number = |out: &mut Vec<u8>, number: usize| out.extend_from_slice(&(number as u32).to_le_bytes());
        number(&mut out, self.files.len());
        for file in &self.files {
            out.extend_from_slice(file.id.as_bytes());
            number(&mut out, file.rows as usize);
            for packs in [&file.packs, &file.marked] {
                number(&mut out, packs.len());
                packs.iter().for_each(|pack| out.extend_from_slice(pack.as_bytes()));
            }
        }
        for layout in &self.layouts {
            number(&mut out, layout.shift as usize);
            number(&mut out, layout.starts[BUCKETS] as usize);
            if layout.starts[BUCKETS] == 0 {
                continue;
            }
            layout.starts.iter().for_each(|start| out.extend_from_slice(&start.to_le_bytes()));
        }
        out
    }

    /// Only of bytes that were authenticated: that they make sense is checked all the same.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        let (id, repository) = (rest.array()?, RepositoryId::new(rest.array()?));
        let mut files = Vec::new();
        for _ in 0..rest.number()? {
            let (id, rows) = (IndexId::new(rest.array()?), rest.number()?);
            files.push(CachedFile { id, rows, packs: rest.packs()?, marked: rest.packs()? });
        }
        let layouts = [rest.layout()?, rest.layout()?];
        rest.0.is_empty().then_some(Self { id, repository, files, layouts })
    }
}

/// What is left to be parsed.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn packs(&mut self) -> Option<Arc<[PackId]>> {
        let length = (self.number()? as usize).checked_mul(32)?;
        let (packs, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(packs.as_chunks::<32>().0.iter().map(|id| PackId::new(*id)).collect())
    }

    fn layout(&mut self) -> Option<Layout> {
        let shift = self.number().filter(|shift| *shift <= BUCKETS.trailing_zeros())?;
        let rows = self.number()?;
        if rows == 0 {
            return Some(Layout { starts: Cow::Borrowed(&NO_STARTS), shift });
        }
        let (starts, rest) = self.0.split_at_checked((BUCKETS + 1) * 4)?;
        self.0 = rest;
        let starts: Vec<u32> = starts.as_chunks::<4>().0.iter().map(|start| u32::from_le_bytes(*start)).collect();
        let is_sound = starts[0] == 0 && starts[BUCKETS] == rows && starts.is_sorted();
        is_sound.then_some(Layout { starts: Cow::Owned(starts), shift })
    }
}
