//! What is sent and what is stored: each chunk once.

use std::os::unix::fs::FileExt;

use crate::scene::{Scene, let_it_age};

#[test]
fn a_small_change_in_a_large_file_sends_little() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.random_file("image", 1 << 30, 5);
    scene.backup(tree.root(), &[]);
    let file = std::fs::OpenOptions::new().write(true).open(tree.path("image")).unwrap();
    file.write_all_at(&vec![0x5a; 1 << 20], 512 << 20).unwrap();
    drop(file);
    let second = scene.backup(tree.root(), &[]);
    assert!(second.get("bytes_received") < 8 << 20, "{}", second.get("bytes_received"));
}

#[test]
fn an_adopted_repository_keeps_its_chunks() {
    let Some(scene) = Scene::new() else { return };
    let Some(restic) = scene.restic() else { return };
    std::fs::remove_dir_all(scene.path("repository")).unwrap();
    restic.ok(["init"]);
    let tree = scene.tree("source");
    tree.random_file("large", 20 << 20, 3).many_files("many", 50, 4);
    let_it_age(&tree);
    let path = tree.root().to_str().unwrap();
    restic.ok(["backup", "--host", "web1", path]);
    // Their snapshot is listed, and restored by us as it was.
    let out = scene.path("out");
    scene.run(&["restore", &format!("latest:{path}"), "--target", out.to_str().unwrap()]).ok();
    assert_eq!(holdfast_testkit::compare_trees(tree.root(), &out, &Default::default()), []);
    // Unchanged files are taken from their snapshot; read again, they cut into the same chunks.
    let ours = scene.backup(tree.root(), &["--host", "web1"]);
    assert_eq!(ours.get("data_blobs"), 0);
    let forced = scene.backup(tree.root(), &["--host", "web1", "--force"]);
    assert_eq!(forced.get("data_blobs"), 0);
    restic.check_read_data();
    let theirs = scene.path("theirs");
    restic.restore("latest", &theirs);
    let restored = theirs.join(tree.root().strip_prefix("/").unwrap());
    assert_eq!(holdfast_testkit::compare_trees(tree.root(), restored, &Default::default()), []);
}
