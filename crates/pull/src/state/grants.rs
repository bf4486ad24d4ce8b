//! About which chunks a client may hear "have it": those that it sent before, in snapshots or interrupted sessions.
//!
//! Without this rule a client could ask for other people's data by its hash. A session writes the ids of its chunks to
//! a run *before* an index file makes them durable, so that nothing durable is ever asked for again; a commit folds
//! the client's runs into its sorted base. Runs without a commit are also the pins that keep prune from throwing an
//! interrupted first backup away. In a trust group all members hear of all chunks, but whose a run is its name says:
//! nobody's interrupted session counts, goes or is folded with another's. Ids are kept by their first 16 bytes: nobody finds a chunk that shares 128 bits with
//! a given one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use holdfast_model::BlobId;
use holdfast_repo::{BlobKind, Repository};
use rustix::fs::{FlockOperation, flock};

use super::file::at;
use super::{ClientState, RepositoryState, StateError, file};

const KEY: usize = 16;
/// Keys between two that are kept in memory: one read of 4 KiB finds a key of the base.
const STRIDE: usize = 256;
const BASE: &str = "base";
const RUN_ENDING: &str = "run";
/// Locked while runs appear or are folded: the sessions of a trust group, in this process or another, share a folder.
const LOCK: &str = "lock";

type Key = [u8; KEY];

/// What a client has sent before.
#[derive(Debug)]
pub struct Grants {
    folder: PathBuf,
    base: Option<File>,
    count: usize,
    fences: Vec<Key>,
    runs: Vec<Key>,
}

/// The run of a session.
#[derive(Debug)]
pub struct GrantRecorder {
    path: PathBuf,
    file: File,
}

impl Grants {
    /// Reads what is known of a client, which may be nothing.
    pub fn load(state: &ClientState) -> Result<Self, StateError> {
        let folder = state.grants.clone();
        let _held = lock(&folder, FlockOperation::LockShared)?;
        let path = folder.join(BASE);
        let base = match File::open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(at(&path)(error)),
        };
        let mut runs = Vec::new();
        for path in run_paths(&folder)? {
            runs.extend(keys_of(&file::read(&path)?.unwrap_or_default()));
        }
        runs.sort_unstable();
        runs.dedup();
        let (mut count, mut fences) = (0, Vec::new());
        if let Some(base) = &base {
            count = base.metadata().map_err(at(&path))?.len() as usize / KEY;
            for index in (0..count).step_by(STRIDE) {
                let mut key = [0; KEY];
                base.read_exact_at(&mut key, (index * KEY) as u64).map_err(at(&path))?;
                fences.push(key);
            }
        }
        Ok(Self { folder, base, count, fences, runs })
    }

    /// Whether the client sent this chunk before.
    pub fn contains(&self, id: &BlobId) -> Result<bool, StateError> {
        let key = key_of(id);
        if self.runs.binary_search(&key).is_ok() {
            return Ok(true);
        }
        let Some(base) = &self.base else { return Ok(false) };
        let block = self.fences.partition_point(|fence| *fence <= key);
        let Some(first) = block.checked_sub(1).map(|block| block * STRIDE) else { return Ok(false) };
        let mut bytes = vec![0; KEY * STRIDE.min(self.count - first)];
        base.read_exact_at(&mut bytes, (first * KEY) as u64).map_err(at(&self.folder.join(BASE)))?;
        Ok(keys_of(&bytes).any(|candidate| candidate == key))
    }
}

impl GrantRecorder {
    /// Begins the run of a session.
    pub fn begin(state: &ClientState, session: &str) -> Result<Self, StateError> {
        let _held = lock(&state.grants, FlockOperation::LockExclusive)?;
        let path = state.grants.join(format!("{session}.{}.{RUN_ENDING}", state.owner));
        let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path).map_err(at(&path))?;
        // The lock tells other sessions of the client that this run is still growing.
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| at(&path)(error.into()))?;
        Ok(Self { path, file })
    }

    /// Makes these chunks durable as sent. To be called before the index that names them is written.
    pub fn record(&self, chunks: &[BlobId]) -> Result<(), StateError> {
        let bytes: Vec<u8> = chunks.iter().flat_map(key_of).collect();
        (&self.file).write_all(&bytes).and_then(|()| self.file.sync_data()).map_err(at(&self.path))
    }

    /// The session has become a snapshot: folds the client's runs into its base. They are no pins any more.
    pub fn fold(&self, state: &ClientState) -> Result<(), StateError> {
        let _held = lock(&state.grants, FlockOperation::LockExclusive)?;
        let mut keys: Vec<Key> = Vec::new();
        let folded = ended_runs(state, Some(&self.path))?;
        for path in &folded {
            keys.extend(keys_of(&file::read(path)?.unwrap_or_default()));
        }
        keys.sort_unstable();
        keys.dedup();
        merge_into_base(&state.grants.join(BASE), &keys)?;
        folded.iter().try_for_each(|path| fs::remove_file(path).map_err(at(path)))
    }

    /// The session has sent too much: what it and the client's interrupted ones had sent is asked for again, and no pin.
    pub fn discard(&self, state: &ClientState) -> Result<(), StateError> {
        let _held = lock(&state.grants, FlockOperation::LockExclusive)?;
        let ended = ended_runs(state, Some(&self.path))?;
        ended.iter().try_for_each(|path| fs::remove_file(path).map_err(at(path)))
    }
}

