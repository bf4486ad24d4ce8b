//! What a large repository costs: one measurement for each run of the program, so that memory is seen from the start.
//! `cargo xtask scale` runs them all and shows a table.
//!
//! - `make DIR BLOBS`: a local repository whose index files name so many blobs, that are not there;
//! - `open DIR STATE LOOKUPS`: reads the index, looks up so many blobs, then all of them; STATE may be `-`;
//! - `ls DIR STATE PASSWORD OTHER PATH`: opens a repository, and lists two directories of its latest snapshot with what lies
//!   beneath: the first cold, the second as a process does that has the repository open, but has not seen that directory;
//! - `sessions DIR COUNT MIB`: so many sessions at once, each with so many MiB of its own and as many that all have.
//!
//! Each prints one line of JSON.

#![expect(clippy::print_stdout, reason = "an example that shows figures")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use holdfast_chunker::sha256;
use holdfast_model::{BlobId, Clock, PackId, SystemClock};
use holdfast_repo::catalogue::{Walk, resolve};
use holdfast_repo::key::KdfCost;
use holdfast_repo::pack::PackedBlob;
use holdfast_repo::tree::{Node, NodeKind, Tree};
use holdfast_repo::{BlobKind, IngestSession, InitOptions, OpenOptions, Proof, Repository, Snapshot, SnapshotFilter};
use holdfast_store::{FileKind, LocalStore, Sleep, Store};
use serde_json::json;

const PASSWORD: &[u8] = b"password";
/// Blobs of an index file, as restic and we write them.
const PER_FILE: u64 = 50_000;
/// A pack of 16 MiB has so many chunks of 800 KiB.
const PER_PACK: u64 = 20;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let figures = match arguments[..] {
        ["make", dir, blobs] => make(Path::new(dir), blobs.parse()?)?,
        ["open", dir, state, lookups] => open(Path::new(dir), state, lookups.parse()?)?,
        ["ls", dir, state, password, other, path] => list(Path::new(dir), state, password, [other, path])?,
        ["sessions", dir, count, mib] => sessions(Path::new(dir), count.parse()?, mib.parse()?)?,
        _ => bail!("give `make`, `open`, `ls` or `sessions`, each with what it needs"),
    };
    println!("{figures}");
    Ok(())
}

fn init(dir: &Path) -> anyhow::Result<Repository> {
    let cheap = InitOptions { kdf_cost: KdfCost { log_n: 10, r: 8, p: 1 }, ..InitOptions::default() };
    Ok(Repository::init(Arc::new(LocalStore::new(dir)), PASSWORD, cheap, OpenOptions::default())?)
}

/// The blob of a number: a hash, as all ids are.
fn blob(number: u64) -> (BlobKind, BlobId) {
    // One directory for twenty chunks, in packs of their own.
    let kind = if number / PER_PACK % 20 == 19 { BlobKind::Tree } else { BlobKind::Data };
    (kind, BlobId::new(sha256(&number.to_le_bytes())))
}

fn make(dir: &Path, blobs: u64) -> anyhow::Result<serde_json::Value> {
    let repository = init(dir)?;
    let begin = Instant::now();
    let files: Vec<u64> = (0..blobs.div_ceil(PER_FILE)).collect();
    let work = |files: &[u64]| -> anyhow::Result<()> {
        for file in files {
            let rows = |number: u64| {
                let (kind, id) = blob(number);
                let offset = (number % PER_PACK) as u32 * 800_000;
                PackedBlob { kind, id, offset, stored_length: 800_000, uncompressed_length: 1_000_000 }
            };
            let (from, to) = (file * PER_FILE, blobs.min((file + 1) * PER_FILE));
            let rows: Vec<PackedBlob> = (from..to).map(rows).collect();
            let packs = rows
                .chunks(PER_PACK as usize)
                .zip(0u64..)
                .map(|(blobs, pack)| (PackId::new(sha256(format!("pack {file} {pack}").as_bytes())), blobs));
            repository.engine().write_index_file(&packs.collect::<Vec<_>>())?;
        }
        Ok(())
    };
    let half = files.len().div_ceil(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| work(&files[half..]));
        work(&files[..half])?;
        other.join().expect("a thread that does not panic")
    })?;
    let size: u64 = repository_files(dir, FileKind::Index)?.iter().sum();
    Ok(json!({"blobs": blobs, "index_files": files.len(), "index_bytes": size, "seconds": seconds(begin)}))
}

fn repository_files(dir: &Path, kind: FileKind) -> anyhow::Result<Vec<u64>> {
    Ok(LocalStore::new(dir).list(kind)?.into_iter().map(|file| file.size).collect())
}

