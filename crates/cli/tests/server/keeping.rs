//! What is kept, and what is given back.

use holdfast_testkit::{Restic, Sshd, Tree};
use serde_json::json;

use crate::scene::{Databases, Scene};

pub(crate) fn what_the_retention_does_not_keep_is_forgotten_and_pruned(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::new(databases);
    let tree = Tree::create(scene.dir.path().join("source"));
    scene.enrol(&sshd, "web1");
    let policy = scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [scene.path("source")]}, "repository": "main",
            "clients": ["web1"], "retention": {"last": 2}}),
    );
    for nth in 0..4 {
        tree.file("file", format!("{nth}").repeat(100_000));
        scene.send("POST", &format!("{policy}/run"), json!({}));
        scene.comes_to_rest();
        scene.put_forward(3600);
    }
    assert_eq!(scene.statuses("forget"), ["succeeded"; 4]);
    let removed: u64 =
        scene.jobs("forget").iter().map(|job| job["outcome"]["snapshots_removed"].as_u64().unwrap()).sum();
    assert_eq!(removed, 2);
    let repository = format!("/api/v1/repositories/{}", scene.jobs("forget")[0]["repository"].as_str().unwrap());
    let pruned = scene.job_of(scene.send("POST", &format!("{repository}/prune"), json!({})), "succeeded");
    assert!(pruned["outcome"]["bytes_freed"].as_u64().unwrap() > 0, "{pruned}");
    scene.job_of(scene.send("POST", &format!("{repository}/check"), json!({"read_data": true})), "succeeded");
    assert!(!scene.get(&repository)["status"]["checked"].is_null());
    let Some(restic) = Restic::new(scene.dir.path().join("repository"), "correct horse") else { return };
    restic.check_read_data();
    assert_eq!(crate::scene::snapshots(&restic), 2);
}
