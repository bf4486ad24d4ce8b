//! The driver for SFTP, against OpenSSH's server: alone behind pipes, and behind a real sshd and ssh.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_model::Id;
use holdfast_store::contract::{self, Strength};
use holdfast_store::{ErrorKind, FileKind, LocalStore, Place, RetryStore, SftpStore, SshProgram, Store};
use holdfast_testkit::{Sshd, skip, temp_dir};

use crate::servers::{chain, require};

fn id(first: u8) -> Id {
    Id::new([first; 32])
}

fn store(text: &str, how: &SshProgram) -> SftpStore {
    let Place::Sftp(place) = text.parse().unwrap() else { panic!("{text} is not SFTP") };
    SftpStore::new(&place, how)
}

/// OpenSSH's SFTP server.
fn sftp_server() -> Option<String> {
    const PLACES: [&str; 3] =
        ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"];
    let found = std::env::var("HOLDFAST_SFTP_SERVER").ok();
    let found = found.or_else(|| PLACES.iter().find(|place| Path::new(place).exists()).map(|p| (*p).to_owned()));
    if found.is_none() {
        skip("needs sftp-server; HOLDFAST_SFTP_SERVER may name it");
    }
    found
}

/// A store in `dir` through the server alone, started by a shell command in which `SERVER` stands for it.
fn piped(dir: &Path, command: &str) -> Option<SftpStore> {
    let command = Some(format!("sh -c '{}'", command.replace("SERVER", &sftp_server()?)));
    Some(store(&format!("sftp:nobody:{}", dir.display()), &SshProgram { command, ..SshProgram::default() }))
}

