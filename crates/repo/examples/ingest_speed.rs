//! How fast blobs go into a repository: files of a directory, data that does not compress, or a million tiny
//! blobs, into memory or a directory; and how fast the index is read then.
//!
//! `cargo run --release -p holdfast-repo --example ingest_speed -- noise|tiny|DIRECTORY memory|REPOSITORY [verify]`
//! Files are read beforehand, so that the figures are the engine's alone.

#![expect(clippy::print_stdout, reason = "an example that shows figures")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use holdfast_chunker::sha256;
use holdfast_model::{BlobId, Clock, SystemClock};
use holdfast_repo::key::KdfCost;
use holdfast_repo::tree::{Node, NodeKind, Tree};
use holdfast_repo::{BlobKind, EngineOptions, IngestSession, InitOptions, OpenOptions, Proof, Repository, Snapshot};
use holdfast_store::{LocalStore, MemoryStore, Sleep, Store};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("give a source (`noise` or a directory) and a target (`memory` or a repository to be made)");
    };
    let chunks = match source.as_str() {
        "noise" => noise(1 << 30),
        "tiny" => (0..1_000_000u32).map(|n| n.to_le_bytes().to_vec()).collect(),
        _ => read(Path::new(source))?,
    };
    let bytes: usize = chunks.iter().map(Vec::len).sum();
    println!("{} chunks, {} MB", chunks.len(), bytes / 1_000_000);

    let store: Arc<dyn Store> =
        if target == "memory" { Arc::new(MemoryStore::new()) } else { Arc::new(LocalStore::new(target)) };
    let engine = EngineOptions { verify: rest.iter().any(|word| word == "verify"), ..EngineOptions::default() };
    let cheap = InitOptions { kdf_cost: KdfCost { log_n: 10, r: 8, p: 1 }, ..InitOptions::default() };
    let options = OpenOptions { engine, ..OpenOptions::default() };
    let repository = Repository::init(store.clone(), b"password", cheap, options)?;

    let ids: Vec<BlobId> = chunks.iter().map(|chunk| BlobId::new(sha256(chunk))).collect();
    for round in ["first", "again"] {
        let begin = (Instant::now(), cpu());
        let session = IngestSession::begin(&repository, Box::new(|_| ()), &Sleep::default())?;
        let began = Instant::now();
        for (id, chunk) in ids.iter().zip(&chunks) {
            if !session.has_data(id) {
                session.put_data(*id, chunk.clone(), Proof::Unverified)?;
            }
        }
        let put = Instant::now();
        let file = Node::new(*b"file", NodeKind::File { content: ids.clone() }, 0o644);
        let tree = session.put_tree(&Tree::new(vec![file])?)?;
        let report = session.commit(Snapshot::new(SystemClock.now().into(), tree), |_, _| ())?;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{round}: begin {:.2} s, put {:.2} s, commit {:.2} s, processor {:.2} s; {:.0} MB/s; stored {} MB in {} blobs",
            (began - begin.0).as_secs_f64(),
            (put - began).as_secs_f64(),
            put.elapsed().as_secs_f64(),
            cpu() - begin.1,
            bytes as f64 / 1e6 / seconds,
            report.added.data.packed / 1_000_000,
            report.added.data.blobs,
        );
    }
    let again = Repository::open(store, b"password", OpenOptions::default())?;
    let begin = (Instant::now(), cpu());
    let files = again.engine().refresh()?.added;
    let seconds = begin.0.elapsed().as_secs_f64();
    let memory = again.engine().index().memory();
    println!("index: {files} files read in {seconds:.2} s, processor {:.2} s, {} KB", cpu() - begin.1, memory / 1000);
    let begin = Instant::now();
    let view = again.engine().index();
    let found = ids.iter().filter(|id| view.has(BlobKind::Data, id)).count();
    println!("{found} look-ups in {:.2} s", begin.elapsed().as_secs_f64());
    Ok(())
}

/// Processor time of this process in seconds, of all its threads.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn noise(length: usize) -> Vec<Vec<u8>> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length >> 20).map(|_| (0..1 << 17).flat_map(|_| next()).collect()).collect()
}

fn read(dir: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let (mut chunks, mut dirs): (_, Vec<PathBuf>) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                dirs.push(entry.path());
            } else if entry.file_type()?.is_file() {
                chunks.extend(std::fs::read(entry.path())?.chunks(1 << 20).map(<[u8]>::to_vec));
            }
        }
    }
    Ok(chunks)
}
