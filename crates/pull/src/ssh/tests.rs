//! A host that lies about itself, and an `ssh` that does not end.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use holdfast_model::source::Source;

use super::*;

const TRUE: &str = "debug1: Server host key: ssh-ed25519 SHA256:true";
const FORGED: &str = "debug1: Server host key: ssh-ed25519 SHA256:forged";

#[test]
fn a_host_forges_no_key() {
    let key = |lines: &[&str]| proven_key(&lines.join("\n"));
    let proven = Some("ssh-ed25519 SHA256:true".to_owned());
    assert_eq!(key(&["debug1: Connecting", TRUE, "debug1: Remote: hello"]), proven);
    // Keys are exchanged anew after a while.
    assert_eq!(key(&[TRUE, "debug1: rekeying", TRUE]), proven);
    assert_eq!(key(&["debug1: Remote: x", FORGED, TRUE]), None);
    assert_eq!(key(&[TRUE, "debug1: Remote: x", FORGED]), None);
    assert_eq!(key(&[TRUE, FORGED]), None);
    assert_eq!(key(&["", "debug1: Connecting"]), None);
}

/// A program in the place of `ssh`, which it is to the end.
fn stand_in(script: &str) -> SshProcess {
    let folder = holdfast_testkit::temp_dir();
    let path = folder.path().join("stand-in");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program: SshProgram = path.to_str().unwrap().parse().unwrap();
    let Ok(Source::Remote { host, .. }) = Source::parse("web1:".as_ref()) else { panic!("it names a host") };
    let (process, pipes) = SshProcess::start(&program, &host, "true").unwrap();
    // The script has begun once it says so.
    let mut said = [0; 6];
    let mut from = pipes.from_client;
    from.read_exact(&mut said).unwrap();
    process
}

#[test]
fn an_ssh_that_does_not_listen_is_killed() {
    let mut process = stand_in("trap : TERM; echo begun; while :; do sleep 0.1; done");
    let began = Instant::now();
    process.wait(Duration::ZERO).unwrap();
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_the_remote_side_says_does_not_fill_the_disk() {
    let mut process = stand_in("echo begun; exec cat /dev/zero >&2");
    let status = process.wait(Duration::from_secs(60)).unwrap();
    assert!(!status.success());
    assert_eq!(process.remote.metadata().unwrap().len(), MAX_WRITTEN);
    assert!(process.remote_messages().chars().count() <= MAX_SHOWN + 2);
}
