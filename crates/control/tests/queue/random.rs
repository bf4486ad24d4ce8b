//! Days at random: jobs end well, fail, are cancelled; workers die and wake up late. Whatever happens, no job is stuck and each
//! run of a client has at most one success.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_control::LEASE;
use holdfast_model::job::{Cause, Job, JobError, JobKind, JobStatus, Outcome};
use holdfast_testkit::Prng;
use serde_json::json;

use super::scene::Scene;

#[tokio::test]
async fn whatever_happens_no_job_is_stuck_and_no_run_succeeds_twice() {
    for seed in 0..5 {
        day(seed).await;
    }
}

async fn day(seed: u64) {
    let mut random = Prng::new(seed);
    let mut below = move |bound: u64| random.next_u64() % bound;
    let scene = Scene::at("2026-11-24T00:30:00Z").await;
    for tenant in ["one", "two"] {
        let overlap = if below(2) == 0 { "client" } else { "tenant" };
        let tenant = scene.add_tenant(json!({"name": tenant, "overlap": overlap})).await;
        scene
            .furnish(tenant, "0 * * * *", &["a", "b", "c"], json!({"retries": {"count": 1, "delay_seconds": 30}}))
            .await;
    }
    let mut at_work: Vec<(Job, &str)> = Vec::new();
    for _ in 0..200 {
        scene.clock.advance(Duration::from_secs(20 + below(200)));
        let (worker, other) = if below(2) == 0 { ("one", "two") } else { ("two", "one") };
        scene.control.launch_due().await.unwrap();
        at_work.extend(
            scene.control.begin_jobs(worker, 1 + below(4) as usize).await.unwrap().into_iter().map(|job| (job, worker)),
        );
        let own =
            |name| at_work.iter().filter(|(_, worker)| *worker == name).map(|(job, _)| job.uid).collect::<Vec<_>>();
        match below(10) {
            // One worker is dead for a while: what it had is found by the other.
            0 => scene.clock.advance(LEASE + Duration::from_secs(1)),
            _ => drop(scene.control.renew(other, &own(other)).await.unwrap()),
        }
        scene.control.renew(worker, &own(worker)).await.unwrap();
        for job in scene.control.adopt_abandoned(worker).await.unwrap() {
            let status = if below(3) == 0 { JobStatus::Succeeded } else { JobStatus::Lost };
            scene.control.end_job(job.uid, worker, status, Outcome::default()).await.unwrap();
        }
        if below(20) == 0
            && let Some((job, _)) = at_work.first()
        {
            let _ = scene.control.cancel_job(job.uid).await;
        }
        for _ in 0..below(4) {
            if at_work.is_empty() {
                break;
            }
            let (job, worker) = at_work.swap_remove(below(at_work.len() as u64) as usize);
            let (status, cause) = match below(6) {
                0 => (JobStatus::Failed, Some(Cause::Disconnected)),
                1 => (JobStatus::Failed, Some(Cause::Full)),
                2 => (JobStatus::Warning, None),
                _ => (JobStatus::Succeeded, None),
            };
            let error = cause.map(|cause| JobError { cause, message: "at random".into() });
            // Somebody else may have it by now.
            let _ = scene.control.end_job(job.uid, worker, status, Outcome { error, ..Outcome::default() }).await;
        }
    }
    // Nobody comes back; what is left is found and worked off, and nothing new is due.
    let mut writer = scene.db.write().await.unwrap();
    for policy in writer.all_objects::<holdfast_model::policy::PolicySpec>(&Default::default()).await.unwrap().objects {
        let off = holdfast_model::policy::PolicySpec { enabled: false, ..policy.spec };
        writer.update(policy.uid, None, off, scene.now()).await.unwrap();
    }
    writer.commit().await.unwrap();
    for _ in 0..60 {
        scene.minutes(2);
        for job in scene.control.adopt_abandoned("three").await.unwrap() {
            scene.control.end_job(job.uid, "three", JobStatus::Lost, Outcome::default()).await.unwrap();
        }
        for job in scene.control.begin_jobs("three", 50).await.unwrap() {
            scene.control.end_job(job.uid, "three", JobStatus::Succeeded, Outcome::default()).await.unwrap();
        }
    }
    let mut successes: BTreeMap<_, u32> = BTreeMap::new();
    for kind in JobKind::ALL {
        for job in scene.jobs(kind).await {
            assert!(job.status.is_finished(), "seed {seed}: {} {} is stuck as {}", job.kind, job.uid, job.status);
            if job.status.is_good() {
                *successes.entry((job.run, job.client, job.kind)).or_default() += 1;
            }
        }
    }
    assert!(successes.len() > 10, "seed {seed}: something was done");
    assert!(successes.values().all(|count| *count == 1), "seed {seed}: a run succeeded twice");
}
