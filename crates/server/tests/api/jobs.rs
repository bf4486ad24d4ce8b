//! Jobs are listed and read, and so are their logs.

use axum::http::Method;
use holdfast_db::{Level, LogLine};
use holdfast_model::job::{Cause, Job, JobError, JobKind, JobStatus, Launch, NewJob, Outcome};
use holdfast_model::{ClientUid, JobUid, RunUid, Time, Timestamp};
use serde_json::{Value, json};

use super::scene::Scene;

fn time(second: i64) -> Time {
    Time::from_second(1_795_521_600 + second).unwrap()
}

/// Six jobs, the newest last: backups of one client and a check; the first has failed.
async fn jobs(scene: &Scene) -> Vec<Job> {
    let at = |second| Timestamp::from(time(second));
    let (run, client) = (RunUid::new(at(0), [1; 10]), ClientUid::new(at(0), [2; 10]));
    let new = |nth: i64| NewJob {
        uid: JobUid::new(at(nth), [3; 10]),
        tenant: scene.tenant.parse().unwrap(),
        kind: if nth == 5 { JobKind::Check } else { JobKind::Backup },
        run,
        launch: Launch::Scheduled,
        launched_by: "scheduler".into(),
        now: time(nth),
    };
    let mut jobs: Vec<Job> = (0..6).map(|nth| new(nth).queued()).collect();
    for job in &mut jobs[..5] {
        job.client = Some(client);
    }
    jobs[0].begin("one", time(6), time(36)).unwrap();
    let error = JobError { cause: Cause::Full, message: "no room".into() };
    jobs[0].end(JobStatus::Failed, Outcome { error: Some(error), ..Outcome::default() }, time(8)).unwrap();
    let first = jobs[0].uid;
    jobs[4] = jobs[4].clone().after(first);
    let mut writer = scene.database.write().await.unwrap();
    for job in &jobs {
        writer.add_job(job).await.unwrap();
    }
    writer.commit().await.unwrap();
    jobs
}

