//! What looks after repositories.

use holdfast_model::client::{ClientSpec, ClientStatus};
use holdfast_model::job::{JobKind, JobStatus, Launch};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use serde_json::json;

use super::scene::{Scene, name};

use JobKind::{Check, Prune};
use JobStatus::{Queued, Skipped, Succeeded};

#[tokio::test]
async fn repositories_are_checked_and_pruned_by_their_own_schedules() {
    // A Friday; the usual is on Saturday and Sunday at half past eleven.
    let scene = Scene::at("2026-11-27T12:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "@daily", &[], json!({})).await;
    assert_eq!(scene.control.launch_upkeep().await.unwrap(), 0, "nothing is owed from before");
    scene.set("2026-11-28T11:30:00Z");
    assert_eq!(scene.control.launch_upkeep().await.unwrap(), 2, "looked into each day, and checked on Saturdays");
    assert_eq!(scene.control.launch_upkeep().await.unwrap(), 0);
    scene.work_off().await;
    scene.set("2026-11-29T11:30:00Z");
    assert_eq!(scene.control.launch_upkeep().await.unwrap(), 2, "pruned on Sundays");
    scene.work_off().await;
    scene.set("2026-11-30T11:30:00Z");
    assert_eq!(scene.control.launch_upkeep().await.unwrap(), 1);
    scene.work_off().await;
    assert_eq!(scene.statuses(JobKind::Prepare).await, [Succeeded; 3]);
    assert_eq!((scene.statuses(Check).await, scene.statuses(Prune).await), (vec![Succeeded], vec![Succeeded]));
    scene.set("2026-12-02T11:30:00Z");
    assert_eq!(scene.control.launch_upkeep().await.unwrap(), 2, "and verified on Wednesdays");
    assert_eq!(scene.jobs(JobKind::Verify).await.len(), 1);
    scene.work_off().await;
    scene.set("2026-12-05T11:30:00Z");
    scene.control.launch_upkeep().await.unwrap();
    let read =
        async || -> Vec<_> { scene.jobs(Check).await.into_iter().map(|job| job.parameters["read"].clone()).collect() };
    // Nobody has read anything here: the same is to be read, and a little more with each check.
    let part = |count: u16| json!({"from": 0, "count": count});
    assert_eq!(read().await, [part(20), part(22)], "all within a quarter of a year");
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_once_and_what_is_under_way_is_not_started_again() {
    let scene = Scene::at("2026-11-27T12:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "@daily", &[], json!({})).await;
    scene.control.launch_upkeep().await.unwrap();
    scene.set("2026-12-30T12:00:00Z");
    let other = scene.control.clone();
    let (one, two) = tokio::join!(scene.control.launch_upkeep(), other.launch_upkeep());
    assert_eq!(one.unwrap() + two.unwrap(), 4, "one of each, whoever starts them");
    assert_eq!(scene.jobs(Check).await[0].launch, Launch::CatchUp);
    scene.set("2027-01-02T11:30:00Z");
    scene.control.launch_upkeep().await.unwrap();
    assert_eq!(scene.statuses(Check).await[1], Skipped);
}

#[tokio::test]
async fn a_client_that_is_prepared_for_a_run_keeps_nobody_from_looking_into_the_repository() {
    let scene = Scene::at("2026-11-27T12:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "@daily", &["web1"], json!({})).await;
    scene.control.launch_upkeep().await.unwrap();
    let mut writer = scene.db.write().await.unwrap();
    let client = writer.all_objects::<ClientSpec>(&Default::default()).await.unwrap().objects.remove(0);
    writer.set_status::<ClientSpec>(client.uid, &ClientStatus::default()).await.unwrap();
    let policy = writer.object_named::<PolicySpec>(tenant, &name("policy")).await.unwrap();
    writer.commit().await.unwrap();
    scene.control.launch_policy(policy.uid, None, Launch::Manual, "ann").await.unwrap();
    scene.set("2026-11-28T11:30:00Z");
    scene.control.launch_upkeep().await.unwrap();
    let prepares = scene.jobs(JobKind::Prepare).await;
    let prepares: Vec<_> = prepares.iter().map(|job| (job.client, job.repository.is_some(), job.status)).collect();
    assert_eq!(prepares, [(Some(client.uid), true, Queued), (None, true, Queued)]);
}

#[tokio::test]
async fn upkeep_that_is_switched_off_is_never_due() {
    let scene = Scene::at("2026-11-27T12:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "@daily", &[], json!({})).await;
    let mut writer = scene.db.write().await.unwrap();
    let repository = writer.object_named::<RepositorySpec>(tenant, &name("main")).await.unwrap();
    let off = json!({"survey": null, "check": null, "prune": null, "verify": null});
    let spec = RepositorySpec { maintenance: serde_json::from_value(off).unwrap(), ..repository.spec };
    writer.update(repository.uid, None, spec, scene.now()).await.unwrap();
    writer.commit().await.unwrap();
    for day in ["2026-11-27T12:00:00Z", "2026-12-06T12:00:00Z"] {
        scene.set(day);
        assert_eq!(scene.control.launch_upkeep().await.unwrap(), 0);
    }
}
