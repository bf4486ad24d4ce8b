//! What fails, and what is lost.

use std::time::Duration;

use holdfast_control::{ControlError, LEASE};
use holdfast_model::job::{Cause, JobKind, JobStatus, Launch, Outcome};
use serde_json::json;

use super::scene::Scene;

use JobKind::{Backup, Catalog, Forget};
use JobStatus::{Blocked, Failed, Lost, Queued, Succeeded};

async fn scene(policy: serde_json::Value) -> Scene {
    let scene = Scene::at("2026-11-24T01:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["web1"], policy).await;
    scene.set("2026-11-24T02:00:00Z");
    scene
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_the_chain_waits_for_it() {
    let scene = scene(json!({"retries": {"count": 2, "delay_seconds": 60, "longest_delay_seconds": 3600}})).await;
    let first = scene.tick().await.remove(0);
    scene.fail(&first, Cause::Disconnected).await;
    assert!(scene.tick().await.is_empty(), "not at once");
    assert_eq!(scene.statuses(Catalog).await, [Blocked]);
    scene.minutes(1);
    let second = scene.tick().await.remove(0);
    assert_eq!((second.retry_of, second.launch, second.run), (Some(first.uid), Launch::Retry, first.run));
    scene.fail(&second, Cause::Storage).await;
    scene.minutes(1);
    assert!(scene.tick().await.is_empty(), "twice as long");
    scene.minutes(1);
    scene.work_off().await;
    assert_eq!(scene.statuses(Backup).await, [Failed, Failed, Succeeded]);
    assert_eq!(scene.statuses(Forget).await, [Succeeded]);
}

#[tokio::test]
async fn what_does_not_pass_fails_all_that_waited_for_it_and_says_so() {
    let scene = scene(json!({})).await;
    let job = scene.tick().await.remove(0);
    scene.fail(&job, Cause::WrongPassword).await;
    assert_eq!(scene.jobs(Backup).await.len(), 1);
    for kind in [Catalog, Forget] {
        let job = scene.jobs(kind).await.remove(0);
        assert_eq!((job.status, job.outcome.error.unwrap().cause), (Failed, Cause::Dependency));
    }
}

#[tokio::test]
async fn a_host_that_is_away_is_called_until_it_is_back() {
    let scene = scene(json!({"retries": {"count": 0}})).await;
    for _ in 0..10 {
        let job = scene.tick().await.remove(0);
        scene.fail(&job, Cause::Unreachable).await;
        scene.minutes(15);
    }
    scene.work_off().await;
    let jobs = scene.jobs(Backup).await;
    assert_eq!((jobs.len(), jobs[10].launch, jobs[10].status), (11, Launch::CatchUp, Succeeded));
    scene.set("2026-11-25T02:00:00Z");
    let job = scene.tick().await.remove(0);
    scene.fail(&job, Cause::LoginRefused).await;
    scene.minutes(15);
    assert!(scene.tick().await.is_empty(), "that will not pass by itself");
}

#[tokio::test]
async fn a_worker_that_woke_up_late_changes_nothing() {
    let scene = scene(json!({})).await;
    let job = scene.tick().await.remove(0);
    assert_eq!(scene.control.adopt_abandoned("other").await.unwrap(), []);
    scene.clock.advance(LEASE + Duration::from_secs(1));
    let adopted = scene.control.adopt_abandoned("other").await.unwrap();
    assert_eq!(adopted.iter().map(|job| job.uid).collect::<Vec<_>>(), [job.uid]);
    assert!(scene.control.renew("worker", &[job.uid]).await.unwrap().held.is_empty());
    let late = scene.control.end_job(job.uid, "worker", Succeeded, Outcome::default()).await.unwrap_err();
    assert!(matches!(late, ControlError::NotOurs(uid) if uid == job.uid));
    scene.control.end_job(job.uid, "other", Lost, Outcome::default()).await.unwrap();
    assert_eq!(scene.statuses(Backup).await, [Lost, Queued]);
    scene.minutes(1);
    scene.work_off().await;
    assert_eq!(scene.statuses(Backup).await, [Lost, Succeeded]);
}

#[tokio::test]
async fn a_worker_that_stops_in_order_puts_its_jobs_back() {
    let scene = scene(json!({})).await;
    let job = scene.tick().await.remove(0);
    scene.control.put_back_job(job.uid, "worker", scene.now(), None).await.unwrap();
    let again = scene.control.begin_jobs("other", 50).await.unwrap().remove(0);
    assert_eq!((again.uid, again.started), (job.uid, job.started), "the same job goes on");
    assert!(scene.control.put_back_job(job.uid, "worker", scene.now(), None).await.is_err());
}