/// All keys of sessions that were interrupted within `age`, over all clients of a repository: what prune must keep.
pub fn pinned(state: &RepositoryState, age: Duration, now: SystemTime) -> Result<impl Fn(&BlobId) -> bool, StateError> {
    let root = state.grants_root();
    let mut keys = Vec::new();
    let clients = match fs::read_dir(&root) {
        Ok(clients) => clients.collect::<io::Result<Vec<_>>>().map_err(at(&root))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(at(&root)(error)),
    };
    for client in clients {
        for path in run_paths(&client.path())? {
            let written = match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
                Ok(written) => written,
                // Folded in between: a snapshot holds its chunks now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(at(&path)(error)),
            };
            if now.duration_since(written).unwrap_or_default() <= age {
                keys.extend(keys_of(&file::read(&path)?.unwrap_or_default()));
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    Ok(move |id: &BlobId| keys.binary_search(&key_of(id)).is_ok())
}

/// Bytes of packs that a client's interrupted sessions take up, which are in no snapshot yet.
pub fn interrupted_bytes(state: &ClientState, repository: &Repository) -> Result<u64, StateError> {
    let held = lock(&state.grants, FlockOperation::LockShared)?;
    let mut keys: Vec<Key> = Vec::new();
    for path in ended_runs(state, None)? {
        keys.extend(keys_of(&file::read(&path)?.unwrap_or_default()));
    }
    drop(held);
    if keys.is_empty() {
        return Ok(0);
    }
    keys.sort_unstable();
    let index = repository.engine().index();
    let interrupted = index.blobs(BlobKind::Data).filter(|(id, _)| keys.binary_search(&key_of(id)).is_ok());
    Ok(interrupted.map(|(_, location)| u64::from(location.stored_length)).sum())
}

/// The runs of a client that do not grow any more, and `own`.
fn ended_runs(state: &ClientState, own: Option<&Path>) -> Result<Vec<PathBuf>, StateError> {
    let mut ended = Vec::new();
    let is_of_client = |path: &PathBuf| {
        path.file_stem()
            .is_some_and(|name| Path::new(name).extension().is_some_and(|owner| owner == state.owner.as_str()))
    };
    for path in run_paths(&state.grants)?.into_iter().filter(is_of_client) {
        let run = File::open(&path).map_err(at(&path))?;
        if own == Some(path.as_path()) || flock(&run, FlockOperation::NonBlockingLockExclusive).is_ok() {
            ended.push(path);
        }
    }
    Ok(ended)
}

/// Waits for the folder's lock. It is held until the file is closed.
fn lock(folder: &Path, how: FlockOperation) -> Result<File, StateError> {
    let path = folder.join(LOCK);
    let open = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    let file = open.map_err(at(&path))?;
    flock(&file, how).map_err(|error| at(&path)(error.into()))?;
    Ok(file)
}

/// Writes the union of the base and `keys` as the new base.
fn merge_into_base(path: &Path, keys: &[Key]) -> Result<(), StateError> {
    let mut old = File::open(path).ok().map(|file| BufReader::with_capacity(1 << 18, file));
    let mut next_old = move || -> io::Result<Option<Key>> {
        let Some(reader) = &mut old else { return Ok(None) };
        let mut key = [0; KEY];
        match reader.read_exact(&mut key) {
            Ok(()) => Ok(Some(key)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    };
    file::replace(path, |out| {
        let mut new = keys.iter().copied().peekable();
        let mut current = next_old()?;
        loop {
            let key = match (current, new.peek().copied()) {
                (None, None) => return Ok(()),
                (Some(a), Some(b)) if a <= b => a,
                (Some(a), None) => a,
                (_, Some(b)) => b,
            };
            out.write_all(&key)?;
            if current == Some(key) {
                current = next_old()?;
            }
            new.next_if_eq(&key);
        }
    })
}

fn run_paths(folder: &Path) -> Result<Vec<PathBuf>, StateError> {
    let entries = fs::read_dir(folder).map_err(at(folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(at(folder))?.path();
        if path.extension().is_some_and(|ending| ending == RUN_ENDING) {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn key_of(id: &BlobId) -> Key {
    id.as_bytes()[..KEY].try_into().expect("an id is longer than a key")
}

/// The keys of a file; a torn last one (a crash while it was written) is left out.
fn keys_of(bytes: &[u8]) -> impl Iterator<Item = Key> + '_ {
    bytes.chunks_exact(KEY).map(|key| key.try_into().expect("chunks are of the key's length"))
}
