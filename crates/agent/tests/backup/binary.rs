//! The program itself: what it opens, what it leaves, what it says when it fails.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::compare::assert_same;
use crate::process::Agent;
use crate::server::{Server, job};
use crate::tree::{everything, set_mtime, write};

#[test]
fn a_backup_through_pipes_is_the_same_as_in_process() {
    let dir = tempfile::tempdir().unwrap();
    everything(dir.path());
    for compress in [false, true] {
        let mut server = Server { window: Some(10 << 20), ..Server::default() };
        let mut agent = Agent::start(&[], |_| ());
        let seen = agent.backup(&mut server, holdfast_wire::BackupJob { compress, ..job(&[dir.path()]) });
        assert!(agent.child.wait().unwrap().success());
        assert_same(&server, seen.node(dir.path()).unwrap(), dir.path());
    }
}

#[test]
fn a_second_run_opens_no_regular_file() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("skipped: strace is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("tree")).unwrap();
    everything(&dir.path().join("tree"));
    let trace = dir.path().join("trace");
    let mut server = Server::default();
    let root = dir.path().join("tree");
    server.backup(job(&[&root]));
    let mut strace = Command::new("strace");
    // A file for each thread: lines of several would run into each other.
    strace.args(["-ff", "-y", "-e", "trace=open,openat,openat2", "-o"]).arg(&trace);
    strace.arg(env!("CARGO_BIN_EXE_holdfast-agent"));
    let mut agent = Agent::start_as(strace, &[], |_| ());
    let seen = agent.backup(&mut server, job(&[&root]));
    agent.child.wait().unwrap();
    assert_eq!(seen.files_wanted, 0);
    let mut directories = 0;
    for file in fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if !file.file_name().unwrap().as_encoded_bytes().starts_with(b"trace.") {
            continue;
        }
        let text = fs::read_to_string(file).unwrap();
        for line in text.lines().filter(|line| line.contains(root.to_str().unwrap()) && !line.contains(") = -1")) {
            assert!(line.contains("O_DIRECTORY"), "{line}");
            directories += 1;
        }
    }
    assert!(directories > 200, "the trace is one of the walk: {directories}");
}

#[test]
fn a_log_of_sent_chunks_holds_each_of_them() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("one"), b"content");
    write(&dir.path().join("same"), b"content");
    let log = dir.path().join("log");
    let mut server = Server::default();
    let mut agent = Agent::start(&["--send-log", log.to_str().unwrap()], |_| ());
    let roots = [&*dir.path().join("one"), &dir.path().join("same")];
    let seen = agent.backup(&mut server, job(&roots));
    agent.child.wait().unwrap();
    let id = seen.node(roots[0]).unwrap().content[0].id;
    assert_eq!(fs::read_to_string(log).unwrap(), format!("{id} 7\n"));
}

#[test]
fn an_ephemeral_agent_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let program = home.join("agent");
    fs::copy(env!("CARGO_BIN_EXE_holdfast-agent"), &program).unwrap();
    write(&dir.path().join("file"), b"x");
    let mut server = Server::default();
    let arguments = ["--ephemeral", home.to_str().unwrap()];
    let mut agent = Agent::start_as(Command::new(&program), &arguments, |_| ());
    let mut there = true;
    let end = agent.end();
    let seen = server.session(end, job(&[&dir.path().join("file")]), &mut |_| there &= home.exists());
    assert!(agent.child.wait().unwrap().success());
    assert!(!there && seen.node(&dir.path().join("file")).is_some());
}

#[test]
fn the_program_ends_when_its_input_does() {
    let mut agent = Agent::start(&[], |command| _ = command.stderr(Stdio::piped()));
    drop(agent.child.stdin.take());
    let status = agent.child.wait().unwrap();
    let mut said = String::new();
    agent.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(1), "holdfast-agent: the connection to the server is closed\n"));
}

#[test]
fn bytes_that_are_no_protocol_end_it_with_a_sentence() {
    let mut agent = Agent::start(&[], |command| _ = command.stderr(Stdio::piped()));
    agent.child.stdin.take().unwrap().write_all(b"SSH-2.0-OpenSSH_9\r\nhello there").unwrap();
    assert_eq!(agent.child.wait().unwrap().code(), Some(1));
    let mut said = String::new();
    agent.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("not the protocol"), "{said}");
}

#[test]
fn the_program_explains_itself() {
    let run = |argument: &str| Command::new(env!("CARGO_BIN_EXE_holdfast-agent")).arg(argument).output().unwrap();
    assert!(run("--help").stdout.starts_with(b"holdfast-agent: "));
    assert!(run("--version").stdout.starts_with(b"holdfast-agent 0."));
    let wrong = run("--nonsense");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stderr.starts_with(b"--nonsense is not known"));
}

#[test]
fn access_times_are_left_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    write(&file, b"content");
    set_mtime(&file, 1000, 0);
    let accessed = |path| fs::metadata(path).unwrap().accessed().unwrap();
    let (of_file, of_dir) = (accessed(file.as_path()), accessed(dir.path()));
    let seen = Server::default().backup(job(&[dir.path()]));
    assert_eq!(seen.files_wanted, 1);
    assert_eq!((accessed(file.as_path()), accessed(dir.path())), (of_file, of_dir));
}
