//! Snapshots are copied from one repository to another, in a process of its own.

use std::sync::Arc;
use std::time::Duration;

use holdfast_control::{Asker, Care};
use holdfast_db::{JobFilter, JobPage, SnapshotQuery};
use holdfast_model::job::{Cause, Job, JobKind, JobStatus, Launch};
use holdfast_model::object::Spec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{ClientUid, Clock, RepositoryUid, Timestamp};
use holdfast_repo::{InitOptions, OpenOptions, Repository};
use holdfast_store::{LocalStore, Store};
use serde_json::json;

use super::scene::{Scene, work_off};

/// Another repository of the same tenant, with another password.
async fn other(scene: &Scene, tenant: holdfast_model::TenantUid) -> (RepositoryUid, Repository) {
    let place = scene.dir.path().join("offsite");
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(place.clone()));
    let made = Repository::init(store, b"another", InitOptions::default(), OpenOptions::default()).unwrap();
    let password = scene.dir.path().join("other-password");
    std::fs::write(&password, "another\n").unwrap();
    let spec = json!({"name": "offsite", "uri": place, "password": format!("file:{}", password.display())});
    let spec: RepositorySpec = serde_json::from_value(spec).unwrap();
    let mut writer = scene.db.write().await.unwrap();
    let uid = <RepositorySpec as Spec>::Uid::new(scene.clock.now(), [9; 10]);
    writer.create(uid, tenant, spec, scene.clock.now().to_time()).await.unwrap();
    writer.commit().await.unwrap();
    (uid, made)
}

async fn copy(scene: &Scene, from: RepositoryUid, care: Care) -> Job {
    let asker = Asker { launch: Launch::Manual, name: "ann" };
    let job = scene.control.care_for(from, care, asker).await.unwrap();
    work_off(&scene.worker).await;
    scene.db.read().await.unwrap().job(job.uid).await.unwrap()
}

#[tokio::test]
async fn snapshots_are_copied_once_and_known_to_be_there() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    let backup = scene.run().await.remove(1);
    let from = backup.repository.unwrap();
    let (to, offsite) = other(&scene, backup.tenant).await;
    let all = Care::Copy { to, client: None, newest: false };
    let mut writer = scene.db.write().await.unwrap();
    writer.set_setting("catalog", Some(&json!(true))).await.unwrap();
    writer.commit().await.unwrap();

    let first = copy(&scene, from, all).await;
    assert_eq!(first.status, JobStatus::Succeeded, "{:?}", first.outcome);
    assert_eq!((first.outcome.files, first.outcome.files_new), (1, 1));
    assert!(first.outcome.bytes_added > 0);
    let copied = offsite.snapshots().unwrap();
    assert_eq!((copied.len(), copied[0].original), (1, backup.outcome.snapshot));
    let query = SnapshotQuery { repository: Some(to), limit: 10, ..SnapshotQuery::default() };
    let known = scene.db.read().await.unwrap().snapshots(&query).await.unwrap();
    assert_eq!((known.len(), known[0].id, known[0].client), (1, copied[0].id, Some(scene.client.uid)));
    let filter = JobFilter { kinds: vec![JobKind::Catalog], repository: Some(to), ..JobFilter::default() };
    let catalogs = scene.db.read().await.unwrap().jobs(&filter, &JobPage::newest(10)).await.unwrap();
    let outcomes: Vec<_> = catalogs.iter().map(|job| (job.status, job.outcome.snapshot)).collect();
    assert_eq!(outcomes, [(JobStatus::Succeeded, Some(copied[0].id))], "names in it are found");
    let log = scene.log(&first).await.join("\n");
    assert!(log.contains("1 snapshots copied") && !log.contains("another"), "{log}");
    let again = copy(&scene, from, all).await;
    assert_eq!((again.outcome.files, again.outcome.files_new), (1, 0), "it is there already");

    for _ in 0..2 {
        scene.clock.advance(Duration::from_secs(3600));
        assert_eq!(scene.run().await[0].status, JobStatus::Succeeded);
    }
    let stranger = ClientUid::new(Timestamp::default(), [8; 10]);
    let of_nobody = copy(&scene, from, Care::Copy { to, client: Some(stranger), newest: false }).await;
    assert_eq!(of_nobody.outcome.error.unwrap().cause, Cause::Configuration, "there is no such client");
    let newest = copy(&scene, from, Care::Copy { to, client: Some(scene.client.uid), newest: true }).await;
    assert_eq!((newest.outcome.files, newest.outcome.files_new), (1, 1), "the one in between is left out");
    assert_eq!(offsite.snapshots().unwrap().len(), 2);
    let back = copy(&scene, from, Care::Copy { to: from, client: None, newest: false }).await;
    assert_eq!(back.outcome.error.unwrap().cause, Cause::Configuration, "both are the same");
}
