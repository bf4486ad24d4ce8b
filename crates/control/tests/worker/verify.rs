//! What is stored is proven to be restorable, and what is not is named.

use std::fs;
use std::path::Path;

use holdfast_model::client::{ClientSpec, ClientStatus};
use holdfast_model::job::{Cause, JobStatus};
use holdfast_model::repository::RepositorySpec;
use serde_json::{Value, json};

use super::two_hosts::TwoHosts;

/// Nothing of what was restored for the proof is left.
fn is_clean(scene: &TwoHosts) -> bool {
    fs::read_dir(scene.dir.path().join("state/verify")).unwrap().next().is_none()
}

/// Turns over a bit in the middle of the largest pack.
fn damage(repository: &Path) {
    let folders = fs::read_dir(repository.join("data")).unwrap();
    let packs = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    let largest = packs.map(|pack| pack.unwrap().path()).max_by_key(|pack| pack.metadata().unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&largest, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(&largest, bytes).unwrap();
}

#[tokio::test]
async fn a_sample_is_restored_and_held_against_what_was_recorded_and_what_the_client_has() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.source.every_kind();
    let snapshot = scene.back_up().await;
    let job = scene.verify(61, Value::Null).await;
    let log = scene.log(&job).await;
    assert_eq!(job.status, JobStatus::Succeeded, "{:?} {log:?}", job.outcome);
    assert!(log.iter().any(|line| line.starts_with("the sample is taken with the seed ")), "{log:?}");
    let proven = scene.client(scene.web1).await.status.proven.unwrap();
    assert_eq!((proven.snapshot, proven.files), (snapshot, 100), "{log:?}");
    assert_eq!(proven.as_on_client, 100, "nothing was changed there: {log:?}");
    assert_eq!((job.outcome.files, job.outcome.bytes), (100, proven.bytes));
    assert!(scene.client(scene.web2).await.status.proven.is_none(), "there is nothing of it");
    assert!(is_clean(&scene));
    let repository = scene.db.read().await.unwrap().object::<RepositorySpec>(scene.repository).await.unwrap();
    assert!(repository.status.verified.is_some());
}

#[tokio::test]
async fn a_damaged_pack_fails_the_proof_and_every_file_is_named() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.source.random_file("large", 12 << 20, 1);
    scene.back_up().await;
    assert_eq!(scene.verify(61, Value::Null).await.status, JobStatus::Succeeded);
    let before = scene.client(scene.web1).await.status.proven;
    damage(&scene.dir.path().join("repository"));
    let job = scene.verify(62, json!({"seed": 7})).await;
    let (error, log) = (job.outcome.error.clone().unwrap(), scene.log(&job).await);
    assert_eq!((job.status, error.cause), (JobStatus::Failed, Cause::Damaged), "{log:?}");
    let large = scene.source.path("large");
    assert!(error.message.contains(&format!("{} of web1", large.display())), "{}", error.message);
    let named = format!("web1:{}: restore: what is stored is damaged: ", large.display());
    assert!(log.iter().any(|line| line.starts_with(&named)), "{log:?}");
    assert_eq!(log.iter().filter(|line| line.contains("what is stored is damaged")).count(), 1, "the others are well");
    assert_eq!(scene.client(scene.web1).await.status.proven, before, "the last proof is the older one");
    assert!(is_clean(&scene));
}

#[tokio::test]
async fn what_the_client_has_changed_is_no_failure_and_what_it_hides_is_told() {
    let Some(scene) = TwoHosts::new().await else { return };
    let path = scene.source.path("www/index.html");
    scene.back_up().await;
    fs::write(scene.source.path("etc/motd"), "another and longer\n").unwrap();
    // Another content, and the time put back: only reading it shows.
    let times = fs::FileTimes::new().set_modified(path.metadata().unwrap().modified().unwrap());
    fs::write(&path, "hullo".repeat(100)).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
    let job = scene.verify(61, Value::Null).await;
    let log = scene.log(&job).await;
    assert_eq!((job.status, job.outcome.warnings), (JobStatus::Warning, 1), "{log:?}");
    let told = format!("web1: {}: the host has another content of the same size and time", path.display());
    assert!(log.iter().any(|line| line.starts_with(&told)), "{log:?}");
    let proven = scene.client(scene.web1).await.status.proven.unwrap();
    assert_eq!((proven.files, proven.as_on_client), (3, 1), "what is stored is well");

    let mut writer = scene.db.write().await.unwrap();
    writer.set_status::<ClientSpec>(scene.web1, &ClientStatus::default()).await.unwrap();
    writer.commit().await.unwrap();
    let job = scene.verify(62, Value::Null).await;
    assert_eq!(job.status, JobStatus::Succeeded);
    assert!(
        scene.log(&job).await.iter().any(|line| line.contains("its files are not compared with those of the host"))
    );
    assert_eq!(scene.client(scene.web1).await.status.proven.unwrap().files, 3);
}

#[tokio::test]
async fn no_more_is_taken_than_the_limits_allow_and_the_same_seed_takes_the_same() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.source.many_files("many", 200, 3);
    scene.back_up().await;
    let mut repository = scene.db.read().await.unwrap().object::<RepositorySpec>(scene.repository).await.unwrap();
    repository.spec.maintenance = serde_json::from_value(json!({"verify_files": 10, "verify_bytes": 20_000})).unwrap();
    let mut writer = scene.db.write().await.unwrap();
    writer.update(scene.repository, Some(repository.revision), repository.spec, repository.modified).await.unwrap();
    writer.commit().await.unwrap();
    let mut taken = Vec::new();
    for (number, seed) in [(61, 5), (62, 5), (63, 6)] {
        let job = scene.verify(number, json!({ "seed": seed })).await;
        assert_eq!(job.status, JobStatus::Succeeded);
        let outcome = &job.outcome;
        assert!((1..=10).contains(&outcome.files) && outcome.bytes <= 20_000, "{outcome:?}");
        taken.push((outcome.files, outcome.bytes));
    }
    assert_eq!(taken[0], taken[1]);
    assert_ne!(taken[0], taken[2], "as good as never");
}
