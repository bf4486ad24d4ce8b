//! What a filter leaves out, as restic decides it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use holdfast_wire::Filter;

use crate::server::{Server, Tree, job};
use crate::tree::{noise, write};

/// Paths of everything that is backed up, relative to the directory.
fn kept(dir: &Path, roots: &[&Path], filter: Filter) -> BTreeSet<String> {
    let seen = Server::default().backup(holdfast_wire::BackupJob { filter, ..job(roots) });
    assert_eq!(seen.problems, []);
    let mut found = BTreeSet::new();
    if let Some(node) = seen.node(dir) {
        collect(node.tree.as_ref().unwrap(), "", &mut found);
    }
    found
}

fn collect(tree: &Tree, prefix: &str, found: &mut BTreeSet<String>) {
    for (name, node) in &tree.0 {
        let path = format!("{prefix}{}", std::ffi::OsStr::from_bytes(name).display());
        if let Some(tree) = &node.tree {
            collect(tree, &format!("{path}/"), found);
        }
        found.insert(path);
    }
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

fn sample() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in ["a/b", "cache/deep", "Logs"] {
        fs::create_dir_all(dir.path().join(path)).unwrap();
    }
    for path in ["a/one.log", "a/two.txt", "a/b/three.LOG", "cache/deep/x", "cache/y", "Logs/z"] {
        write(&dir.path().join(path), b"0123456789");
    }
    dir
}

#[test]
fn patterns_exclude_files_and_whole_directories() {
    let dir = sample();
    let filter = Filter { exclude: vec!["*.log".into(), "cache".into(), "!cache/y".into()], ..Filter::default() };
    let expected = set(&["a", "a/b", "a/b/three.LOG", "a/two.txt", "Logs", "Logs/z"]);
    assert_eq!(kept(dir.path(), &[dir.path()], filter), expected);
    let filter = Filter { iexclude: vec!["*.log".into(), "logs".into()], ..Filter::default() };
    let expected = set(&["a", "a/b", "a/two.txt", "cache", "cache/deep", "cache/deep/x", "cache/y"]);
    assert_eq!(kept(dir.path(), &[dir.path()], filter), expected);
}

#[test]
fn a_root_is_never_excluded_itself_but_what_is_in_it_is() {
    let dir = sample();
    let filter = Filter { exclude: vec!["cache".into(), "Logs".into()], ..Filter::default() };
    let roots = [dir.path(), &dir.path().join("cache/deep"), &dir.path().join("Logs/z")];
    let found = kept(dir.path(), &roots, filter);
    assert!(["cache", "cache/deep", "Logs", "Logs/z"].iter().all(|path| found.contains(*path)), "{found:?}");
    assert!(["cache/deep/x", "cache/y"].iter().all(|path| !found.contains(*path)), "{found:?}");
}

#[test]
fn an_excluded_directory_is_but_the_way_to_a_root_in_it() {
    let dir = sample();
    let filter = Filter { exclude: vec!["cache".into(), "!deep".into()], ..Filter::default() };
    let found = kept(dir.path(), &[dir.path(), &dir.path().join("cache/deep")], filter);
    assert!(found.contains("cache/deep/x") && !found.contains("cache/y"), "{found:?}");
}

#[test]
fn a_tag_keeps_only_itself() {
    let dir = sample();
    write(&dir.path().join("a/.nobackup"), b"please");
    write(&dir.path().join("cache/CACHEDIR.TAG"), b"Signature: 8a477f597d28d172789f06886806bc55\n");
    let filter = Filter {
        exclude_if_present: vec![".nobackup:plea".into(), "two.txt:other".into()],
        exclude_caches: true,
        ..Filter::default()
    };
    let expected = set(&["a", "a/.nobackup", "cache", "cache/CACHEDIR.TAG", "Logs", "Logs/z"]);
    assert_eq!(kept(dir.path(), &[dir.path()], filter), expected);
}

#[test]
fn larger_files_are_left_out() {
    let dir = sample();
    write(&dir.path().join("large"), &noise(11, 1));
    let filter = Filter { exclude_larger_than: Some(10), ..Filter::default() };
    let found = kept(dir.path(), &[dir.path()], filter.clone());
    assert!(found.contains("cache/y") && !found.contains("large"));
    assert!(kept(dir.path(), &[dir.path(), &dir.path().join("large")], filter).contains("large"), "but no root is");
}
