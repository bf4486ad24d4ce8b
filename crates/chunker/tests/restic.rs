//! Rabin chunks against the real restic, whose path is in `HOLDFAST_RESTIC`; without it, says that it was skipped.

use std::fs;
use std::path::Path;
use std::process::Command;

use holdfast_chunker::{Chunker, Limits, RabinTables, is_irreducible, sha256};
use serde_json::Value;

fn restic(program: &str, repository: &Path, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(["--quiet", "--no-cache", "--repo"])
        .arg(repository)
        .args(args)
        .env("RESTIC_PASSWORD", "chunker")
        .output()
        .expect("restic can be started");
    assert!(output.status.success(), "restic {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Random bytes with runs of zeros between, some shorter and some longer than a chunk.
fn content() -> Vec<u8> {
    let mut state = 0x0123_4567_89ab_cdef_u64;
    let mut content = Vec::new();
    for (random, zeros) in [(5 << 20, 100), (700_000, 2 << 20), (12 << 20, 300_000), (1, 20 << 20), (3 << 20, 77)] {
        for _ in 0..random {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            content.push((state >> 32) as u8);
        }
        content.resize(content.len() + zeros, 0);
    }
    content
}

fn chunk_ids(polynomial: u64, content: &[u8]) -> Vec<String> {
    let hex = |chunk: &[u8]| sha256(chunk).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut chunker =
        Chunker::rabin(&RabinTables::new(polynomial).expect("restic uses irreducible ones"), Limits::RESTIC);
    let (mut ids, mut rest) = (Vec::new(), content);
    while let Some(cut) = chunker.next_cut(rest) {
        ids.push(hex(&rest[..cut]));
        rest = &rest[cut..];
    }
    ids.extend((!rest.is_empty()).then(|| hex(rest)));
    ids
}

#[test]
fn a_file_has_the_chunks_that_restic_gives_it() {
    let Ok(program) = std::env::var("HOLDFAST_RESTIC") else {
        eprintln!("SKIPPED: HOLDFAST_RESTIC does not name a restic to compare with");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (repository, source) = (dir.path().join("repository"), dir.path().join("source"));
    fs::create_dir(&source).unwrap();
    let content = content();
    fs::write(source.join("file"), &content).unwrap();

    restic(&program, &repository, &["init"]);
    let config: Value = serde_json::from_slice(&restic(&program, &repository, &["cat", "config"])).unwrap();
    let polynomial = u64::from_str_radix(config["chunker_polynomial"].as_str().unwrap(), 16).unwrap();
    assert!(is_irreducible(polynomial));

    restic(&program, &repository, &["backup", source.to_str().unwrap()]);
    let snapshot = fs::read_dir(repository.join("snapshots")).unwrap().next().unwrap().unwrap().file_name();
    let tree = format!("{}:{}", snapshot.to_str().unwrap(), source.display());
    let tree: Value = serde_json::from_slice(&restic(&program, &repository, &["cat", "tree", &tree])).unwrap();
    let theirs = tree["nodes"][0]["content"].as_array().unwrap();
    assert_eq!(chunk_ids(polynomial, &content), *theirs, "polynomial {polynomial:#x}");
}
