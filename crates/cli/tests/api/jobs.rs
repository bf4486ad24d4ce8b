//! Jobs are started, watched, cancelled and tried again.

use std::process::Child;

use holdfast_db::Level;
use holdfast_model::job::{Cause, JobError, JobStatus, Outcome};
use serde_json::Value;

use super::objects::furnish;
use super::scene::{Scene, lines, printed, sentence};

fn output(child: Child) -> std::process::Output {
    child.wait_with_output().unwrap()
}

/// A scene whose only policy backs up one client that is ready, so that a run of it is one backup.
fn ready() -> Scene {
    let scene = Scene::new();
    furnish(&scene);
    scene.say("policy edit web --set client_tags=[]");
    scene
}

/// Ends all jobs that were asked for, each like this, until a child has ended.
fn work(scene: &Scene, child: Child, status: JobStatus, outcome: &Outcome) -> std::process::Output {
    let mut child = child;
    holdfast_testkit::process::must_happen("the program ends", || {
        for job in scene.jobs().into_iter().filter(|job| !job.status.is_finished()) {
            let mut job = job;
            if job.status == JobStatus::Blocked {
                job.unblock(super::scene::time(1)).unwrap();
            }
            job.begin("worker", super::scene::time(1), super::scene::time(60)).unwrap();
            scene.log(&job, 1, &[(Level::Info, "one"), (Level::Warning, "two\u{1b}[2J")]);
            scene.end(job, status, outcome.clone());
        }
        child.try_wait().unwrap().is_some()
    });
    output(child)
}

#[test]
fn a_run_that_is_followed_ends_as_its_jobs_do() {
    let scene = ready();
    let good = Outcome { files: 1200, bytes: 3 << 30, bytes_added: 5 << 20, ..Outcome::default() };
    let run = |status, outcome: &Outcome| work(&scene, scene.start("policy run web --follow"), status, outcome);
    let said = printed(0, &run(JobStatus::Succeeded, &good));
    assert!(said.contains("backup of web1: succeeded in 0:12, 1200 files, 3.000 GiB, 5.000 MiB added\n"), "{said}");
    assert!(said.contains("backup of web1: one\nbackup of web1: warning: two?[2J\n"), "{said}");
    let said = printed(3, &run(JobStatus::Warning, &Outcome { warnings: 2, ..good.clone() }));
    assert!(
        said.contains("backup of web1: warning in 0:12, 1200 files, 3.000 GiB, 5.000 MiB added, 2 warnings\n"),
        "{said}"
    );
    let error = JobError { cause: Cause::Full, message: "no room on /srv/backup".into() };
    let failed = run(JobStatus::Failed, &Outcome { error: Some(error), ..good });
    printed(1, &failed);
    assert!(String::from_utf8_lossy(&failed.stderr).contains("did not end well"), "{failed:?}");
}

#[test]
fn a_run_that_is_not_followed_says_which_jobs_it_made() {
    let scene = ready();
    let said = scene.say("policy run web");
    for job in scene.jobs() {
        assert!(said.contains(&job.uid.to_string()), "{said}");
    }
    // The client is busy with the first run.
    let again = scene.json("policy run web --client web1");
    assert!(again[0]["jobs"].as_array().unwrap().iter().any(|job| job["status"] == "skipped"), "{again:?}");
    let skipped = scene.say("policy run web --client web1");
    assert!(skipped.contains(" skipped: the run before has not ended: job "), "{skipped}");
    assert!(scene.fails("policy run web --client web9").contains("web9"));
    let other = scene.fails("policy run web --client db1");
    assert!(other.contains("none of these is a client of the policy"), "{other}");
}

#[test]
fn a_log_is_followed_to_the_end_of_its_job() {
    let scene = Scene::new();
    scene.say("repository add main /srv --password-source env:X --no-prepare");
    let prune = scene.start("repository prune main -q");
    let job = scene.begin_next();
    let mut lines: Vec<String> = (1..=1500).map(|number| format!("line {number}")).collect();
    let given: Vec<_> = lines.iter().map(|line| (Level::Info, line.as_str())).collect();
    scene.log(&job, 1, &given);
    let follow = scene.start(&format!("job log -f {}", job.uid));
    scene.end(job, JobStatus::Warning, Outcome { warnings: 1, ..Outcome::default() });
    lines.push("prune of main: warning in 0:12, 1 warning".to_owned());
    let said = printed(3, &output(follow));
    assert_eq!(said.lines().collect::<Vec<_>>(), lines, "all of it, once, in order");
    assert_eq!(printed(3, &output(prune)), "");
}

#[test]
fn whoever_stops_watching_leaves_the_job_at_work() {
    let scene = Scene::new();
    scene.say("repository add main /srv --password-source env:X --no-prepare");
    let prune = scene.start("repository prune main");
    let job = scene.begin_next();
    holdfast_testkit::process::signal(prune.id(), rustix::process::Signal::INT);
    let said = sentence(130, &output(prune));
    assert!(said.contains(&format!("`holdfast job log -f {}`", job.uid)), "{said}");
    assert!(scene.jobs()[0].status == JobStatus::Running && !scene.jobs()[0].cancel_requested);
}

#[test]
fn a_job_is_shown_cancelled_and_tried_again() {
    let scene = Scene::new();
    scene.say("repository add main /srv --password-source env:X --no-prepare");
    let prune = scene.start("repository prune main");
    let job = scene.begin_next();
    let id = job.uid.to_string();
    assert_eq!(scene.say(&format!("job cancel {id}")), "prune of main was asked to end\n");
    let mut job = job;
    job.cancel_requested = true;
    scene.log(&job, 1, &[(Level::Info, "reads the index"), (Level::Error, "interrupted")]);
    scene.end(job, JobStatus::Cancelled, Outcome::default());
    let ended = output(prune);
    printed(1, &ended);
    assert!(sentence(1, &output(scene.start(&format!("job log -f -q {id}")))).contains("prune of main cancelled"));
    let log = scene.say(&format!("job log {id}"));
    assert_eq!(log, "2026-11-24 12:00:02 reads the index\n2026-11-24 12:00:02 error: interrupted\n");
    let list = scene.say("job list");
    let row = format!("{id}  2026-11-24 12:00:00  prune of main          cancelled  0:12\n1 job\n");
    assert!(list.ends_with(&row), "{list}");
    let shown = scene.say(&format!("job show {id}"));
    assert!(shown.starts_with("What        prune of main\nStatus      cancelled"), "{shown}");
    assert!(scene.fails(&format!("job cancel {id}")).contains("cancelled"));
    let again = scene.say(&format!("job retry {id}"));
    assert!(again.starts_with("prune of main queued: job "), "{again}");
    let new = scene.json("job list --status queued --kind prune");
    assert_eq!(new[0].as_array().unwrap().len(), 1, "{new:?}");
    assert_eq!(scene.say("job list --status running"), "0 jobs\n");
}

#[test]
fn programs_read_logs_and_ends_as_documents() {
    let scene = Scene::new();
    scene.say("repository add main /srv --password-source env:X --no-prepare");
    let child = scene.start("repository check main --json");
    let job = scene.begin_next();
    scene.log(&job, 1, &[(Level::Info, "reads")]);
    scene.end(job, JobStatus::Succeeded, Outcome::default());
    let events = lines(&printed(0, &output(child)));
    let of = |kind: &str| -> Vec<&Value> { events.iter().filter(|event| event["message_type"] == kind).collect() };
    assert_eq!((of("log")[0]["text"].as_str(), of("log")[0]["level"].as_str()), (Some("reads"), Some("info")));
    assert_eq!(of("job")[0]["status"], "succeeded");
}
