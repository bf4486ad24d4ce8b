//! Roots of all kinds.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::compare::assert_same;
use crate::server::{Server, job};
use crate::tree::write;

#[test]
fn a_root_may_be_a_file_or_a_symbolic_link() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    write(&file, b"content");
    symlink(dir.path(), &link).unwrap();
    write(&dir.path().join("other"), b"x");
    let mut server = Server::default();
    let seen = server.backup(job(&[&file, &link]));
    assert_same(&server, seen.node(&file).unwrap(), &file);
    assert_same(&server, seen.node(&link).unwrap(), &link);
    assert_eq!(seen.node(dir.path()).unwrap().tree.as_ref().unwrap().0.len(), 2);
    assert_eq!(seen.problems, []);
}

#[test]
fn a_missing_root_is_reported_and_the_others_are_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let (there, missing, lost) = (dir.path().join("there"), dir.path().join("missing"), dir.path().join("no/such"));
    write(&there, b"x");
    let mut server = Server::default();
    let seen = server.backup(job(&[&missing, &there, &lost]));
    assert_same(&server, seen.node(&there).unwrap(), &there);
    assert_eq!(seen.problem_paths(), [(missing.to_str().unwrap(), "stat"), (lost.to_str().unwrap(), "open")]);
    assert!(!seen.root_digest.unwrap().memorable);
}

#[test]
fn a_session_without_any_root_that_exists_still_ends() {
    let seen = Server::default().backup(job(&[Path::new("/nonexistent one"), Path::new("/nonexistent two/x")]));
    assert!(matches!(seen.result, Some(Ok(()))), "{:?}", seen.result);
    assert_eq!(seen.root.unwrap().0.len(), 0);
    assert_eq!(seen.problems.len(), 2);
}

#[test]
fn symbolic_links_are_followed_on_the_way_to_a_root_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("real/sub")).unwrap();
    write(&dir.path().join("real/sub/file"), b"x");
    symlink("real", dir.path().join("way")).unwrap();
    let mut server = Server::default();
    let root = dir.path().join("way/sub");
    let seen = server.backup(job(&[&root]));
    assert_same(&server, seen.node(&root).unwrap(), &root);
    assert_eq!(seen.problems, []);
}

#[test]
fn a_client_that_limits_paths_follows_no_links_to_roots() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("secret/sub")).unwrap();
    fs::create_dir_all(dir.path().join("allowed")).unwrap();
    symlink("../secret", dir.path().join("allowed/way")).unwrap();
    let config = dir.path().join("agent.toml");
    write(&config, format!("paths = ['{}']", dir.path().join("allowed").display()).as_bytes());
    let options = || holdfast_agent::Options {
        config: holdfast_agent::AgentConfig::read(&config).unwrap(),
        ..crate::server::later()
    };
    let root = dir.path().join("allowed/way/sub");
    let seen = Server::default().backup_with(job(&[&root]), options(), &mut |_| ());
    assert!(seen.node(&root).is_none());
    assert_eq!(seen.problem_paths(), [(root.to_str().unwrap(), "open")]);
    let seen = Server::default().backup_with(job(&[&dir.path().join("secret")]), options(), &mut |_| ());
    assert!(seen.refused.unwrap().contains("does not allow"));
}

#[test]
fn nested_roots_are_one_tree() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
    write(&dir.path().join("a/b/c/file"), b"x");
    let mut server = Server::default();
    let seen = server.backup(job(&[&dir.path().join("a"), &dir.path().join("a/b/c"), &dir.path().join("a/none/x")]));
    assert_same(&server, seen.node(&dir.path().join("a")).unwrap(), &dir.path().join("a"));
    assert_eq!(seen.problem_paths(), [(dir.path().join("a/none/x").to_str().unwrap(), "open")]);
}

#[test]
fn paths_that_mean_something_else_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("file"), b"x");
    let seen = Server::default().backup(job(&[Path::new("relative"), &dir.path().join("../x"), dir.path()]));
    assert_eq!(seen.problems.len(), 2);
    assert!(seen.node(&dir.path().join("file")).is_some());
}

#[test]
fn another_file_system_is_an_empty_directory_if_the_backup_keeps_to_one() {
    if !Path::new("/proc/self").exists() {
        println!("skipped: /proc is not mounted");
        return;
    }
    // Everything above /proc is excluded but the way.
    let mut job = job(&[Path::new("/"), Path::new("/proc/sys/kernel/ostype")]);
    job.filter.one_file_system = true;
    job.filter.exclude_larger_than = Some(0);
    let mut server = Server { forgetful: false, ..Server::default() };
    let names: Vec<_> = fs::read_dir("/").unwrap().map(|entry| entry.unwrap().path()).collect();
    job.filter.exclude = names
        .iter()
        .filter(|path| !path.ends_with("proc") && !path.ends_with("dev"))
        .map(|path| path.display().to_string())
        .collect();
    let seen = server.backup(job);
    let proc = seen.node(Path::new("/proc")).unwrap();
    assert_eq!(proc.tree.as_ref().unwrap().0.keys().collect::<Vec<_>>(), [b"sys"], "only the way to the root in it");
    assert!(seen.node(Path::new("/proc/sys/kernel/ostype")).is_some());
    assert_eq!(seen.node(Path::new("/dev")).unwrap().tree.as_ref().unwrap().0.len(), 0);
}
