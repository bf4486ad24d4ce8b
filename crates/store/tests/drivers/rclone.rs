//! The driver for rclone, against the real program and a directory as its remote.

use std::path::Path;
use std::time::{Duration, Instant};

use holdfast_model::Id;
use holdfast_store::contract::{self, Strength};
use holdfast_store::{ErrorKind, FileKind, RcloneProgram, RcloneStore, Store};
use holdfast_testkit::{Tool, temp_dir};

use crate::servers::chain;

/// Rclone answers the deletion of nothing with 200, and replaces what another wrote since we looked.
const STRENGTH: Strength = Strength { noticed_removal: false, exclusive_put: false };

fn rclone() -> Option<RcloneProgram> {
    let program = Tool::Rclone.require()?.display().to_string();
    let arguments = "serve restic --stdio --b2-hard-delete --config=/dev/null".to_owned();
    Some(RcloneProgram { program, arguments, ..RcloneProgram::default() })
}

/// Whether a process with this text in its command line runs.
fn runs(text: &str) -> bool {
    let lines = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
    lines.filter_map(|path| std::fs::read(path).ok()).any(|line| {
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains(text) && line.contains("serve")
    })
}

fn gone_soon(text: &str) {
    let start = Instant::now();
    while runs(text) {
        assert!(start.elapsed() < Duration::from_secs(10), "it still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn rclone_keeps_the_contract_and_ends_with_the_store() {
    let dir = temp_dir();
    let Some(how) = rclone() else { return };
    let remote = dir.path().join("remote").display().to_string();
    let store = RcloneStore::start(&remote, &how, 5).unwrap();
    contract::run(&store, STRENGTH);
    assert!(runs(&remote));
    assert!(Path::new(&remote).join("data").is_dir());
    drop(store);
    gone_soon(&remote);
}

#[test]
fn packs_lie_where_restic_looks_for_them() {
    let dir = temp_dir();
    let Some(how) = rclone() else { return };
    let store = RcloneStore::start(dir.path().to_str().unwrap(), &how, 5).unwrap();
    let id = Id::new([0xab; 32]);
    store.create().unwrap();
    store.put(FileKind::Pack, &id, &[b"x"]).unwrap();
    assert!(dir.path().join("data/ab").join(id.to_string()).is_file());
}

#[test]
fn what_rclone_complains_of_is_told_without_secrets() {
    let Some(how) = rclone() else { return };
    let error = RcloneStore::start("no-such-remote:path", &how, 5).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permanent);
    assert!(
        chain(&error).contains("rclone has ended") && chain(&error).contains("no-such-remote"),
        "{}",
        chain(&error)
    );
    let error = RcloneStore::start(":nosuchkind,pass=hunter2:path", &how, 5).unwrap_err();
    assert!(!chain(&error).contains("hunter2"), "{}", chain(&error));
}

#[test]
fn rclone_ends_when_its_user_is_killed() {
    const CHILD: &str = "HOLDFAST_TEST_RCLONE_CHILD";
    let Some(how) = rclone() else { return };
    if let Ok(remote) = std::env::var(CHILD) {
        let _store = RcloneStore::start(&remote, &how, 5).unwrap();
        println!("it serves");
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let dir = temp_dir();
    let remote = dir.path().join("killed").display().to_string();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "rclone::rclone_ends_when_its_user_is_killed", "--nocapture"])
        .env(CHILD, &remote)
        .env("TMPDIR", dir.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().contains("it serves")));
    assert!(runs(&remote));
    child.kill().unwrap();
    child.wait().unwrap();
    gone_soon(&remote);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty() || left == [Path::new(&remote)], "{left:?}");
}
