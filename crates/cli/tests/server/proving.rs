//! That backups can be restored is proven, and that they cannot is said.

use std::fs;
use std::path::{Path, PathBuf};

use holdfast_testkit::{Sshd, Tree};
use serde_json::json;

use crate::scene::{Databases, Scene};

pub(crate) fn what_can_be_restored_is_proven_and_what_is_damaged_is_found(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::new(databases);
    let tree = Tree::create(scene.dir.path().join("source"));
    tree.random_file("large", 300_000, 1).file("small", "content");
    let client = scene.enrol(&sshd, "web1");
    let policy = scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [scene.path("source")]}, "repository": "main",
            "clients": ["web1"]}),
    );
    scene.send("POST", &format!("{policy}/run"), json!({}));
    scene.comes_to_rest();
    let backup = scene.jobs("backup")[0].clone();
    assert!(scene.get(&client)["status"]["proven"].is_null(), "nothing was proven yet");
    let repository = format!("/api/v1/repositories/{}", backup["repository"].as_str().unwrap());
    let verify = || scene.send("POST", &format!("{repository}/verify"), json!({}));
    scene.job_of(verify(), "succeeded");
    let proven = scene.get(&client)["status"]["proven"].clone();
    assert_eq!(proven["snapshot"], backup["outcome"]["snapshot"]);
    assert_eq!((&proven["files"], &proven["bytes"]), (&json!(2), &json!(300_007)), "{proven}");
    assert_eq!(proven["as_on_client"], 2, "the host still has both");
    assert!(!scene.get(&repository)["status"]["verified"].is_null());
    spoil(&largest(&scene.dir.path().join("repository/data")));
    scene.put_forward(3600);
    let failed = scene.job_of(verify(), "failed");
    assert_eq!(failed["outcome"]["error"]["cause"], "damaged", "{failed:#}");
    let message = failed["outcome"]["error"]["message"].as_str().unwrap();
    assert!(message.contains("/source/large of web1"), "{message}");
    assert_eq!(scene.get(&client)["status"]["proven"], proven, "what was proven before stays, as of then");
}

/// The largest pack, which holds the large file.
fn largest(folder: &Path) -> PathBuf {
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let packs = folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    packs.max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap()
}

/// Changes bytes in the midst of a file.
fn spoil(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}
