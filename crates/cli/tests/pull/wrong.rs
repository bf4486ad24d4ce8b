//! Wrong words on the command line: one sentence that helps, the right exit code, and nothing half-done.

use crate::scene::Scene;

#[test]
fn what_cannot_be_is_refused_with_one_sentence() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.file("a", b"a");
    let path = tree.root().to_str().unwrap();
    let source = scene.sshd.source(tree.root());
    let host = format!("{}:", scene.sshd.destination());
    let fails = |arguments: &[&str], part: &str| {
        let sentence = scene.run(arguments).fails(1);
        assert!(sentence.contains(part), "{arguments:?}: {sentence}");
    };
    fails(&["init"], "already");
    fails(&["restore", "latest", "--target", "/tmp/never"], "no snapshot");
    // Sources.
    fails(&["backup", "web1:/a", "web2:/b"], "call twice");
    fails(&["backup", &source, "/etc"], "call twice");
    fails(&["backup", "root@127.0.0.1:~other/dir"], "absolute");
    fails(&["backup", "--", "-oProxyCommand=x:/etc"], "host");
    fails(&["backup"], "SOURCE");
    fails(&["backup", "--files-from", "/no/such/list"], "/no/such/list");
    fails(&["backup", &host, "--command", "true"], "--as");
    fails(&["backup", &source, "--as", "/x"], "--command");
    fails(&["backup", &source, "--command", "true", "--as", "/x"], "without a path");
    fails(&["backup", &host, "--command", "true", "--as", "/"], "--as needs the name of a file");
    // Options.
    fails(&["backup", path, "--exclude", "[a"], "[a");
    fails(&["backup", path, "--exclude-file", "/no/such/patterns"], "/no/such/patterns");
    fails(&["backup", path, "--exclude-larger-than", "big"], "--exclude-larger-than");
    fails(&["backup", path, "--exclude-if-present", "a/b"], "--exclude-if-present");
    fails(&["backup", path, "--compression", "wild"], "auto, off, fast, best");
    fails(&["backup", path, "--time", "yesterday"], "2026-");
    fails(&["backup", path, "--limit-rate", "fast"], "--limit-rate");
    fails(&["backup", path, "--limit-rate", "0"], "no limit");
    fails(&["backup", path, "--parent", "ffff"], "ffff");
    fails(&["backup", path, "--no-such-option"], "--no-such-option");
    fails(&["forget", "--keep-daily", "many"], "--keep-daily");
    fails(&["init", "--chunker", "round"], "gear, rabin");
    fails(&["frobnicate"], "frobnicate");
    fails(&["check", "--read-data-subset", "200%"], "200%");
    assert_eq!(scene.files("snapshots").len(), 0);
    scene.is_sound();
}

#[test]
fn snapshots_and_targets_that_cannot_be() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.file("a", b"a");
    let file = tree.path("a");
    let id = scene.backup(tree.root(), &[]).1;
    // A file with the name of another snapshot that begins with the same digits.
    let folder = scene.path("repository/snapshots");
    let twin = folder.join(format!("{}{}", &id[..8], "0".repeat(56)));
    std::fs::copy(folder.join(&id), &twin).unwrap();
    let restore = |name: &str, target: &str| scene.run(&["restore", name, "--target", target]).fails(1);
    let sentence = restore(&id[..8], "/nonexistent/x");
    assert!(sentence.contains("several") && sentence.contains("more digits"), "{sentence}");
    std::fs::remove_file(twin).unwrap();
    let sentence = restore("zzzz", "/nonexistent/x");
    assert!(sentence.contains("zzzz") && sentence.contains("holdfast snapshots"), "{sentence}");
    let sentence = restore("latest:/no/such/path", "/nonexistent/x");
    assert!(sentence.contains("there is nothing at /no"), "{sentence}");
    // A file, or something beneath a file, here and on a host.
    for target in [file.clone(), file.join("beneath")] {
        for target in [target.display().to_string(), scene.sshd.source(&target)] {
            // More than once: the agent may be gone before or after it is told what to restore.
            for _ in 0..2 {
                let sentence = restore("latest", &target);
                assert!(sentence.contains("not a directory; name another one"), "{target}: {sentence}");
            }
        }
    }
    assert_eq!(std::fs::read(file).unwrap(), b"a");
    scene.is_sound();
}