/// Paths of all files beneath a directory.
fn files(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn opensshs_server_keeps_the_contract() {
    let dir = temp_dir();
    let Some(store) = piped(&dir.path().join("deep/repo"), "exec SERVER") else { return };
    contract::run(&store, Strength::FULL);
    assert_eq!(files(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn the_layout_and_modes_are_those_of_the_local_driver() {
    let dir = temp_dir();
    let Some(remote) = piped(&dir.path().join("repo"), "umask 0; exec SERVER") else { return };
    let local = LocalStore::new(dir.path().join("repo"));
    remote.create().unwrap();
    for kind in FileKind::ALL {
        remote.put(kind, &id(7), &[b"far ", b"away"]).unwrap();
        assert_eq!(local.read(kind, &id(7)).unwrap(), b"far away"[..]);
        let (far, near) = (remote.list(kind).unwrap(), local.list(kind).unwrap());
        assert_eq!((far[0].id, far[0].size), (near[0].id, near[0].size));
        assert_eq!(far[0].modified.unwrap().seconds, near[0].modified.unwrap().seconds);
    }
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    for file in files(dir.path()) {
        assert_eq!(mode(file), 0o400);
    }
    assert_eq!(mode(dir.path().join("repo")), 0o700);
    assert_eq!(mode(dir.path().join("repo/data/07")), 0o700);
}

#[test]
fn a_missing_root_is_not_found_but_missing_folders_are_empty() {
    let dir = temp_dir();
    let Some(gone) = piped(&dir.path().join("gone"), "exec SERVER") else { return };
    let Some(bare) = piped(dir.path(), "exec SERVER") else { return };
    for kind in FileKind::ALL {
        assert_eq!(gone.list(kind).unwrap_err().kind(), ErrorKind::NotFound, "{kind:?}");
        assert_eq!(gone.put(kind, &id(1), &[b"x"]).unwrap_err().kind(), ErrorKind::NotFound, "{kind:?}");
        assert_eq!(bare.list(kind).unwrap(), []);
    }
    assert!(!dir.path().join("gone").exists());
    for kind in FileKind::ALL {
        bare.put(kind, &id(1), &[b"x"]).unwrap();
    }
    assert_eq!(files(dir.path()).len(), 6);
}

#[test]
fn file_and_folder_are_synced_before_and_after_the_name_is_given() {
    let dir = temp_dir();
    let Some(_strace) = require("strace") else { return };
    let log = dir.path().join("log");
    let traced = format!("exec strace -y -o {} -e trace=fsync,link,rename SERVER", log.display());
    let Some(store) = piped(&dir.path().join("repo"), &traced) else { return };
    store.create().unwrap();
    let before = fs::read_to_string(&log).unwrap().lines().count();
    store.put(FileKind::Pack, &id(0xab), &[&[7; 100_000]]).unwrap();
    drop(store);
    let calls: Vec<String> = fs::read_to_string(&log).unwrap().lines().skip(before).map(str::to_owned).collect();
    let position = |needle: &str, end: &str| {
        let found = calls.iter().position(|call| call.starts_with(needle) && call.contains(end));
        found.unwrap_or_else(|| panic!("{needle}…{end} is not among {calls:#?}"))
    };
    let synced = position("fsync", "-tmp-holdfast-");
    let named = position("link", "-tmp-holdfast-");
    let folder = position("fsync", "data/ab>");
    assert!(synced < named && named < folder, "{calls:#?}");
}

#[test]
fn the_folder_of_a_file_that_is_there_already_is_synced() {
    let dir = temp_dir();
    let Some(_strace) = require("strace") else { return };
    let log = dir.path().join("log");
    let traced = format!("exec strace -y -o {} -e trace=fsync SERVER", log.display());
    let Some(store) = piped(&dir.path().join("repo"), &traced) else { return };
    store.create().unwrap();
    store.put(FileKind::Pack, &id(0xab), &[b"content"]).unwrap();
    let before = fs::read_to_string(&log).unwrap().lines().count();
    // The link broke before the first try's folder was synced; this is the second.
    assert_eq!(store.put(FileKind::Pack, &id(0xab), &[b"content"]).unwrap_err().kind(), ErrorKind::AlreadyExists);
    drop(store);
    let calls = fs::read_to_string(&log).unwrap();
    assert!(calls.lines().skip(before).any(|call| call.contains("data/ab>")), "{calls}");
}

#[test]
fn a_failed_sync_or_write_on_the_server_is_a_failure_and_leaves_no_file() {
    let Some(_strace) = require("strace") else { return };
    for (injection, kind) in [
        ("fsync:error=EIO:when=1", ErrorKind::Permanent),
        ("fsync:error=EIO:when=2", ErrorKind::Permanent),
        ("lseek:error=EIO:when=2+", ErrorKind::Permanent),
        ("link:error=EACCES:when=1", ErrorKind::Denied),
    ] {
        let dir = temp_dir();
        let Some(plain) = piped(dir.path(), "exec SERVER") else { return };
        plain.create().unwrap();
        let (call, _) = injection.split_once(':').unwrap();
        let traced = format!("exec strace -o /dev/null -e trace={call} -e inject={injection} SERVER");
        let Some(store) = piped(dir.path(), &traced) else { return };
        let error = store.put(FileKind::Pack, &id(1), &[b"content"]).expect_err(injection);
        assert_eq!(error.kind(), kind, "{injection}: {}", chain(&error));
        assert_eq!(files(dir.path()), [] as [PathBuf; 0], "{injection}");
    }
}

#[test]
fn a_full_disk_is_told_apart() {
    let dir = temp_dir();
    let probe = Command::new("unshare").args(["-m", "true"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        skip("needs the right to make a mount namespace");
        return;
    }
    let mounted =
        format!("exec unshare -m sh -c \"mount -t tmpfs -o size=300k none {} && exec SERVER\"", dir.path().display());
    let Some(store) = piped(dir.path(), &mounted) else { return };
    store.create().unwrap();
    let error = store.put(FileKind::Pack, &id(1), &[&[1; 2_000_000]]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{}", chain(&error));
    assert_eq!(store.list(FileKind::Pack).unwrap(), []);
    store.put(FileKind::Pack, &id(2), &[&[1; 1_000]]).unwrap();
}

#[test]
fn a_lost_connection_is_transient_and_the_next_call_connects_again() {
    let dir = temp_dir();
    let pid = dir.path().join("pid");
    let Some(store) = piped(dir.path(), &format!("echo $$ >{}; exec SERVER", pid.display())) else { return };
    store.create().unwrap();
    store.put(FileKind::Key, &id(1), &[b"x"]).unwrap();
    for _ in 0..3 {
        let server = fs::read_to_string(&pid).unwrap();
        assert!(Command::new("kill").arg("-9").arg(server.trim()).status().unwrap().success());
        let kinds: Vec<_> = (0..2).map(|_| store.list(FileKind::Key).map_err(|error| error.kind())).collect();
        assert!(matches!(&kinds[0], Err(ErrorKind::Transient) | Ok(_)), "{kinds:?}");
        assert_eq!(kinds[1].as_ref().unwrap().len(), 1);
    }
}

#[test]
fn what_stands_in_for_a_server_cannot_confuse_us() {
    let dir = temp_dir();
    for (command, kind, words) in [
        ("echo Welcome to this machine, it greets you", ErrorKind::Transient, "ended"),
        ("echo ssh: connect to host x port 22: Connection refused >&2; exit 255", ErrorKind::Transient, "refused"),
        ("echo ann@x: Permission denied \\(publickey\\). >&2; exit 255", ErrorKind::Denied, "publickey"),
        ("printf \"\\\\0\\\\0\\\\0\\\\5\\\\2\\\\0\\\\0\\\\0\\\\6\"; sleep 5", ErrorKind::Permanent, "version 6"),
        ("printf \"\\\\377\\\\377\\\\377\\\\377\\\\2\"; exec cat", ErrorKind::Transient, "ended"),
    ] {
        let Some(store) = piped(dir.path(), command) else { return };
        let error = store.list(FileKind::Key).unwrap_err();
        assert_eq!(error.kind(), kind, "{command}: {}", chain(&error));
        assert!(chain(&error).contains(words), "{command}: {}", chain(&error));
    }
    let how = SshProgram { command: Some("/nowhere/ssh".to_owned()), ..SshProgram::default() };
    let error = store("sftp:nobody:/x", &how).list(FileKind::Key).unwrap_err();
    assert!(chain(&error).contains("/nowhere/ssh"), "{}", chain(&error));
}

#[test]
fn old_leftovers_are_swept_and_young_ones_are_not() {
    let dir = temp_dir();
    let Some(store) = piped(dir.path(), "exec SERVER") else { return };
    store.create().unwrap();
    let local = LocalStore::new(dir.path());
    local.leave_torn(FileKind::Pack, &id(1), &[b"half"]).unwrap();
    assert_eq!(store.sweep().unwrap(), 0);
    let age = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
    fs::File::open(&files(dir.path())[0]).unwrap().set_modified(age).unwrap();
    assert_eq!(store.sweep().unwrap(), 1);
    assert_eq!(files(dir.path()), [] as [PathBuf; 0]);
}

/// A real sshd, and a store in its own directory. (A relative path would lead into the home directory that the machine's
/// tables name.)
fn sshd() -> Option<(Sshd, SftpStore)> {
    let sshd = Sshd::builder().config("Subsystem sftp internal-sftp").start()?;
    let how = SshProgram { arguments: Some(sshd.ssh_arguments().join(" ")), ..SshProgram::default() };
    let store = store(&format!("sftp:{}", sshd.source(sshd.home().join("repo"))), &how);
    Some((sshd, store))
}

#[test]
fn a_real_sshd_keeps_the_contract() {
    let Some((sshd, store)) = sshd() else { return };
    contract::run(&store, Strength::FULL);
    assert!(sshd.home().join("repo/snapshots").is_dir());
}

#[test]
fn connections_that_are_cut_are_made_again() {
    let Some((sshd, store)) = sshd() else { return };
    store.create().unwrap();
    store.put(FileKind::Key, &id(1), &[b"x"]).unwrap();
    sshd.cut();
    let patient = RetryStore::new(store);
    assert_eq!(patient.list(FileKind::Key).unwrap().len(), 1);
}

#[test]
fn what_ssh_refuses_is_refused_in_its_words() {
    let Some((sshd, store)) = sshd() else { return };
    sshd.expect_another_host_key();
    let error = store.list(FileKind::Key).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{}", chain(&error));
    assert!(chain(&error).contains("Host key verification failed"), "{}", chain(&error));
    let Some((sshd, store)) = self::sshd() else { return };
    fs::remove_file(sshd.client_key()).unwrap();
    let error = store.list(FileKind::Key).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{}", chain(&error));
    assert!(chain(&error).contains("Permission denied"), "{}", chain(&error));
}
