//! What runs when.

use holdfast_model::client::ClientSpec;
use holdfast_model::job::{Cause, JobKind, JobStatus, Launch, Outcome, Waiting};
use holdfast_model::repository::RepositorySpec;
use serde_json::json;

use super::scene::{Scene, name};

use JobKind::{Backup, Catalog, Forget};
use JobStatus::{Blocked, Cancelled, Queued, Running, Skipped, Succeeded};

#[tokio::test]
async fn a_tenant_whose_run_goes_on_skips_the_next_and_keeps_no_other_from_running() {
    let scene = Scene::at("2026-11-24T07:30:00Z").await;
    scene.set_setting("catalog", json!(false)).await;
    scene.set_setting("forget_after_backup", json!(false)).await;
    let one = scene.add_tenant(json!({"name": "one", "overlap": "tenant"})).await;
    let two = scene.add_tenant(json!({"name": "two", "overlap": "tenant"})).await;
    for tenant in [one, two] {
        scene.furnish(tenant, "0 8-10 * * *", &["web1"], json!({})).await;
    }
    scene.set("2026-11-24T08:00:00Z");
    let eight = scene.tick().await;
    assert_eq!(eight.len(), 2);
    let of = |tenant| eight.iter().find(|job| job.tenant == tenant).unwrap();
    scene.minutes(20);
    scene.succeed(of(two)).await;
    scene.set("2026-11-24T09:00:00Z");
    let nine = scene.tick().await;
    assert_eq!(nine.iter().map(|job| job.tenant).collect::<Vec<_>>(), [two], "tenant one is still at it");
    scene.minutes(10);
    scene.succeed(&nine[0]).await;
    scene.succeed(of(one)).await;
    scene.set("2026-11-24T10:00:00Z");
    let ten = scene.tick().await;
    assert_eq!(ten.len(), 2);
    for job in &ten {
        scene.succeed(job).await;
    }
    let jobs = scene.jobs(Backup).await;
    let statuses = |tenant| jobs.iter().filter(|job| job.tenant == tenant).map(|job| job.status).collect::<Vec<_>>();
    assert_eq!(statuses(one), [Succeeded, Skipped, Succeeded]);
    assert_eq!(statuses(two), [Succeeded, Succeeded, Succeeded]);
    let skipped = jobs.iter().find(|job| job.status == Skipped).unwrap();
    assert_eq!(skipped.waiting, Some(Waiting::Overlap { job: of(one).uid }));
    assert_eq!(skipped.due.unwrap().to_string(), "2026-11-24T09:00:00Z");
}

