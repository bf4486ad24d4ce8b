//! Claims about the corpora, on tiny ones: the same everywhere, and as they were after a change was taken back.

use std::os::unix::fs::MetadataExt;

use holdfast_testkit::temp_dir;
use sha2::{Digest, Sha256};

use super::*;

const TINY: Plan = Plan { seed: 1, files: 400, dirs: 10, group: 4, sizes: Sizes::Skewed(2_000) };

/// Names, bytes and modification times of all files, and the times of all directories if asked for.
fn hash(root: &Path, with_dirs: bool) -> String {
    let mut hash = Sha256::new();
    for path in scan::regular_files(root).unwrap() {
        let metadata = path.metadata().unwrap();
        hash.update(path.strip_prefix(root).unwrap().as_os_str().as_encoded_bytes());
        hash.update(std::fs::read(&path).unwrap());
        hash.update(metadata.mtime().to_string());
        if with_dirs {
            let dir = path.parent().unwrap().metadata().unwrap();
            hash.update(format!("{} {}", dir.mtime(), dir.mtime_nsec()));
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn tiny_tree() -> holdfast_testkit::TempDir {
    let dir = temp_dir();
    tree::make(&TINY, dir.path(), &Interrupt::never()).unwrap();
    dir
}

#[test]
fn a_generated_tree_is_the_same_everywhere() {
    let dir = tiny_tree();
    assert_eq!(hash(dir.path(), false), "48471b0d008bbedb");
    let extent = scan::extent(dir.path()).unwrap();
    assert_eq!((extent.files, extent.dirs), (400, 14));
}

#[test]
fn large_files_are_the_same_everywhere() {
    let dir = temp_dir();
    disk::make_blob(4, 3_000_001, &dir.path().join("blob"), &Interrupt::never()).unwrap();
    assert_eq!(hash_of(&dir.path().join("blob")), "1e91302acfaf949e");
    let image = Image { seed: 3, size: 64 << 20 };
    let path = dir.path().join("image");
    disk::make_image(&image, &path, &Interrupt::never()).unwrap();
    assert_eq!(hash_of(&path), "33c3a3e3233fa2f9");
    let metadata = path.metadata().unwrap();
    assert_eq!(metadata.len(), 64 << 20);
    assert!(metadata.blocks() * 512 < 40 << 20, "holes must be holes");
}

fn hash_of(path: &Path) -> String {
    Sha256::digest(std::fs::read(path).unwrap()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Without modification times: those of changed files are those of the change.
fn names_and_bytes(root: &Path) -> String {
    let mut hash = Sha256::new();
    for path in scan::regular_files(root).unwrap() {
        hash.update(path.strip_prefix(root).unwrap().as_os_str().as_encoded_bytes());
        hash.update(std::fs::read(&path).unwrap());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn churn_is_the_same_for_the_same_seed_and_another_for_another() {
    let (first, second, third, aside) = (tiny_tree(), tiny_tree(), tiny_tree(), temp_dir());
    for (number, (dir, seed)) in [(&first, 7), (&second, 7), (&third, 8)].into_iter().enumerate() {
        change::tree(dir.path(), &aside.path().join(number.to_string()), seed).unwrap();
    }
    assert_eq!(names_and_bytes(first.path()), names_and_bytes(second.path()));
    assert_ne!(names_and_bytes(first.path()), names_and_bytes(third.path()));
    let files = scan::regular_files(first.path()).unwrap();
    let named = |start: &str| {
        files.iter().filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start)).count()
    };
    assert_eq!((files.len(), named("added-"), named("renamed-")), (400, 4, 2));
    let kept = |start: &str| {
        std::fs::read_dir(aside.path().join("0"))
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().to_str().unwrap().starts_with(start))
            .count()
    };
    assert_eq!((kept("changed-"), kept("removed-")), (8, 4));
}

#[test]
fn changes_that_were_taken_back_leave_no_trace() {
    let (dir, aside) = (tiny_tree(), temp_dir());
    let before = hash(dir.path(), true);
    let first = change::tree(dir.path(), &aside.path().join("1"), 7).unwrap();
    let second = change::tree(dir.path(), &aside.path().join("2"), 8).unwrap();
    assert_ne!(hash(dir.path(), true), before);
    second.undo().unwrap();
    first.undo().unwrap();
    assert_eq!(hash(dir.path(), true), before);
    assert_eq!(std::fs::read_dir(aside.path()).unwrap().count(), 0);
}

#[test]
fn an_image_changes_in_one_of_a_hundred_blocks_and_back() {
    let dir = temp_dir();
    let (path, aside) = (dir.path().join("image"), dir.path().join("aside"));
    let image = Image { seed: 3, size: 64 << 20 };
    disk::make_image(&image, &path, &Interrupt::never()).unwrap();
    let before = std::fs::read(&path).unwrap();
    let undo = change::image(&image, &path, &aside, 1).unwrap();
    let after = std::fs::read(&path).unwrap();
    let blocks = before.chunks(4096).zip(after.chunks(4096));
    let changed = blocks.filter(|(before, after)| before != after).count() as u64;
    assert_eq!(changed, disk::extents(&image).map(|(_, blocks)| blocks).sum::<u64>() / 100);
    undo.undo().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_corpus_is_used_again_unless_a_change_was_not_taken_back() {
    let dir = temp_dir();
    let interrupt = Interrupt::never();
    let corpora = Corpora { root: dir.path().to_owned(), interrupt: &interrupt };
    let made = corpora.ensure(Corpus::SmallSource).unwrap();
    let inode = || made.path.join("group000").metadata().unwrap().ino();
    let first = inode();
    let change = corpora.change(&made, 1).unwrap();
    corpora.take_back(&made, change).unwrap();
    corpora.ensure(Corpus::SmallSource).unwrap();
    assert_eq!(inode(), first);
    drop(corpora.change(&made, 1).unwrap());
    assert!(corpora.stamp(Corpus::SmallSource).is_none());
}

#[test]
fn the_directory_of_a_hundred_files_is_found() {
    let dir = tiny_tree();
    let (path, count) = scan::hundred_files(dir.path()).unwrap();
    assert_eq!((path, count), (dir.path().join("group000/part000"), 100));
}