fn open(dir: &Path, state: &str, lookups: u64) -> anyhow::Result<serde_json::Value> {
    let state_dir = (state != "-").then(|| PathBuf::from(state));
    let options = OpenOptions { state_dir, ..OpenOptions::default() };
    let repository = Repository::open(Arc::new(LocalStore::new(dir)), PASSWORD, options)?;
    let before = memory("VmRSS")?;
    let begin = Instant::now();
    let read = repository.engine().refresh()?.added;
    let refresh = seconds(begin);
    let (started, peak) = (memory("VmRSS")? - before, memory("VmHWM")? - before);
    let view = repository.engine().index();
    let blobs = (view.len(BlobKind::Data) + view.len(BlobKind::Tree)) as u64;
    let is_there = |number: u64| {
        let (kind, id) = blob(number);
        view.has(kind, &id)
    };
    let begin = Instant::now();
    let spread = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % blobs.max(1);
    ensure!((0..lookups).all(|n| is_there(spread(n))), "a blob is not in the index");
    let asked = (seconds(begin), memory("VmRSS")? - before);
    let begin = Instant::now();
    ensure!((0..blobs).all(is_there), "a blob is not in the index");
    let all = (seconds(begin), memory("VmRSS")? - before);
    let accounted = view.memory();
    drop(view);
    let begin = Instant::now();
    drop(repository);
    Ok(json!({
        "blobs": blobs, "index_files_read": read, "refresh_seconds": refresh, "bytes_at_start": started,
        "peak_bytes": peak, "lookups": lookups, "lookups_seconds": asked.0, "bytes_then": asked.1,
        "all_seconds": all.0, "bytes_of_all": all.1, "accounted_bytes": accounted, "saving_seconds": seconds(begin),
    }))
}

fn list(dir: &Path, state: &str, password: &str, paths: [&str; 2]) -> anyhow::Result<serde_json::Value> {
    let state_dir = (state != "-").then(|| PathBuf::from(state));
    let options = OpenOptions { state_dir, ..OpenOptions::default() };
    let begin = Instant::now();
    let repository = Repository::open(Arc::new(LocalStore::new(dir)), password.as_bytes(), options)?;
    let opened = seconds(begin);
    let once = |path: &str| -> anyhow::Result<(f64, usize)> {
        let begin = Instant::now();
        // As each request of a process that keeps the repository open: what others did meanwhile is seen.
        repository.engine().refresh()?;
        let snapshot = repository.find_snapshot("latest", &SnapshotFilter::default())?;
        let place = resolve(repository.engine(), snapshot.tree, path.as_bytes())?;
        let tree = place.tree().context("the path is a directory")?;
        let entries: Vec<_> = Walk::new(repository.engine(), path.as_bytes(), tree).collect::<Result<_, _>>()?;
        Ok((seconds(begin), entries.len()))
    };
    let (first, _) = once(paths[0])?;
    let (second, entries) = once(paths[1])?;
    Ok(json!({"entries": entries, "open_seconds": opened, "first_seconds": first, "second_seconds": second}))
}

fn sessions(dir: &Path, count: u64, mib: u64) -> anyhow::Result<serde_json::Value> {
    let repository = init(dir)?;
    let before = memory("VmRSS")?;
    let start = Barrier::new(count as usize);
    let begin = Instant::now();
    let session = |number: u64| -> anyhow::Result<Snapshot> {
        start.wait();
        let session = IngestSession::begin(&repository, Box::new(|_| ()), &Sleep::default())?;
        let mut content = Vec::new();
        // 64 KiB each: files of a server, not of a camera.
        for chunk in 0..2 * mib * 16 {
            let is_common = chunk % 2 == 0;
            let bytes = noise(if is_common { chunk } else { ((number + 1) << 32) | chunk });
            let id = BlobId::new(sha256(&bytes));
            if !session.has_data(&id) {
                session.put_data(id, bytes, Proof::Unverified)?;
            }
            content.push(id);
        }
        let tree = session.put_tree(&Tree::new(vec![Node::new(*b"file", NodeKind::File { content }, 0o644)])?)?;
        let report = session.commit(Snapshot::new(SystemClock.now().into(), tree), |_, _| ())?;
        Ok((*report.snapshot.snapshot).clone())
    };
    let snapshots: anyhow::Result<Vec<Snapshot>> = thread::scope(|scope| {
        let session = &session;
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || session(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that does not panic")).collect()
    });
    let snapshots = snapshots?;
    let wall = seconds(begin);
    let peak = memory("VmHWM")? - before;
    let packs = repository_files(dir, FileKind::Pack)?;
    let stored: u64 = packs.iter().sum();
    let index_files = repository_files(dir, FileKind::Index)?.len();
    drop(repository);

    let again = Repository::open(Arc::new(LocalStore::new(dir)), PASSWORD, OpenOptions::default())?;
    again.engine().refresh()?;
    let mut restored = 0;
    for snapshot in &snapshots {
        let tree = again.engine().load_tree(snapshot.tree)?;
        let file = tree.nodes().first().context("the snapshot has its file")?;
        for id in file.content() {
            // Proven by its hash.
            restored += again.engine().load_blob(BlobKind::Data, id)?.len() as u64;
        }
    }
    let expected = (count * 2 * mib) << 20;
    ensure!(restored == expected, "{restored} bytes were restored of {expected}");
    Ok(json!({
        "sessions": count, "seconds": wall, "peak_bytes": peak, "packs": packs.len(), "stored_bytes": stored,
        "index_files": index_files, "snapshots": snapshots.len(), "given_bytes": expected,
    }))
}

/// 64 KiB that do not compress.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..1 << 13).flat_map(|_| next()).collect()
}

fn seconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64()
}

/// A figure of this process's memory, in bytes: `VmRSS` now, `VmHWM` at most.
fn memory(name: &str) -> anyhow::Result<i64> {
    let status = std::fs::read_to_string("/proc/self/status").context("the system tells how much memory is used")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib: i64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).context("the figure is there")?;
    Ok(kib * 1024)
}
