//! Wrong input: one sentence that helps, the right exit code, and nothing half-done.

use crate::scene::Scene;

#[test]
fn what_cannot_be_is_refused_with_one_sentence() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.file("a", b"a");
    let path = tree.root().to_str().unwrap();
    let source = scene.sshd.source(tree.root());
    let fails = |arguments: &[&str], code: i32, part: &str| {
        let sentence = scene.run(arguments).fails(code);
        assert!(sentence.contains(part), "{arguments:?}: {sentence}");
    };
    fails(&["backup", "-r", "/nonexistent/repository", path], 10, "no repository");
    fails(&["init"], 1, "already");
    fails(&["backup", "web1:/a", "web2:/b"], 1, "call");
    fails(&["backup", &source, "/etc"], 1, "");
    fails(&["backup", "root@127.0.0.1:~other/dir"], 1, "absolute");
    fails(&["backup", "--", "-oProxyCommand=x:/etc"], 1, "host");
    fails(&["backup", path, "--exclude", "[a"], 1, "");
    fails(&["restore", "latest", "--target", "/tmp/never"], 1, "no snapshot");
    fails(&["backup", path, "--compression", "wild"], 1, "");
    fails(&["backup", path, "--parent", "ffff"], 1, "ffff");
    fails(&["backup", &source, "--ssh", "ssh -p 1"], 1, "Connection refused");
    std::fs::write(scene.path("wrong-password"), "wrong").unwrap();
    fails(&["backup", path, "-p", scene.path("wrong-password").to_str().unwrap()], 12, "password");
}

#[test]
fn an_unknown_or_changed_host_key_is_refused_in_the_words_of_ssh() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.file("a", b"a");
    let source = scene.sshd.source(tree.root());
    scene.sshd.expect_another_host_key();
    let sentence = scene.run(&["backup", &source]).fails(1);
    assert!(sentence.contains("Host key verification failed"), "{sentence}");
}

#[test]
fn paths_that_cannot_be_read_are_named_and_the_rest_is_stored() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.file("a", b"a");
    let run = scene.run(&["backup", &scene.sshd.source(tree.root()), &scene.sshd.source("/no/such/path")]);
    assert_eq!(run.code, Some(3), "{}{}", run.out, run.err);
    assert!(run.err.contains("/no/such/path"), "{}", run.err);
    assert!(run.out.contains("saved"), "{}", run.out);
}
