//! Who hears "have it": a client of what it sent itself, and those that share a trust group.

use crate::scene::Scene;

#[test]
fn a_second_client_with_the_same_data_sends_it_all_and_the_repository_stores_it_once() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.random_file("data", 24 << 20, 9);
    let first = scene.backup(tree.root(), &["--host", "web1"]);
    let second = scene.backup(tree.root(), &["--host", "web2"]);
    assert!(first.get("bytes_received") > 24 << 20);
    assert!(second.get("bytes_received") > 24 << 20, "the second client learnt what the first has sent");
    assert_eq!(second.get("data_blobs"), 0, "the same data was stored twice");
    // It now is the second client's own, even if it has to be read again.
    let again = scene.backup(tree.root(), &["--host", "web2", "--force"]);
    assert!(again.get("bytes_received") < 100_000, "{}", again.get("bytes_received"));
}

#[test]
fn a_client_is_never_compared_with_the_snapshot_of_another() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.file("data", b"of web1");
    scene.backup(tree.root(), &["--host", "web1"]);
    let source = scene.sshd.source(tree.root());
    let sentence = scene.run(&["backup", &source, "--host", "web2", "--parent", "latest"]).fails(1);
    assert!(sentence.contains("web1"), "{sentence}");
}

#[test]
fn clients_of_one_trust_group_need_not_send_the_same_twice() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.random_file("data", 24 << 20, 10);
    let group = ["--trust-group", "web"];
    let first = scene.backup(tree.root(), &[&["--host", "web1"], group.as_slice()].concat());
    let second = scene.backup(tree.root(), &[&["--host", "web2"], group.as_slice()].concat());
    assert!(second.get("bytes_received") * 100 < first.get("bytes_received"), "{}", second.get("bytes_received"));
}

#[test]
fn two_clients_at_the_same_moment_both_succeed() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.random_file("data", 16 << 20, 11).many_files("many", 200, 12);
    let source = scene.sshd.source(tree.root());
    let start = |host| scene.command(&["backup", "--json", &source, "--host", host]).output();
    let (a, b) = std::thread::scope(|scope| {
        let a = scope.spawn(|| start("web1"));
        (start("web2"), a.join().unwrap())
    });
    assert!(a.unwrap().status.success() && b.unwrap().status.success());
    if let Some(restic) = scene.restic() {
        restic.check_read_data();
    }
}
