//! Copies that are missing, damaged or left over: what is read instead, and how the hot part is put in order.
//!
//! Invariant: nothing gets into the hot part by itself that does not hash to its name, and no copy stays of a file that was
//! deleted while it was copied: the main part deletes first, and is asked again after the copy was made.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use holdfast_model::Id;
use sha2::{Digest, Sha256};

use super::{HotStore, Parts, ignore, is_named_by};
use crate::{ErrorKind, FileInfo, FileKind, Store, StoreError};

/// Larger packs are not copied while they are read: restic's end here.
const LARGEST_MENDED: u64 = 128 << 20;

/// Bytes of a copy that are read at once.
const PIECE: u64 = 20 << 20;

/// The copies of one kind of file, compared with the files.
#[derive(Debug, Default)]
pub struct Compared {
    /// Files without a copy, or with one of another size.
    pub missing: Vec<Copied>,
    /// Files with a copy of the right size.
    pub present: Vec<Copied>,
    /// Copies whose files are gone.
    pub left_over: Vec<Id>,
}

/// A file that has a copy or should have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub id: Id,
    /// Bytes of the file.
    pub size: u64,
    /// Bytes of what is in the hot part under that name, if anything is.
    pub copy: Option<u64>,
}

impl HotStore {
    pub(super) fn read_copied(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        let Parts { main, hot, .. } = &*self.parts;
        let found = hot.read(kind, id);
        if let Ok(copy) = &found
            && is_named_by(id, &[copy])
        {
            return found;
        }
        let bytes = main.read(kind, id)?;
        if is_bad(&found) {
            self.mend(kind, id, &bytes);
        }
        Ok(bytes)
    }

    pub(super) fn read_range_copied(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        let Parts { main, hot, .. } = &*self.parts;
        let found = hot.read_range(kind, id, range.clone());
        if found.is_ok() {
            return found;
        }
        if is_bad(&found)
            && self.parts.mends.load(Ordering::Relaxed)
            && let Some(_copying) = self.parts.copying.try_lock()
            && let Some(bytes) = self.read_whole(kind, id)?
        {
            self.mend(kind, id, &bytes);
            if range.start <= range.end && range.end <= bytes.len() as u64 {
                return Ok(bytes.slice(range.start as usize..range.end as usize));
            }
        }
        main.read_range(kind, id, range)
    }

    /// A file that is small enough to be copied by the way.
    fn read_whole(&self, kind: FileKind, id: &Id) -> Result<Option<Bytes>, StoreError> {
        let main = &self.parts.main;
        if main.size(kind, id)? > LARGEST_MENDED { Ok(None) } else { main.read(kind, id).map(Some) }
    }

    /// Makes a copy anew. Who reads is not told if that fails, and it is not tried again: the hot part may be read-only.
    fn mend(&self, kind: FileKind, id: &Id, bytes: &Bytes) {
        // A lock of somebody who knows the main part only will be gone there soon.
        if kind == FileKind::Lock || !self.parts.mends.load(Ordering::Relaxed) || !is_named_by(id, &[bytes]) {
            return;
        }
        if self.replace(kind, id, bytes).is_err() {
            self.parts.mends.store(false, Ordering::Relaxed);
        }
    }