async fn list(scene: &Scene, query: &str) -> (Vec<String>, Value) {
    let page = scene.get(&format!("/api/v1/jobs?{query}")).await.json();
    let ids = page["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect();
    (ids, page["next_cursor"].clone())
}

#[tokio::test]
async fn the_newest_job_comes_first_and_the_list_goes_on_where_it_ended() {
    let scene = Scene::new().await;
    let mut uids: Vec<String> = jobs(&scene).await.iter().map(|job| job.uid.to_string()).collect();
    uids.reverse();
    let (first, cursor) = list(&scene, "limit=4").await;
    assert_eq!(first, uids[..4]);
    let (rest, end) = list(&scene, &format!("limit=4&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!((rest.as_slice(), end), (&uids[4..], Value::Null));
}

#[tokio::test]
async fn jobs_are_found_by_what_they_are_and_where_they_stand() {
    let scene = Scene::new().await;
    let made = jobs(&scene).await;
    let client = made[0].client.unwrap();
    assert_eq!(list(&scene, &format!("client={client}&status=queued")).await.0.len(), 3);
    assert_eq!(list(&scene, "status=failed&status=blocked").await.0.len(), 2);
    assert_eq!(list(&scene, "kind=check").await.0, [made[5].uid.to_string()]);
    assert_eq!(list(&scene, &format!("run={}&tenant={}", made[0].run, scene.tenant)).await.0.len(), 6);
    for field in ["policy", "repository"] {
        assert_eq!(list(&scene, &format!("{field}=0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41")).await.0.len(), 0);
    }
    for (query, code) in [
        ("status=done", "invalid_query"),
        ("kind=backups", "invalid_query"),
        ("client=web1", "invalid_query"),
        ("sort=name", "invalid_query"),
        ("cursor=x", "invalid_cursor"),
    ] {
        assert_eq!(scene.get(&format!("/api/v1/jobs?{query}")).await.code(), (400, code.into()), "{query}");
    }
    let near = scene.get("/api/v1/jobs?kind=backups").await.json();
    assert_eq!(near["errors"][0]["suggestion"], "backup");
}

#[tokio::test]
async fn a_job_says_what_it_waits_for_and_what_to_do_about_its_error() {
    let scene = Scene::new().await;
    let made = jobs(&scene).await;
    let read = async |nth: usize| scene.get(&format!("/api/v1/jobs/{}", made[nth].uid)).await.json();
    let failed = read(0).await;
    assert_eq!(failed["outcome"]["error"], json!({"cause": "full", "message": "no room"}));
    assert_eq!(failed["fix"], "make room, or forget and prune");
    let blocked = read(4).await;
    assert_eq!(blocked["waiting"], json!({"for": "job", "job": made[0].uid}));
    assert_eq!(blocked["waiting_text"], format!("waits for job {}", made[0].uid));
}

#[tokio::test]
async fn a_log_is_read_in_ranges_and_in_the_form_that_is_wanted() {
    let scene = Scene::new().await;
    let uid = jobs(&scene).await[0].uid;
    let line = |nth| LogLine { at: time(nth), level: Level::Warning, text: format!("line {nth}") };
    let mut writer = scene.database.write().await.unwrap();
    writer.add_log(uid, 1, &[line(1), line(2), line(3)]).await.unwrap();
    writer.commit().await.unwrap();
    let path = format!("/api/v1/jobs/{uid}/log");
    let text = scene.get(&format!("{path}?limit=2")).await;
    assert_eq!(text.text, "2026-11-24T12:00:01Z warning line 1\n2026-11-24T12:00:02Z warning line 2\n");
    assert_eq!((text.header("content-type"), text.header("x-next-line")), ("text/plain; charset=utf-8", "3"));
    let colours = scene.get(&format!("{path}?limit=1&format=ansi")).await;
    assert_eq!(colours.text, "2026-11-24T12:00:01Z \u{1b}[33mwarning line 1\u{1b}[0m\n");
    let accept = [("accept", "application/x-ndjson")];
    let rest = scene.send(Method::GET, &format!("{path}?from=3"), &accept, "").await;
    let expected = json!({"line": 3, "at": "2026-11-24T12:00:03Z", "level": "warning", "text": "line 3"});
    assert_eq!((rest.json(), rest.header("x-next-line")), (expected, "4"));
    let end = scene.get(&format!("{path}?from=4")).await;
    assert_eq!((end.text.as_str(), end.header("x-next-line")), ("", "4"));
    let accept = [("accept", "application/json")];
    assert_eq!(scene.send(Method::GET, &path, &accept, "").await.code(), (406, "not_acceptable".into()));
    for query in ["from=0", "limit=0", "limit=10001", "form=1", "from=18446744073709551615"] {
        assert_eq!(scene.get(&format!("{path}?{query}")).await.code(), (400, "invalid_query".into()), "{query}");
    }
    let nobody = scene.get("/api/v1/jobs/0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41/log").await;
    assert_eq!(nobody.code(), (404, "not_found".into()));
}

#[tokio::test]
async fn how_far_a_job_is_is_known_while_somebody_works_on_it() {
    let scene = Scene::new().await;
    let mut job = jobs(&scene).await.remove(1);
    let place = format!("/api/v1/jobs/{}", job.uid);
    let keep = async |job: &Job| {
        let mut writer = scene.database.write().await.unwrap();
        writer.save_job(job).await.unwrap();
        writer.commit().await.unwrap();
    };
    let words = json!({"topic": "progress", "job": job.uid, "progress": {"phase": "backing_up", "bytes_done": 5}});
    scene.database.say(words.to_string()).await.unwrap();
    job.begin("one", time(6), time(36)).unwrap();
    keep(&job).await;
    let mut shown = scene.get(&place).await.json();
    while shown["progress"].is_null() {
        // Whoever hears of it has its turn.
        tokio::task::yield_now().await;
        shown = scene.get(&place).await.json();
    }
    assert_eq!((&shown["progress"]["phase"], &shown["progress"]["bytes_done"]), (&json!("backing_up"), &json!(5)));
    let list = scene.get("/api/v1/jobs?status=running").await.json();
    assert_eq!(list["items"][0]["progress"], shown["progress"]);
    job.end(JobStatus::Succeeded, Outcome::default(), time(8)).unwrap();
    keep(&job).await;
    assert_eq!(scene.get(&place).await.json()["progress"], Value::Null);
}
