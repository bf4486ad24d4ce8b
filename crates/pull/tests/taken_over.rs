//! The puller's code is replaced by an attacker's: what it can reach from there.
//!
//! This test program is started as the puller is, confines itself as the puller does, and then tries everything.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod taken_over {
    pub(crate) mod attack;
}

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use holdfast_handover::{RingSizes, Up, VaultEnd};
use holdfast_testkit::temp_dir;

use taken_over::attack::{self, Targets};

/// Somebody who is nobody on the machines that this runs on.
const STRANGER: u32 = 54_321;

/// Another process of the same user, as the puller of another session is.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What an attacker got, run by this user: each attempt and what came of it.
fn attempts(user: Option<u32>) -> Vec<(String, String)> {
    let dir = temp_dir();
    let file = |name: &str| {
        let path = dir.path().join(name);
        fs::write(&path, "secret").unwrap();
        path
    };
    let files = ["key", "config", "holdfast.db"].map(file);
    // Where the tests' own folders lie, nothing may be executable.
    let programs = tempfile::tempdir().unwrap();
    let program = programs.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for folder in [dir.path(), programs.path()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = dir.path().join("socket");
    let _unix = UnixListener::bind(&socket).unwrap();
    if let Some(user) = user {
        // As where the server runs as a user of its own: all that is its is the attacker's too.
        for path in files.iter().chain([&program, &socket]) {
            chown(path, Some(user), Some(user)).unwrap();
        }
        chown(dir.path(), Some(user), Some(user)).unwrap();
    }
    let as_user = |mut command: Command| {
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        command
    };
    let mut sleeper = Command::new("sleep");
    sleeper.arg("1000");
    let other = Other(as_user(sleeper).spawn().unwrap());
    // One that a library forgot to close on exec.
    let leaked = fs::File::open(&files[0]).unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let targets = Targets {
        files: files.to_vec(),
        folder: dir.path().to_owned(),
        port: tcp.local_addr().unwrap().port(),
        socket,
        vault: std::process::id(),
        other: other.0.id(),
        leaked: leaked.as_raw_fd(),
    };
    let results = run(as_user(Command::new(&program)), &targets);
    assert_eq!(fs::read(&files[0]).unwrap(), b"secret");
    assert!(!dir.path().join("planted").exists());
    drop(leaked);
    results
}

fn run(mut command: Command, targets: &Targets) -> Vec<(String, String)> {
    command.args(["the_attacker", "--exact", "--test-threads=1"]).env_clear().env(attack::TARGETS, targets.to_text());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let (VaultEnd { mut up, down: _down }, fds) = VaultEnd::create(RingSizes::default()).unwrap();
    let mut child = fds.spawn(command).unwrap();
    let deadline = Some(Instant::now() + Duration::from_secs(60));
    let mut results = Vec::new();
    loop {
        match up.recv(deadline).unwrap() {
            Up::Message(bytes) => {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                let (attempt, result) = text.split_once('\t').unwrap();
                results.push((attempt.to_owned(), result.to_owned()));
            }
            Up::End => break,
            other => panic!("{other:?}"),
        }
    }
    child.wait().unwrap();
    results
}

/// Each must have been refused, and by the confinement: not because it was tried in a wrong way.
#[track_caller]
fn assert_nothing_worked(results: &[(String, String)]) {
    assert!(results.len() > 70, "{} attempts", results.len());
    let refused = |attempt: &str| match attempt {
        "take two gigabytes" => libc::ENOMEM,
        "use what somebody forgot to close" => libc::EBADF,
        _ => libc::EPERM,
    };
    let others: Vec<_> = results.iter().filter(|(attempt, result)| *result != refused(attempt).to_string()).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn whoever_takes_the_puller_over_reaches_nothing() {
    assert_nothing_worked(&attempts(None));
}

#[test]
fn nor_where_the_server_runs_as_a_user_that_owns_it_all() {
    if rustix::process::geteuid().is_root() {
        assert_nothing_worked(&attempts(Some(STRANGER)));
    }
}

/// Whether the attempts would work if the puller were not confined: without that, that they fail would say nothing.
#[test]
fn without_the_confinement_it_would_reach_them() {
    let dir = temp_dir();
    let path = |name: &str| -> PathBuf { dir.path().join(name) };
    fs::write(path("key"), "secret").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let _unix = UnixListener::bind(path("socket")).unwrap();
    let targets = Targets {
        files: vec![path("key")],
        folder: Path::new(dir.path()).to_owned(),
        port: tcp.local_addr().unwrap().port(),
        socket: path("socket"),
        vault: std::process::id(),
        other: std::process::id(),
        leaked: 0,
    };
    for attempt in attack::reaching(&targets) {
        assert_eq!((attempt.make)(), Ok(()), "{}", attempt.name);
    }
}

/// No test: the attacker, started by the others.
#[test]
fn the_attacker() {
    if let Some(targets) = std::env::var_os(attack::TARGETS) {
        attack::run(&Targets::of_text(targets.to_str().unwrap()));
    }
}
