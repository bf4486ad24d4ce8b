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

/// Each of these parts is in the one sentence.
fn refused(scene: &Scene, arguments: &[&str], parts: &[&str]) {
    let sentence = scene.run(arguments).fails(1);
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is missing: {sentence}");
    }
}

/// The repository is sound and has nothing new.
fn is_as_it_was(scene: &Scene) {
    assert_eq!(scene.files("snapshots").len(), 1);
    assert_eq!(scene.files("locks").len(), 0, "a lock is left");
    scene.is_sound();
}

#[test]
fn a_host_that_is_not_there_or_does_not_listen() {
    let Some((scene, source)) = scene() else { return };
    let parts = ["Could not resolve hostname", "check the name"];
    refused(&scene, &["backup", "root@no-such-host.invalid:/etc"], &parts);
    refused(&scene, &["restore", "latest", "--target", "root@no-such-host.invalid:/tmp/never"], &parts);
    refused(&scene, &["backup", &source, "--ssh", "ssh -F none -p 1"], &["Connection refused", "check the port"]);
    is_as_it_was(&scene);
}

#[test]
fn a_host_whose_key_is_unknown_or_has_changed() {
    let Some((scene, source)) = scene() else { return };
    std::fs::write(scene.sshd.known_hosts(), "").unwrap();
    refused(&scene, &["backup", &source], &["Host key verification failed", "not known here", "fingerprint"]);
    scene.sshd.expect_another_host_key();
    let parts = ["REMOTE HOST IDENTIFICATION HAS CHANGED", "another key than before", "fingerprint"];
    refused(&scene, &["backup", &source], &parts);
    is_as_it_was(&scene);
}

#[test]
fn a_host_that_refuses_our_key_and_an_ssh_that_is_none() {
    let Some((scene, source)) = scene() else { return };
    let Some(other) = Sshd::start() else { return };
    std::fs::copy(other.client_key(), scene.sshd.client_key()).unwrap();
    refused(&scene, &["backup", &source], &["Permission denied", "authorized_keys"]);
    refused(&scene, &["backup", &source, "--ssh", "/no/such/ssh"], &["/no/such/ssh", "installed"]);
    refused(&scene, &["backup", &source, "--ssh", "false"], &["exit status: 1", "true"]);
    refused(&scene, &["backup", &source, "--ssh", "echo hello"], &["did not start the agent"]);
    is_as_it_was(&scene);
}

#[test]
fn a_host_whose_login_talks_and_refuses() {
    let Some(sshd) = Sshd::builder().forced_command("echo This account is closed.; exit 1").start() else { return };
    let Some(scene) = Scene::with(sshd, &[]) else { return };
    let sentence = scene.run(&["backup", &scene.sshd.source("/etc")]).fails(1);
    assert!(sentence.contains("This account is closed."), "{sentence}");
    assert_eq!(scene.files("snapshots").len(), 0);
}
