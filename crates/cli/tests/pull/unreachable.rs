//! Hosts that can't be called: the words of `ssh` and what to do about them; the repository is as it was.

use holdfast_testkit::Sshd;

use crate::scene::Scene;

/// A scene whose repository has one snapshot, and a source on its host.
fn scene() -> Option<(Scene, String)> {
    let scene = Scene::new()?;
    let tree = scene.tree("source");
    tree.file("a", b"a");
    let source = scene.sshd.source(tree.root());
    scene.run(&["backup", &source]).ok();
    Some((scene, source))
}

/// Each of these parts is in the one sentence; afterwards the repository is sound and has no further snapshot.
fn refused(scene: &Scene, arguments: &[&str], parts: &[&str]) {
    let sentence = scene.run(arguments).fails(1);
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is missing: {sentence}");
    }
    assert_eq!(scene.files("snapshots").len(), 1);
    assert_eq!(scene.files("locks").len(), 0, "a lock is left");
    scene.is_sound();
}

#[test]
fn a_host_that_is_not_there() {
    let Some((scene, _)) = scene() else { return };
    let parts = ["Could not resolve hostname", "check the name"];
    refused(&scene, &["backup", "root@no-such-host.invalid:/etc"], &parts);
    let target = "root@no-such-host.invalid:/tmp/never";
    refused(&scene, &["restore", "latest", "--target", target], &parts);
}

#[test]
fn a_port_where_nothing_listens() {
    let Some((scene, source)) = scene() else { return };
    let arguments = ["backup", &source, "--ssh", "ssh -F none -p 1"];
    refused(&scene, &arguments, &["Connection refused", "check the port"]);
}

#[test]
fn a_host_key_that_is_unknown() {
    let Some((scene, source)) = scene() else { return };
    std::fs::write(scene.sshd.known_hosts(), "").unwrap();
    refused(&scene, &["backup", &source], &["Host key verification failed", "not known here", "fingerprint"]);
}

#[test]
fn a_host_key_that_has_changed() {
    let Some((scene, source)) = scene() else { return };
    scene.sshd.expect_another_host_key();
    let parts = ["REMOTE HOST IDENTIFICATION HAS CHANGED", "another key than before", "fingerprint"];
    refused(&scene, &["backup", &source], &parts);
}

#[test]
fn a_host_that_refuses_our_key() {
    let Some((scene, source)) = scene() else { return };
    let Some(other) = Sshd::start() else { return };
    std::fs::copy(other.client_key(), scene.sshd.client_key()).unwrap();
    refused(&scene, &["backup", &source], &["Permission denied", "authorized_keys"]);
}

#[test]
fn an_ssh_that_cannot_be_started_or_is_none() {
    let Some((scene, source)) = scene() else { return };
    refused(&scene, &["backup", &source, "--ssh", "/no/such/ssh"], &["/no/such/ssh", "installed"]);
    refused(&scene, &["backup", &source, "--ssh", "false"], &["exit status: 1", "true"]);
    refused(&scene, &["backup", &source, "--ssh", "echo hello"], &["did not start the agent"]);
}

#[test]
fn a_host_whose_login_shell_talks_or_refuses() {
    let Some(sshd) = Sshd::builder().forced_command("echo This account is closed.; exit 1").start() else { return };
    let Some(scene) = Scene::with(sshd, &[]) else { return };
    let source = scene.sshd.source("/etc");
    let sentence = scene.run(&["backup", &source]).fails(1);
    assert!(sentence.contains("This account is closed."), "{sentence}");
    assert_eq!(scene.files("snapshots").len(), 0);
    scene.is_sound();
}
