//! The handover between two real processes. Each test starts its own program again, as the puller.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use holdfast_handover::{Counters, Down, ErrorKind, FailureKind, PullerEnd, PullerFds, RingSizes, Up, VaultEnd};

const ROLE: &str = "HANDOVER_TEST_PULLER";

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
}

/// Starts the test of that name again, as a puller.
fn start(test: &str) -> (VaultEnd, Child) {
    let (vault, fds) = VaultEnd::create(RingSizes::default()).unwrap();
    (vault, fds.spawn(puller_of(test)).unwrap())
}

fn puller_of(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env(ROLE, "1").stdout(Stdio::null());
    command
}

/// The puller's end, in the process that was started as one.
fn as_puller() -> Option<PullerEnd> {
    std::env::var_os(ROLE)?;
    let argument = std::env::args().next_back().unwrap();
    let end = PullerEnd::from_fds(PullerFds::from_argument(&argument).unwrap()).unwrap();
    assert!(PullerFds::from_argument(&argument).is_err(), "the descriptors were taken twice");
    Some(end)
}

#[test]
fn records_pass_between_processes() {
    if let Some(mut puller) = as_puller() {
        let mut received = 0;
        loop {
            match puller.down.recv(soon()).unwrap() {
                Down::Message(bytes) => puller.up.send(Up::Message(bytes), soon()).unwrap(),
                Down::Data(bytes) => {
                    received += bytes.len() as u64;
                    puller.up.send(Up::Data(bytes), soon()).unwrap();
                }
                Down::Close => break,
            }
        }
        puller.up.send(Up::Counters(Counters { received, sent: 0 }), soon()).unwrap();
        puller.up.send(Up::Noise(b"motd"), soon()).unwrap();
        puller.up.send(Up::Failed { kind: FailureKind::Io, text: "broken pipe" }, soon()).unwrap();
        puller.up.send(Up::End, soon()).unwrap();
        return;
    }
    let (vault, mut child) = start("records_pass_between_processes");
    let (mut up, mut down) = (vault.up, vault.down);
    let data: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    let writer = std::thread::spawn({
        let data = data.clone();
        move || {
            for len in (1..data.len()).step_by(1009) {
                down.send(Down::Message(&data[..len.min(5)]), soon()).unwrap();
                down.send(Down::Data(&data[..len]), soon()).unwrap();
            }
            down.send(Down::Close, soon()).unwrap();
            down
        }
    });
    let mut total = 0;
    for len in (1..data.len()).step_by(1009) {
        assert_eq!(up.recv(soon()).unwrap(), Up::Message(&data[..len.min(5)]));
        assert_eq!(up.recv(soon()).unwrap(), Up::Data(&data[..len]));
        total += len as u64;
    }
    assert_eq!(up.recv(soon()).unwrap(), Up::Counters(Counters { received: total, sent: 0 }));
    assert_eq!(up.recv(soon()).unwrap(), Up::Noise(b"motd"));
    assert_eq!(up.recv(soon()).unwrap(), Up::Failed { kind: FailureKind::Io, text: "broken pipe" });
    assert_eq!(up.recv(soon()).unwrap(), Up::End);
    assert_eq!(up.recv(soon()).unwrap_err().kind(), ErrorKind::PeerGone);
    assert!(child.wait().unwrap().success());
    writer.join().unwrap();
}

#[test]
fn a_killed_puller_is_noticed_after_its_last_record() {
    if let Some(mut puller) = as_puller() {
        for number in 0..1000u32 {
            puller.up.send(Up::Message(&number.to_le_bytes()), soon()).unwrap();
        }
        // It waits for a record that never comes, until it is killed.
        let _ = puller.down.recv(soon());
        panic!("it was not killed");
    }
    let (mut vault, mut child) = start("a_killed_puller_is_noticed_after_its_last_record");
    assert_eq!(vault.up.recv(soon()).unwrap(), Up::Message(&0u32.to_le_bytes()));
    // The others may not have been sent yet: those that were must come.
    child.kill().unwrap();
    child.wait().unwrap();
    let mut next = 1u32;
    let error = loop {
        match vault.up.recv(soon()) {
            Ok(record) => assert_eq!(record, Up::Message(&next.to_le_bytes())),
            Err(error) => break error,
        }
        next += 1;
    };
    assert_eq!(error.kind(), ErrorKind::PeerGone);
}

#[test]
fn a_puller_sees_the_end_of_the_vault() {
    if let Some(mut puller) = as_puller() {
        let error = puller.down.recv(soon()).unwrap_err();
        std::process::exit(if error.kind() == ErrorKind::PeerGone { 42 } else { 1 });
    }
    let (vault, mut child) = start("a_puller_sees_the_end_of_the_vault");
    drop(vault);
    assert_eq!(child.wait().unwrap().code(), Some(42));
}

#[test]
fn only_the_puller_inherits_the_descriptors() {
    if std::env::var_os(ROLE).is_some() {
        let mine = as_puller().unwrap();
        // A child of the puller has nothing of them: the descriptors are closed when it starts.
        let count = "ls -l /proc/self/fd | grep -c -e memfd -e socket";
        let child = Command::new("sh").args(["-c", count]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&child.stdout).trim(), "0");
        drop(mine);
        return;
    }
    let (vault, fds) = VaultEnd::create(RingSizes::default()).unwrap();
    let other = Command::new("sh").args(["-c", "ls -l /proc/self/fd | grep -c memfd"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&other.stdout).trim(), "0");
    drop((vault, fds));
    let (vault, mut child) = start("only_the_puller_inherits_the_descriptors");
    assert!(child.wait().unwrap().success());
    drop(vault);
}

#[test]
fn further_files_reach_the_puller_in_order() {
    const TEST: &str = "further_files_reach_the_puller_in_order";
    if std::env::var_os(ROLE).is_some() {
        let argument = std::env::args().next_back().unwrap();
        let mut fds = PullerFds::from_argument(&argument).unwrap();
        let further = std::mem::take(&mut fds.further);
        let mut puller = PullerEnd::from_fds(fds).unwrap();
        for fd in further {
            let mut text = String::new();
            std::fs::File::from(fd).read_to_string(&mut text).unwrap();
            puller.up.send(Up::Message(text.as_bytes()), soon()).unwrap();
        }
        return;
    }
    let (mut vault, mut fds) = VaultEnd::create(RingSizes::default()).unwrap();
    for text in ["first", "second"] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        fds.further.push(reader.into());
    }
    let mut child = fds.spawn(puller_of(TEST)).unwrap();
    for text in ["first", "second"] {
        assert_eq!(vault.up.recv(soon()).unwrap(), Up::Message(text.as_bytes()));
    }
    assert_eq!(vault.up.recv(soon()).unwrap_err().kind(), ErrorKind::PeerGone);
    assert!(child.wait().unwrap().success());
}

#[test]
fn wrong_arguments_are_no_descriptors() {
    for argument in ["", "3,4", "0,1,2", "5,5,6", "a,b,c", "-1,-2,-3", "3,4,5,5", "3,4,5,", "3,4,5,-6"] {
        assert!(PullerFds::from_argument(argument).is_err(), "{argument}");
    }
}
