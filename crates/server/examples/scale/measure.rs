//! Asks a filled server, and says how long each took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use holdfast_control::Control;
use holdfast_control::work::secrets::Secrets;
use holdfast_db::{Database, JobFilter, JobPage, Level, LogLine, Options};
use holdfast_model::job::{JobKind, JobStatus, Launch, Outcome};
use holdfast_model::policy::PolicySpec;
use holdfast_model::{Clock, SystemClock};
use holdfast_server::{Failures, Server, SystemRandom, router};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use crate::Fallible;

/// So often each thing is asked for.
const ROUNDS: usize = 100;
/// So many clients finish at once.
const CLIENTS: usize = 1000;

struct Silent;

impl Failures for Silent {
    fn note(&self, _: &str, what: &str) {
        panic!("{what}")
    }
}

pub(crate) async fn measure(address: &str) -> Fallible<Value> {
    let db = Database::open(&Options { address: address.to_owned(), connections: 8 }).await?;
    let control = Control::new(db.clone(), Arc::new(SystemClock));
    let place = std::env::temp_dir().join(format!("holdfast-scale-{}", std::process::id()));
    let secrets = Arc::new(Secrets::open(&place, |_| None)?);
    std::fs::remove_dir_all(&place)?;
    let router = router(Server::new(control.clone(), secrets, SystemRandom, Silent));
    // Whatever was due until now is accounted for first.
    let launching = Instant::now();
    let launched = control.launch_due().await?.jobs;
    let launching = launching.elapsed();
    let mut result = Map::new();
    result.insert("launched_jobs".into(), json!(launched));
    result.insert("launching_ms".into(), json!(milliseconds(launching)));
    result.insert(
        "scheduler_pass".into(),
        times(ROUNDS, async |_| control.launch_due().await.map(drop).map_err(Into::into)).await?,
    );
    let mut lists = Map::new();
    for list in lists_of(&router).await? {
        let measured = times(ROUNDS, async |_| get(&router, &list).await.map(drop)).await?;
        lists.insert(list, measured);
    }
    result.insert("lists".into(), Value::Object(lists));
    result.insert("finishing".into(), finishing(&control, &db).await?);
    result.insert("resident_mib".into(), json!(resident_mib()));
    Ok(Value::Object(result))
}

/// Every list, with what is asked for most, at its beginning and far behind it.
async fn lists_of(router: &Router) -> Fallible<Vec<String>> {
    let mut lists: Vec<String> =
        ["tenants", "clients", "repositories", "schedules", "policies", "jobs", "protection", "snapshots"]
            .into_iter()
            .map(|kind| format!("/api/v1/{kind}?limit=50"))
            .collect();
    let client =
        get(router, "/api/v1/clients?limit=1").await?["items"][0]["id"].as_str().ok_or("no client")?.to_owned();
    for more in [
        "clients?limit=50&q=host07".to_owned(),
        "clients?limit=50&tag=group7&sort=-created".to_owned(),
        "jobs?limit=50&status=failed&status=warning".to_owned(),
        "jobs?limit=50&status=queued&status=blocked&status=running".to_owned(),
        format!("jobs?limit=50&client={client}&kind=backup"),
        format!("protection?limit=50&client={client}"),
        format!("snapshots?limit=50&client={client}"),
        "snapshots?limit=50&q=host07".to_owned(),
        "jobs?limit=50&q=host07".to_owned(),
        "events?after=0".to_owned(),
    ] {
        lists.push(format!("/api/v1/{more}"));
    }
    let mut far = "/api/v1/jobs?limit=500".to_owned();
    for _ in 0..20 {
        let cursor = get(router, &far).await?["next_cursor"].as_str().ok_or("the list has ended")?.to_owned();
        far = format!("/api/v1/jobs?limit=500&cursor={cursor}");
    }
    lists.push(far);
    Ok(lists)
}