#[tokio::test]
async fn a_chain_goes_on_job_by_job() {
    let scene = Scene::at("2026-11-24T01:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["web1"], json!({})).await;
    scene.set("2026-11-24T02:00:01Z");
    let begun = scene.tick().await;
    assert_eq!(begun.iter().map(|job| job.kind).collect::<Vec<_>>(), [Backup]);
    assert_eq!(scene.statuses(Catalog).await, [Blocked]);
    assert!(scene.tick().await.is_empty());
    scene.succeed(&begun[0]).await;
    assert_eq!(scene.statuses(Catalog).await, [Queued]);
    scene.work_off().await;
    assert_eq!(scene.statuses(Forget).await, [Succeeded]);
}

#[tokio::test]
async fn what_was_missed_while_the_server_was_away_is_made_up_for_once() {
    let scene = Scene::at("2026-11-20T01:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["web1", "web2"], json!({})).await;
    scene.set("2026-11-24T09:00:00Z");
    scene.work_off().await;
    let jobs = scene.jobs(Backup).await;
    assert_eq!(jobs.iter().map(|job| job.launch).collect::<Vec<_>>(), [Launch::CatchUp; 2]);
    scene.set("2026-11-25T02:00:00Z");
    scene.work_off().await;
    assert_eq!(scene.jobs(Backup).await.last().unwrap().launch, Launch::Scheduled);
    assert_eq!(scene.jobs(Backup).await.len(), 4);
}

#[tokio::test]
async fn what_is_not_to_be_made_up_for_is_noted_for_each_client() {
    let scene = Scene::at("2026-11-20T01:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["web1", "web2"], json!({"on_missed": "skip"})).await;
    scene.set("2026-11-24T09:00:00Z");
    assert!(scene.tick().await.is_empty());
    let jobs = scene.jobs(Backup).await;
    assert_eq!(scene.statuses(Backup).await, [Skipped; 2]);
    assert!(matches!(jobs[0].waiting, Some(Waiting::Missed { runs: 5, .. })), "{:?}", jobs[0].waiting);
}

#[tokio::test]
async fn two_servers_start_a_run_once() {
    let scene = Scene::at("2026-11-24T01:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["web1", "web2", "web3"], json!({})).await;
    scene.set("2026-11-24T02:00:00Z");
    let other = scene.control.clone();
    let (one, two) = tokio::join!(scene.control.launch_due(), other.launch_due());
    assert_eq!(one.unwrap().jobs + two.unwrap().jobs, 9, "three jobs for each of three clients");
    let begin = |worker| scene.control.begin_jobs(worker, 50);
    let (one, two) = tokio::join!(begin("one"), begin("two"));
    assert_eq!(one.unwrap().len() + two.unwrap().len(), 3);
}

#[tokio::test]
async fn a_job_waits_for_its_window_and_says_so() {
    let scene = Scene::at("2026-11-24T01:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    let windows = json!({"windows": {"start": ["22:00-06:00"], "pause": ["04:00-23:00"]}});
    scene.furnish(tenant, "0 12 * * *", &["web1"], windows).await;
    scene.set("2026-11-24T12:00:00Z");
    assert!(scene.tick().await.is_empty());
    let waiting = scene.jobs(Backup).await[0].waiting.clone();
    assert_eq!(waiting, Some(Waiting::Window { at: Some("2026-11-24T23:00:00Z".parse().unwrap()) }));
    scene.set("2026-11-24T23:00:00Z");
    assert_eq!(scene.tick().await.len(), 1);
}

#[tokio::test]
async fn somebody_can_start_a_policy_for_some_clients_at_once() {
    let scene = Scene::at("2026-11-24T01:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["web1", "web2"], json!({"schedule": null})).await;
    let policy = scene.db.read().await.unwrap();
    let policy = { policy }.object_named::<holdfast_model::policy::PolicySpec>(tenant, &name("policy")).await.unwrap();
    let only = [name("web2")].into();
    let jobs = scene.control.launch_policy(policy.uid, Some(&only), Launch::Manual, "ann").await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.kind).collect::<Vec<_>>(), [Backup, Catalog, Forget]);
    assert!(jobs.iter().all(|job| job.launched_by == "ann" && job.due.is_none()));
    let again = scene.control.launch_policy(policy.uid, None, Launch::Manual, "ann").await.unwrap();
    assert_eq!(again.iter().filter(|job| job.status == Skipped).count(), 1, "web2 is waiting already");
}

#[tokio::test]
async fn what_is_cancelled_takes_along_what_waits_for_it() {
    let scene = Scene::at("2026-11-24T01:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["web1"], json!({})).await;
    scene.set("2026-11-24T02:00:00Z");
    scene.control.launch_due().await.unwrap();
    let backup = scene.jobs(Backup).await.remove(0);
    assert_eq!(scene.control.cancel_job(backup.uid).await.unwrap().status, Cancelled);
    assert_eq!(scene.statuses(Forget).await, [Cancelled]);
    scene.set("2026-11-25T02:00:00Z");
    let begun = scene.tick().await;
    assert_eq!(scene.control.cancel_job(begun[0].uid).await.unwrap().status, Running, "its worker is asked");
    assert_eq!(scene.control.renew("worker", &[begun[0].uid]).await.unwrap().to_end, [begun[0].uid].into());
}

#[tokio::test]
async fn what_was_forgotten_is_pruned_once_where_the_settings_want_that() {
    let scene = Scene::at("2026-11-24T00:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["one", "two"], json!({})).await;
    scene.set_setting("catalog", json!(false)).await;
    scene.set_setting("prune_after_forget", json!(true)).await;
    scene.set("2026-11-24T02:00:00Z");
    for backup in scene.tick().await {
        scene.succeed(&backup).await;
    }
    let mut forgets = 0;
    while forgets < 2 {
        for job in scene.tick().await.into_iter().filter(|job| job.kind == JobKind::Forget) {
            let outcome = Outcome { snapshots_removed: 1, ..Outcome::default() };
            scene.control.end_job(job.uid, "worker", JobStatus::Succeeded, outcome).await.unwrap();
            forgets += 1;
        }
    }
    assert_eq!(scene.jobs(JobKind::Prune).await.len(), 1);
}

#[tokio::test]
async fn what_is_disabled_after_its_jobs_were_made_has_them_wait_until_it_is_enabled() {
    let scene = Scene::at("2026-11-24T01:00:00Z").await;
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["web1", "web2"], json!({})).await;
    scene.set("2026-11-24T02:00:00Z");
    scene.control.launch_due().await.unwrap();
    scene.enable::<ClientSpec>(tenant, "web1", false, |spec, enabled| spec.enabled = enabled).await;
    let begun = scene.tick().await;
    assert_eq!(begun.len(), 1);
    // It is tried again later, by then without its repository.
    scene.fail(&begun[0], Cause::Unreachable).await;
    scene.enable::<RepositorySpec>(tenant, "main", false, |spec, enabled| spec.enabled = enabled).await;
    scene.minutes(120);
    assert!(scene.tick().await.is_empty());
    let waiting = async || {
        let backups = scene.jobs(Backup).await.into_iter().filter(|job| job.status == Queued);
        backups.map(|job| job.waiting.unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(waiting().await, ["waits until its repository main is enabled"; 2]);
    scene.enable::<RepositorySpec>(tenant, "main", true, |spec, enabled| spec.enabled = enabled).await;
    assert_eq!(scene.tick().await.len(), 1);
    assert_eq!(waiting().await, ["waits until its client web1 is enabled"]);
    scene.enable::<ClientSpec>(tenant, "web1", true, |spec, enabled| spec.enabled = enabled).await;
    assert_eq!(scene.tick().await.len(), 1);
}