    /// A copy in place of what the hot part has there.
    fn replace(&self, kind: FileKind, id: &Id, bytes: &Bytes) -> Result<(), StoreError> {
        let Parts { main, hot, .. } = &*self.parts;
        match hot.put(kind, id, &[bytes]) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                // Somebody else may have mended it in the meantime.
                if hot.read(kind, id).is_ok_and(|copy| copy == *bytes) {
                    return Ok(());
                }
                ignore(hot.remove(kind, id), ErrorKind::NotFound)?;
                ignore(hot.put(kind, id, &[bytes]), ErrorKind::AlreadyExists)?;
            }
            result => result?,
        }
        match main.size(kind, id) {
            Err(error) if error.kind() == ErrorKind::NotFound => ignore(hot.remove(kind, id), ErrorKind::NotFound),
            result => result.map(drop),
        }
    }

    /// Copies a file from the main part, in place of what the hot part has there. Says how many bytes that were; `None` if
    /// the file is gone by now.
    pub fn copy(&self, kind: FileKind, id: &Id) -> Result<Option<u64>, StoreError> {
        let bytes = match self.parts.main.read(kind, id) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        if !is_named_by(id, &[&bytes]) {
            let (place, text) = (self.parts.main.location(), "its content does not match its name");
            return Err(StoreError::of_file(ErrorKind::Corrupt, "copy", (kind, id), place, text));
        }
        self.replace(kind, id, &bytes)?;
        Ok(Some(bytes.len() as u64))
    }

    /// Deletes the copy of a file: whoever understands it found it damaged. The next one who reads it has it made anew.
    pub fn discard(&self, kind: FileKind, id: &Id) {
        if self.parts.mends.load(Ordering::Relaxed) {
            let _ = self.parts.hot.remove(kind, id);
        }
    }

    /// Compares the copies of one kind with those files that should have one, as far as sizes tell.
    pub fn compare(&self, kind: FileKind, has_copy: &dyn Fn(&Id) -> bool) -> Result<Compared, StoreError> {
        let (copies, mut files) = self.list_both(kind)?;
        let names: HashSet<Id> = files.iter().map(|file| file.id).collect();
        let left_over = copies.iter().map(|copy| copy.id).filter(|id| !names.contains(id)).collect();
        files.retain(|file| has_copy(&file.id));
        let (mut present, mut missing) = match_copies(&files, &copies);
        if !missing.is_empty() {
            // A file that was written meanwhile is in the second listing alone; its copy was there before it.
            (present, missing) = match_copies(&files, &self.list_copies(kind)?);
        }
        Ok(Compared { missing, present, left_over })
    }

    /// Whether a copy of so many bytes hashes to its name.
    pub fn is_whole(&self, kind: FileKind, id: &Id, size: u64) -> Result<bool, StoreError> {
        let (mut hash, mut at) = (Sha256::new(), 0);
        while at < size {
            let to = size.min(at + PIECE);
            match self.parts.hot.read_range(kind, id, at..to) {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) => return Ok(false),
                result => hash.update(result?),
            }
            at = to;
        }
        Ok(hash.finalize()[..] == id.as_bytes()[..])
    }

    fn list_copies(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        match self.parts.hot.list(kind) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            result => result,
        }
    }

    /// The copies first: a file that is written meanwhile is not taken for a copy that was left over.
    fn list_both(&self, kind: FileKind) -> Result<(Vec<FileInfo>, Vec<FileInfo>), StoreError> {
        let copies = self.list_copies(kind)?;
        Ok((copies, self.parts.main.list(kind)?))
    }

    /// Deletes copies whose files are gone; says how many those were.
    pub fn sweep_copies(&self) -> Result<u64, StoreError> {
        let mut swept = 0;
        for kind in Self::COPIED.into_iter().chain([FileKind::Pack]) {
            let (copies, files) = self.list_both(kind)?;
            let files: HashSet<Id> = files.iter().map(|file| file.id).collect();
            for copy in copies.iter().filter(|copy| !files.contains(&copy.id)) {
                // Listings may lag behind.
                match self.parts.main.size(kind, &copy.id) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    result => {
                        result?;
                        continue;
                    }
                }
                ignore(self.parts.hot.remove(kind, &copy.id), ErrorKind::NotFound)?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

/// Files with a copy of the right size, and the others.
fn match_copies(files: &[FileInfo], copies: &[FileInfo]) -> (Vec<Copied>, Vec<Copied>) {
    let sizes: HashMap<Id, u64> = copies.iter().map(|copy| (copy.id, copy.size)).collect();
    let described =
        files.iter().map(|file| Copied { id: file.id, size: file.size, copy: sizes.get(&file.id).copied() });
    described.partition(|file| file.copy == Some(file.size))
}

/// Whether an answer of the hot part says that the copy is not there, or not whole; others say that it can't be reached.
fn is_bad(found: &Result<Bytes, StoreError>) -> bool {
    match found {
        Ok(_) => true,
        Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt),
    }
}