async fn get(router: &Router, path: &str) -> Fallible<Value> {
    let response = router.clone().oneshot(Request::get(path).body(Body::empty())?).await?;
    assert!(response.status().is_success(), "{path}: {}", response.status());
    Ok(serde_json::from_slice(&to_bytes(response.into_body(), 100 << 20).await?)?)
}

/// A thousand clients finish their backups at once: each job has some lines of log, and each is told of.
async fn finishing(control: &Control, db: &Database) -> Fallible<Value> {
    let mut reader = db.read().await?;
    let policies = reader.all_objects::<PolicySpec>(&Default::default()).await?.objects;
    drop(reader);
    let cancelled = cancel_all(control, db).await?;
    let mut jobs = Vec::new();
    for policy in policies {
        jobs.extend(control.launch_policy(policy.uid, None, Launch::Manual, "ann").await?);
        let backups = jobs.iter().filter(|job| job.kind == JobKind::Backup).count();
        if backups >= CLIENTS {
            break;
        }
    }
    let mut writer = db.write().await?;
    writer.set_setting("jobs_at_once", Some(&json!(CLIENTS))).await?;
    for repository in
        writer.all_objects::<holdfast_model::repository::RepositorySpec>(&Default::default()).await?.objects
    {
        let mut spec = repository.spec;
        spec.concurrency = (CLIENTS as u32).try_into()?;
        writer.update(repository.uid, None, spec, control.now()).await?;
    }
    writer.commit().await?;
    let before = db.read().await?.event_numbers().await?.1;
    let began = Instant::now();
    let begun = control.begin_jobs("worker", CLIENTS).await?;
    let beginning = began.elapsed();
    let (count, finishing) = (begun.len(), Instant::now());
    let line = |nth: u64| LogLine { at: control.now(), level: Level::Info, text: format!("line {nth} of a log") };
    for job in begun {
        let mut writer = db.write().await?;
        writer.add_log(job.uid, 1, &(0..10).map(line).collect::<Vec<_>>()).await?;
        writer.commit().await?;
        control.end_job(job.uid, "worker", JobStatus::Succeeded, Outcome::default()).await?;
    }
    let took = finishing.elapsed();
    let mut reader = db.read().await?;
    let (_, newest) = reader.event_numbers().await?;
    let events = reader.events_after(before, u32::MAX).await?;
    let has_gap = events.iter().zip(before + 1..).any(|(event, number)| event.number != number);
    let ended = events.iter().filter(|event| event.event.body["status"] == "succeeded").count();
    drop(reader);
    cancel_all(control, db).await?;
    Ok(json!({
        "clients": count, "beginning_s": beginning.as_secs_f64(), "seconds": took.as_secs_f64(), "events": newest - before,
        "succeeded_events": ended, "has_gap": has_gap, "cancelled_before": cancelled,
    }))
}

async fn cancel_all(control: &Control, db: &Database) -> Fallible<usize> {
    let filter = JobFilter { statuses: vec![JobStatus::Queued, JobStatus::Blocked], ..JobFilter::default() };
    let mut count = 0;
    loop {
        let jobs = db.read().await?.jobs(&filter, &JobPage::newest(500)).await?;
        if jobs.is_empty() {
            return Ok(count);
        }
        for job in jobs {
            count += usize::from(control.cancel_job(job.uid).await.is_ok());
        }
    }
}

async fn times(rounds: usize, work: impl AsyncFn(usize) -> Fallible<()>) -> Fallible<Value> {
    let mut took = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let began = SystemClock.instant();
        work(round).await?;
        took.push(began.elapsed());
    }
    took.sort();
    let at = |share: usize| milliseconds(took[(took.len() * share / 100).min(took.len() - 1)]);
    Ok(json!({"median_ms": at(50), "p99_ms": at(99)}))
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

fn resident_mib() -> u64 {
    holdfast_testkit::process::resident_bytes(std::process::id()).unwrap_or(0) >> 20
}
