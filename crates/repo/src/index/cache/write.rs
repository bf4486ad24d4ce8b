//! Writing a file of the cache: under another name, synced, and only then under its own.
//!
//! Invariant: what is written has exactly as many rows as the index files that it names gave. One block is in memory at a
//! time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use super::super::row::Place;
use super::super::run::{BUCKETS, Run, merge_bucket};
use super::Origin;
use super::segment::{CachedFile, Directory, Layout, MAGIC, block_prefix};
use crate::crypto::{NONCE_LEN, fill_random};

/// What a file of the cache is made of.
pub(super) struct Content<'a> {
    /// The index files; their packs are numbered one after another from 0 on.
    pub(super) files: Vec<CachedFile>,
    /// For each kind runs that have all rows of those files, and perhaps others.
    pub(super) runs: [Vec<&'a Run>; 2],
}

impl Content<'_> {
    /// Writes the file. `number` gives the places of its rows their numbers, and `None` to those that are not its own.
    pub(super) fn write(
        self,
        folder: &Path,
        name: &str,
        origin: &Origin,
        number: impl Fn(Place) -> Option<Place>,
    ) -> io::Result<()> {
        let temporary = folder.join(format!(".new-{name}"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = self.write_to(&file, origin, number).and_then(|()| {
            file.sync_all()?;
            fs::rename(&temporary, folder.join(name))?;
            File::open(folder)?.sync_all()
        });
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn write_to(self, file: &File, origin: &Origin, number: impl Fn(Place) -> Option<Place>) -> io::Result<()> {
        let mut id = [0; 16];
        fill_random(&mut id);
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let mut written = 0;
        let mut layouts = Vec::with_capacity(2);
        let expected: u64 = self.files.iter().map(|file| u64::from(file.rows)).sum();
        for (kind, runs) in self.runs.iter().enumerate() {
            let layout = write_rows(&mut out, origin, &(id, kind), runs, Layout::shift(expected as usize), &number)?;
            written += u64::from(layout.starts[BUCKETS]);
            layouts.push(layout);
        }
        if written != expected {
            return Err(io::Error::other("rows of the index could not be read"));
        }
        let layouts = layouts.try_into().expect("there are two kinds");
        let directory = Directory { id, repository: origin.repository, files: self.files, layouts };
        let sealed = origin.key.seal(&directory.to_bytes());
        out.write_all(&sealed)?;
        out.write_all(&(sealed.len() as u64).to_le_bytes())?;
        out.write_all(MAGIC)?;
        out.flush()
    }
}

fn write_rows(
    out: &mut impl Write,
    origin: &Origin,
    (segment, kind): &([u8; 16], usize),
    runs: &[&Run],
    shift: u32,
    number: impl Fn(Place) -> Option<Place>,
) -> io::Result<Layout> {
    let mut starts = Vec::with_capacity(BUCKETS + 1);
    let (mut rows, mut sealed, mut before) = (Vec::new(), Vec::new(), 0u32);
    for block in 0..BUCKETS >> shift {
        rows.clear();
        for bucket in block << shift..(block + 1) << shift {
            starts.push(before + rows.len() as u32);
            merge_bucket(runs, bucket, &number, &mut rows);
        }
        before += rows.len() as u32;
        sealed.clear();
        sealed.resize(NONCE_LEN, 0);
        sealed.extend_from_slice(&block_prefix(segment, *kind, block));
        sealed.extend_from_slice(rows.as_flattened());
        origin.key.seal_in_place(&mut sealed, 0);
        out.write_all(&sealed)?;
    }
    starts.push(before);
    Ok(Layout { starts: starts.into(), shift })
}

/// The files of the cache are nobody else's business.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A name that no other file has.
pub(super) fn new_name() -> String {
    let mut unique = [0; 16];
    fill_random(&mut unique);
    format!("{}{:032x}", super::NAME, u128::from_ne_bytes(unique))
}

/// What a view knows of an index file, for the cache.
pub(super) fn cached_file(file: &super::super::view::File) -> CachedFile {
    CachedFile { id: file.id, rows: file.rows, packs: Arc::clone(&file.packs), marked: Arc::clone(&file.marked) }
}
