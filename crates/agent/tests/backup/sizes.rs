//! Memory stays bounded and everything comes over, however large directories and files are.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::compare::assert_same;
use crate::process::Agent;
use crate::server::{Seen, Server, job};
use crate::tree::{noise, write};

/// What the agent may take whatever it backs up.
const LIMIT_KIB: u64 = 64 << 10;

#[test]
fn a_directory_too_large_to_keep_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().join("large");
    fs::create_dir(&large).unwrap();
    for at in 0..14_000 {
        File::create(large.join(format!("{at}{}", "x".repeat(200)))).unwrap();
    }
    for at in 0..20 {
        let sub = large.join(format!("directory {at}"));
        fs::create_dir(&sub).unwrap();
        write(&sub.join("file"), &noise(100, at));
    }
    write(&large.join("with content"), b"content");
    let mut server = Server::default();
    let first = server.backup(job(&[dir.path()]));
    assert_eq!(first.problems, []);
    assert!(first.root_digest.unwrap().memorable);
    assert_same(&server, first.node(dir.path()).unwrap(), dir.path());
    let second = server.backup(job(&[dir.path()]));
    assert_eq!(second.told_beneath(dir.path()), 0);
    write(&large.join("with content"), b"another");
    let third = server.backup(job(&[dir.path()]));
    assert_eq!(third.files_wanted, 1);
    assert_same(&server, third.node(&large).unwrap(), &large);
}

#[test]
fn very_many_subdirectories_are_walked_in_steps() {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..5_000 {
        fs::create_dir(dir.path().join(format!("directory {at}"))).unwrap();
    }
    let mut server = Server::default();
    let seen = server.backup(job(&[dir.path()]));
    assert_eq!(seen.problems, []);
    assert_eq!(seen.node(dir.path()).unwrap().tree.as_ref().unwrap().0.len(), 5_000);
    assert_eq!(server.backup(job(&[dir.path()])).told_beneath(dir.path()), 0);
}

#[test]
fn holes_are_neither_read_nor_sent() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sparse");
    let file = File::create(&path).unwrap();
    file.set_len(10 << 30).unwrap();
    file.write_all_at(&noise(3 << 20, 5), 5 << 30).unwrap();
    let mut server = Server { forgetful: true, ..Server::default() };
    // On a clock by which the file is older than what holes are believed of.
    let seen = server.backup(job(&[dir.path()]));
    assert_eq!(seen.problems, []);
    assert!(seen.chunk_bytes < 30 << 20, "{}", seen.chunk_bytes);
}

#[test]
fn memory_stays_small_with_many_small_files() {
    small_files(200, 200);
}

#[test]
#[ignore = "makes a million files: run it by hand when memory may have changed"]
fn memory_stays_small_with_a_million_small_files() {
    small_files(1000, 1000);
}

#[test]
#[ignore = "makes a million files: run it by hand when memory may have changed"]
fn memory_stays_small_with_a_million_entries_in_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..1_000_000 {
        write(&dir.path().join(format!("file number {at}")), b"");
    }
    let mut server = Server { forgetful: true, ..Server::default() };
    let (seen, peak) = measured(&mut server, dir.path());
    println!("{peak} KiB for {} files", seen.walked.0);
    assert_eq!(seen.files_wanted, 1_000_000);
    assert!(peak < LIMIT_KIB, "{peak} KiB");
}

#[test]
fn memory_stays_small_with_large_files() {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..4 {
        write(&dir.path().join(format!("large {at}")), &noise(30 << 20, 2 * at + 1));
    }
    let mut server = Server { forgetful: true, window: Some(64 << 20), ..Server::default() };
    let (seen, peak) = measured(&mut server, dir.path());
    println!("{peak} KiB for {} bytes", seen.walked.1);
    assert_eq!(seen.chunk_bytes, 4 * (30 << 20));
    assert!(peak < LIMIT_KIB, "{peak} KiB");
}

fn small_files(directories: usize, files: usize) {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..directories {
        let sub = dir.path().join(format!("directory {at}"));
        fs::create_dir(&sub).unwrap();
        for file in 0..files {
            write(&sub.join(format!("file number {file}")), format!("{at} {file}").as_bytes());
        }
    }
    let mut server = Server { forgetful: true, window: Some(32 << 20), ..Server::default() };
    let (seen, peak) = measured(&mut server, dir.path());
    println!("{peak} KiB for {} files", seen.walked.0);
    assert_eq!((seen.files_wanted, seen.problems.len()), (directories * files, 0));
    assert!(peak < LIMIT_KIB, "{peak} KiB");
}

/// A backup by the program, and the most memory that it had.
fn measured(server: &mut Server, root: &Path) -> (Seen, u64) {
    let start = std::time::Instant::now();
    let mut agent = Agent::start(&[], |_| ());
    let end = agent.end();
    let seen = server.session_then(end, job(&[root]), || agent.peak_kib());
    println!("{:?}", start.elapsed());
    assert!(agent.child.wait().unwrap().success());
    seen
}

#[test]
fn files_of_the_kernel_are_read_though_they_say_that_they_are_empty() {
    let root = Path::new("/proc/sys/kernel/random");
    let mut server = Server::default();
    for _ in 0..2 {
        let seen = server.backup(job(&[root]));
        let node = seen.node(&root.join("boot_id")).unwrap();
        let [chunk] = node.content[..] else { panic!("stored as empty: {:?}", node.content) };
        assert_eq!(server.blobs[&chunk.id], fs::read(root.join("boot_id")).unwrap());
        // They change without a sign: the next backup reads them again.
        assert!(seen.told_beneath(root) > 0);
    }
}
