//! Whoever follows jobs hears how far they are, that they are tried again, and what became of that.

use std::io::{BufRead, BufReader, Read};

use holdfast_model::JobUid;
use holdfast_model::Timestamp;
use holdfast_model::job::{Cause, Job, JobError, JobKind, JobStatus, Launch, Outcome};
use holdfast_testkit::process::must_happen;
use serde_json::{Value, json};

use super::objects::furnish;
use super::scene::{Scene, printed, sentence, time};

/// Ends a backup that did not reach its host, and makes the job that tries again, as a worker does.
fn fails_and_is_tried_again(scene: &Scene, job: Job) {
    let mut job = job;
    job.begin("worker", time(1), time(60)).unwrap();
    let error = JobError { cause: Cause::Unreachable, message: "web1 does not answer".into() };
    job.end(JobStatus::Failed, Outcome { error: Some(error), ..Outcome::default() }, time(13)).unwrap();
    let uid = JobUid::new(Timestamp::from(time(13)), [7; 10]);
    let retry = job.retry(uid, Launch::Retry, "scheduler".into(), time(13), time(73));
    scene.change(async |writer| {
        writer.save_job(&job).await.unwrap();
        writer.add_job(&retry).await.unwrap();
        for follower in writer.jobs_after(job.uid).await.unwrap() {
            let mut follower = writer.lock_job(follower).await.unwrap();
            follower.after = Some(retry.uid);
            follower.waiting = Some(holdfast_model::job::Waiting::Job { job: retry.uid });
            writer.save_job(&follower).await.unwrap();
        }
    });
}

/// Ends jobs until a run that is followed has ended. The first backup fails, and is tried again.
fn work(scene: &Scene, line: &str) -> std::process::Output {
    let mut child = scene.start(line);
    let mut has_failed = false;
    must_happen("the program ends", || {
        let open = scene.jobs().into_iter().find(|job| !job.status.is_finished());
        if let Some(mut job) = open {
            if job.status == JobStatus::Blocked {
                job.unblock(time(1)).unwrap();
            }
            if job.kind == JobKind::Backup && !std::mem::replace(&mut has_failed, true) {
                fails_and_is_tried_again(scene, job);
            } else {
                job.begin("worker", time(80), time(90)).unwrap();
                scene.end(job, JobStatus::Succeeded, Outcome::default());
            }
        }
        child.try_wait().unwrap().is_some()
    });
    child.wait_with_output().unwrap()
}

fn ready() -> Scene {
    let scene = Scene::new();
    furnish(&scene);
    scene.say("policy edit web --set client_tags=[]");
    scene
}

#[test]
fn a_run_is_followed_through_its_tries_and_ends_as_the_last_did() {
    let scene = ready();
    let said = printed(0, &work(&scene, "policy run web --follow"));
    let told: Vec<&str> =
        said.lines().filter(|line| line.starts_with("backup of web1") && !line.contains("waits")).collect();
    assert!(told[1].starts_with("backup of web1 failed: web1 does not answer; "), "{said}");
    assert_eq!(told[2], "backup of web1 is tried again at 12:01 (2 of 4)", "{said}");
    assert!(told[3].starts_with("backup of web1: succeeded"), "{said}");
    let ids: Vec<String> = scene.jobs().iter().map(|job| job.uid.to_string()).collect();
    let waits = said.lines().filter(|line| line.contains("waits for"));
    for line in waits {
        assert!(!ids.iter().any(|id| line.contains(id)), "named, not numbered: {line}");
    }
}

#[test]
fn programs_are_told_of_the_next_try_too() {
    let scene = ready();
    let said = printed(0, &work(&scene, "policy run web --follow --json"));
    let events: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let retry = events.iter().find(|event| event["message_type"] == "retry").unwrap();
    assert_eq!((&retry["try"], &retry["tries"]), (&json!(2), &json!(4)));
    let last = events.iter().rfind(|event| event["kind"] == "backup" && event["message_type"] == "job").unwrap();
    assert_eq!((&last["status"], &last["id"]), (&json!("succeeded"), &retry["job"]));
}

#[test]
fn one_job_that_is_watched_ends_with_it_and_tells_which_tries_again() {
    let scene = ready();
    scene.say("policy edit web --set retries.count=1");
    let made = scene.json("policy run web --client web1");
    let id = made[0]["jobs"].as_array().unwrap().iter().find(|job| job["kind"] == "backup").unwrap()["id"].clone();
    let id = id.as_str().unwrap();
    let child = scene.start(&format!("job log -f {id}"));
    let mut job = scene.jobs().into_iter().find(|job| job.uid.to_string() == id).unwrap();
    if job.status == JobStatus::Blocked {
        job.unblock(time(1)).unwrap();
    }
    fails_and_is_tried_again(&scene, job);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stdout.clone()).unwrap();
    let retry = scene.jobs().into_iter().find(|job| job.retry_of.is_some()).unwrap();
    let next = format!("backup of web1 is tried again at 12:01 (2 of 2): job {}\n", retry.uid);
    assert!(said.ends_with(&next), "{said}");
    assert!(sentence(1, &ended).starts_with("backup of web1 failed: web1 does not answer"));
}

#[test]
fn how_far_a_job_is_is_shown_while_somebody_works_on_it() {
    let scene = Scene::new();
    scene.say("repository add main /srv --password-source env:X --no-prepare");
    let mut child = scene.start("repository check main --json");
    let job = scene.begin_next();
    scene.tell_progress(
        &job,
        &json!({"phase": "checking", "seconds_elapsed": 12, "files_done": 3, "files_total": 4, "bytes_done": 3 << 20,
            "bytes_total": 4 << 20, "bytes_per_second": 1 << 18, "seconds_left": 4, "current": "pack\u{1b}[2J"}),
    );
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&event["message_type"], &event["job"]), (&json!("status"), &json!(job.uid)));
    assert_eq!((&event["percent_done"], &event["seconds_remaining"]), (&json!(0.75), &json!(4)));
    let shown = scene.say(&format!("job show {}", job.uid));
    let far = "Progress    checking  0:12  75 %  3 files, 3.000 MiB of 4.000 MiB, 256.000 KiB/s, 0:04 left\n";
    assert!(shown.contains(far) && shown.contains("Now at      pack?[2J\n"), "{shown}");
    let id = job.uid.to_string();
    scene.end(job, JobStatus::Succeeded, Outcome::default());
    line.clear();
    out.read_to_string(&mut line).unwrap();
    assert!(line.contains("\"status\":\"succeeded\"") && child.wait().unwrap().success(), "{line}");
    assert!(!scene.say(&format!("job show {id}")).contains("Progress"), "what has ended goes no further");
}

#[test]
fn whoever_has_read_enough_hears_no_complaint() {
    let scene = Scene::new();
    for line in ["job list", "job list --json", "completions bash"] {
        let mut child = scene.start(line);
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(141), "{line}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{line}");
    }
}

#[test]
fn what_has_succeeded_is_not_tried_again() {
    let scene = Scene::new();
    scene.say("repository add main /srv --password-source env:X --no-prepare");
    let child = scene.start("repository check main");
    let job = scene.begin_next();
    let id = job.uid;
    scene.end(job, JobStatus::Succeeded, Outcome::default());
    printed(0, &child.wait_with_output().unwrap());
    let said = scene.fails(&format!("job retry {id}"));
    assert_eq!(said, "check of main has succeeded: there is nothing to try again");
    assert_eq!(scene.jobs().len(), 1);
}
