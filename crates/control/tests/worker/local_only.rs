//! A policy for a whole machine stays within what the machine has itself.

use holdfast_model::job::{JobKind, JobStatus};
use serde_json::json;

use super::scene::{Scene, shown};

#[tokio::test]
async fn a_whole_machine_is_its_local_file_systems_and_what_is_left_out_is_said() {
    // All of this machine but the devices, which the kernel mounts, and which nothing else leaves out here.
    let names = std::fs::read_dir("/").unwrap().map(|entry| entry.unwrap().path());
    let mut patterns: Vec<String> =
        names.map(|path| path.display().to_string()).filter(|path| path != "/dev").collect();
    patterns.push("!/dev/*".into());
    let policy = json!({"work": {"type": "rootfs"}, "excludes": {"patterns": patterns}});
    let Some(scene) = Scene::new(policy).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    let jobs = scene.run().await;
    assert_eq!(shown(&jobs)[1], (JobKind::Backup, JobStatus::Succeeded), "it is nothing to be warned of");
    assert_eq!(jobs[1].outcome.files, 0, "/dev is stored, and nothing in it");
    let log = scene.log(&jobs[1]).await;
    let said: Vec<_> = log.iter().filter(|line| line.contains("is left out: a file system of type")).collect();
    assert_eq!((said.len(), said[0].starts_with("/dev is left out")), (1, true), "{log:?}");
}
