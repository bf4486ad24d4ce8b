//! The driver for rclone, against the real program and a directory as its remote.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use holdfast_model::Id;
use holdfast_store::contract::{self, Strength};
use holdfast_store::{ErrorKind, FileKind, RcloneProgram, RcloneStore, Store};
use holdfast_testkit::{Tool, process, skip, temp_dir};

use crate::servers::{chain, require};

/// Rclone answers the deletion of nothing with 200, and replaces what another wrote since we looked.
const STRENGTH: Strength = Strength { noticed_removal: false, exclusive_put: false };

fn rclone() -> Option<RcloneProgram> {
    let program = Tool::Rclone.require()?.display().to_string();
    let arguments = "serve restic --stdio --b2-hard-delete --config=/dev/null".to_owned();
    Some(RcloneProgram { program, arguments, ..RcloneProgram::default() })
}

/// An rclone on the path that is too old to listen on sockets.
fn old_rclone() -> Option<RcloneProgram> {
    let program = require("rclone")?.display().to_string();
    let said = std::process::Command::new(&program).arg("version").output().unwrap().stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let minor = said.strip_prefix("rclone v1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if minor.is_none_or(|minor| minor >= 61) {
        skip("needs an rclone before 1.61 on the path, as Debian 12 has it");
        return None;
    }
    let arguments = "serve restic --stdio --b2-hard-delete --config=/dev/null".to_owned();
    Some(RcloneProgram { program, arguments, ..RcloneProgram::default() })
}

/// Processes with this text in their command line, the shells before what they started.
fn running(text: &str) -> Vec<u32> {
    let numbers =
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<u32> = numbers
        .filter(|pid| {
            let line = process::command_line(*pid);
            line.iter().any(|word| word.contains(text)) && line.iter().any(|word| word == "serve")
        })
        .collect();
    found.sort_unstable();
    found
}

/// Whether a process with this text in its command line runs.
fn runs(text: &str) -> bool {
    !running(text).is_empty()
}

/// The port that a process listens on, on the loopback.
fn listens_on(pid: u32) -> Option<u16> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let sockets: Vec<String> =
        open.filter_map(|fd| Some(std::fs::read_link(fd.path()).ok()?.display().to_string())).collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let own = sockets.contains(&format!("socket:[{}]", fields[9]));
        let port = fields[1].strip_prefix("0100007F:").filter(|_| own && fields[3] == "0A")?;
        u16::from_str_radix(port, 16).ok()
    })
}

/// The first line that a server answers to a request without a login.
fn answer_to_a_stranger(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /config HTTP/1.0\r\n\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
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
fn an_old_rclone_serves_nobody_else_on_a_port_of_the_loopback() {
    let dir = temp_dir();
    let Some(how) = old_rclone() else { return };
    let remote = dir.path().join("remote").display().to_string();
    let store = RcloneStore::start(&remote, &how, 5).unwrap();
    contract::run(&store, STRENGTH);
    let found = running(&remote);
    let port = found.iter().find_map(|pid| listens_on(*pid)).expect("a port on 127.0.0.1");
    assert!(answer_to_a_stranger(port).contains(" 401 "));
    for pid in found {
        let (words, environment) = (process::command_line(pid), process::environment(pid));
        for name in ["RCLONE_USER=", "RCLONE_PASS="] {
            let secret = environment.iter().find_map(|variable| variable.strip_prefix(name)).expect(name);
            assert!(secret.len() == 32 && !words.iter().any(|word| word.contains(secret)), "{words:?}");
        }
    }
    drop(store);
    gone_soon(&remote);
}

#[test]
fn what_an_old_rclone_complains_of_is_told() {
    let Some(how) = old_rclone() else { return };
    let error = RcloneStore::start("no-such-remote:path", &how, 5).unwrap_err();
    assert!(
        chain(&error).contains("rclone has ended") && chain(&error).contains("no-such-remote"),
        "{}",
        chain(&error)
    );
}

#[test]
fn where_a_path_is_too_long_for_a_socket_a_port_serves_too() {
    const CHILD: &str = "HOLDFAST_TEST_RCLONE_DEEP";
    let Some(how) = rclone() else { return };
    if let Ok(remote) = std::env::var(CHILD) {
        let store = RcloneStore::start(&remote, &how, 5).unwrap();
        store.create().unwrap();
        store.put(FileKind::Key, &Id::new([7; 32]), &[b"x"]).unwrap();
        return;
    }
    let dir = temp_dir();
    let deep = dir.path().join("d".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let remote = dir.path().join("remote");
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "rclone::where_a_path_is_too_long_for_a_socket_a_port_serves_too"])
        // A proxy must not come between.
        .envs([(CHILD, remote.as_path()), ("TMPDIR", &deep), ("HTTP_PROXY", Path::new("http://127.0.0.1:1"))])
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    assert!(remote.join("keys").join(Id::new([7; 32]).to_string()).is_file());
    assert_eq!(std::fs::read_dir(&deep).unwrap().count(), 0, "a folder is left");
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
