//! A repository with a hot part: made with it, backed up into both parts, looked after, and helped when the hot part is lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use holdfast_control::{Asker, Care};
use holdfast_model::Clock;
use holdfast_model::job::{Cause, Job, JobStatus, Launch};
use holdfast_model::repository::RepositorySpec;
use serde_json::json;

use super::scene::{Scene, work_off};

/// Says where the hot part is.
async fn say(scene: &Scene, hot: &Path) {
    let mut writer = scene.db.write().await.unwrap();
    let all = writer.all_objects::<RepositorySpec>(&Default::default()).await.unwrap();
    let mut object = all.objects.into_iter().next().unwrap();
    object.spec.hot = Some(hot.display().to_string());
    writer.update::<RepositorySpec>(object.uid, None, object.spec, scene.clock.now().to_time()).await.unwrap();
    writer.commit().await.unwrap();
}

async fn care(scene: &Scene, care: Care) -> Job {
    let mut reader = scene.db.read().await.unwrap();
    let uid = reader.all_objects::<RepositorySpec>(&Default::default()).await.unwrap().objects[0].uid;
    drop(reader);
    let asker = Asker { launch: Launch::Manual, name: "ann" };
    let job = scene.control.care_for(uid, care, asker).await.unwrap();
    work_off(&scene.worker).await;
    scene.db.read().await.unwrap().job(job.uid).await.unwrap()
}

const PREPARE: Care = Care::Prepare { create: false, as_restic: false };
const MAKE: Care = Care::Prepare { create: true, as_restic: false };
const CHECK: Care = Care::Check { read_data: true };

fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// So many snapshots, with their keys and indexes, are in both parts.
fn assert_both(scene: &Scene, snapshots: usize) {
    let of = |part: &str, folder: &str| names(&scene.dir.path().join(part).join(folder));
    for folder in ["keys", "snapshots", "index"] {
        assert_eq!(of("repository", folder), of("hot", folder), "{folder}");
    }
    assert_eq!(of("hot", "snapshots").len(), snapshots);
    assert!(scene.dir.path().join("hot/config").exists());
}

#[tokio::test]
async fn a_repository_is_made_with_its_hot_part_and_backed_up_and_looked_after_in_both() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    let hot = scene.dir.path().join("hot");
    fs::remove_dir_all(scene.dir.path().join("repository")).unwrap();
    say(&scene, &hot).await;
    let made = care(&scene, MAKE).await;
    assert_eq!((made.status, made.outcome.warnings), (JobStatus::Succeeded, 0), "{:?}", made.outcome);
    scene.run().await;
    scene.accept_host_key().await;
    let jobs = scene.run().await;
    assert!(jobs.iter().all(|job| job.status == JobStatus::Succeeded), "{jobs:?}");
    assert_both(&scene, 1);
    for work in [CHECK, Care::Prune, CHECK] {
        let done = care(&scene, work).await;
        assert_eq!((done.status, done.outcome.warnings), (JobStatus::Succeeded, 0), "{:?}", done.outcome);
    }
    assert_both(&scene, 1);
}

#[tokio::test]
async fn a_hot_part_that_is_new_or_lost_is_done_without_until_it_is_filled() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    let hot = scene.dir.path().join("hot");
    scene.run().await;
    scene.accept_host_key().await;
    scene.run().await;
    say(&scene, &hot).await;
    for snapshots in 2..4 {
        let found = care(&scene, PREPARE).await;
        assert_eq!(found.outcome.warnings, 1);
        let log = scene.log(&found).await.join("\n");
        assert!(log.contains("is not used as the hot part"), "{log}");
        let backup = scene.run().await.remove(0);
        assert!(backup.status.is_good(), "{:?}", backup.outcome);
        assert!(!hot.exists(), "nothing is written where nothing was found");
        assert!(care(&scene, CHECK).await.outcome.warnings > 0);

        let filled = care(&scene, MAKE).await;
        assert_eq!((filled.status, filled.outcome.warnings), (JobStatus::Succeeded, 0), "{:?}", filled.outcome);
        assert!(scene.log(&filled).await.join("\n").contains("copied into the hot part"));
        assert_both(&scene, snapshots);
        assert_eq!(care(&scene, CHECK).await.outcome.warnings, 0);
        // While the worker has the repository open.
        fs::remove_dir_all(&hot).unwrap();
    }
}

#[tokio::test]
async fn another_repositorys_hot_part_is_refused_and_left_alone() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    let hot = scene.dir.path().join("hot");
    let other = Scene::new(json!({})).await.unwrap();
    say(&other, &hot).await;
    assert_eq!(care(&other, MAKE).await.status, JobStatus::Succeeded);
    let before = names(&hot.join("keys"));
    say(&scene, &hot).await;
    let refused = care(&scene, MAKE).await.outcome.error.unwrap();
    assert_eq!(refused.cause, Cause::Configuration, "{refused:?}");
    assert!(refused.message.contains("is not the hot part of the repository"), "{refused:?}");
    assert_eq!(names(&hot.join("keys")), before);
}
