//! Patterns: of a tree of files, the same must be chosen by includes, and left out by excludes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use holdfast_model::pattern::PatternList;
use serde_json::Value;

use crate::{repository, restic};

const FILES: &[&[u8]] = &[
    b"/etc/passwd",
    b"/etc/ssl/certs/a.pem",
    b"/etc/ssl/b.PEM",
    b"/home/alice/.cache/x/y",
    b"/home/alice/work/a.go",
    b"/home/alice/work/deep/er/a.go",
    b"/home/alice/work/deep/er/still/a.c",
    b"/home/bob/.cache/x",
    b"/home/bob/Work/b.go",
    b"/home/bob/important.tmp",
    b"/home/bob/trash.tmp",
    b"/odd/[brackets]",
    b"/odd/a*b",
    b"/odd/back\\slash",
    b"/odd/caf\xc3\xa9",
    b"/odd/CAF\xc3\x89",
    b"/odd/caf\xe9",
    b"/odd/!not",
    b"/odd/-dash",
    b"/odd/sp ace",
    b"/odd/\xc4\xb0\xce\xa3",
    b"/a/b/m/z",
    b"/a/m/b/z",
    b"/a/b/m/b/z",
    b"/a/m/z",
    b"/a/z",
    b"/b/a/b/c/a/z",
];

/// Lists of patterns, separated by spaces.
const LISTS: &[&str] = &[
    "*.go",
    "*.tmp !important.tmp",
    "/home",
    "/home/",
    "/home/*",
    "/home/*/work",
    "home/**/a.go",
    "/home/**/a.go",
    "/home/**/still/*",
    "**/.cache/**",
    "**",
    "/**",
    "/",
    "*",
    "/*",
    "!*",
    "/home/**/* !/home/alice",
    "/home !/home/alice/work",
    "/home/alice /home/bob !*.go",
    "!*.go *.go",
    "work/deep",
    "work/*/er/..",
    "./etc//ssl/",
    "../etc",
    "/../etc",
    "caf?",
    "caf[à-ï]",
    "café",
    "CAFÉ",
    "caf*",
    "c[^b]f?",
    "i?",
    "\\[brack*",
    "[[]b*]",
    "a\\*b",
    "back\\\\slash",
    "?dash [!]not",
    "[\\-!]*",
    "*.[pP]?[mM]",
    "*.pem",
    "z",
    "/a/**/z",
    "/a/**/m/**/z",
    "a/**/m/**/z",
    "a/**/b/**/a/**/z",
    "/a/**/**/z",
    "**/**/**/z",
    "/a/*/m",
    "a/b/*",
    "/*/*/*/?",
    "a/?",
    "m/**",
];

fn run(program: &str, repository: &Path, dir: &Path, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(["--no-cache", "--no-lock", "--json", "-vv", "--repo"])
        .arg(repository)
        .args(args)
        .current_dir(dir)
        .env("RESTIC_PASSWORD", repository::PASSWORD)
        .output()
        .expect("restic can be started");
    assert!(output.status.success(), "restic {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The files that restic would restore.
fn theirs(program: &str, repository: &Path, option: &str, patterns: &str) -> BTreeSet<String> {
    let mut args = vec!["restore", "latest", "--target", "out", "--dry-run"];
    args.extend(patterns.split(' ').flat_map(|pattern| [option, pattern]));
    let output = run(program, repository, repository, &args);
    let files: BTreeSet<_> = FILES.iter().map(|file| text(file)).collect();
    let lines = output.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let events = lines.map(|line| serde_json::from_slice::<Value>(line).expect("restic prints JSON"));
    let items = events.filter_map(|event| event["item"].as_str().map(str::to_owned));
    items.filter(|item| files.contains(item)).collect()
}

/// As restic shows it.
fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn ours(option: &str, patterns: &str) -> BTreeSet<String> {
    let list = PatternList::parse(patterns.split(' '), option.starts_with("--i") && option != "--include");
    let list = list.expect("the patterns are well formed");
    let ends = |path: &[u8]| (1..=path.len()).filter(|&end| path.get(end).is_none_or(|&byte| byte == b'/')).collect();
    let chosen = |path: &&&[u8]| {
        let mut ends: Vec<usize> = ends(path);
        let file = ends.pop().expect("a path has a component");
        if option.ends_with("exclude") {
            return !ends.iter().any(|&end| list.matches(&path[..end])) && !list.matches(&path[..file]);
        }
        ends.iter().all(|&end| list.child_may_match(&path[..end])) && list.matches(&path[..file])
    };
    FILES.iter().filter(chosen).map(|file| text(file)).collect()
}

#[test]
fn the_same_files_are_chosen_as_by_restic() {
    let Some(program) = restic() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (repository, source) = (dir.path().join("repository"), dir.path().join("source"));
    repository::create(&repository, &[]);
    for file in FILES {
        let path = source.join(OsStr::from_bytes(&file[1..]));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    run(&program, &repository, &source, &["backup", "."]);
    for patterns in LISTS {
        for option in ["--include", "--exclude"] {
            let (ours, theirs) = (ours(option, patterns), theirs(&program, &repository, option, patterns));
            assert_eq!(ours, theirs, "{option} {patterns} (ours, theirs)");
        }
    }
    for patterns in LISTS.iter().filter(|patterns| patterns.contains(|c: char| c.is_alphabetic() && c != 'z')) {
        let (ours, theirs) = (ours("--iinclude", patterns), theirs(&program, &repository, "--iinclude", patterns));
        assert_eq!(ours, theirs, "--iinclude {patterns} (ours, theirs)");
    }
}
