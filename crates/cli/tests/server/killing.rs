//! A server that is killed at any moment: no job is stuck, every run is accounted for once, and the repository is sound.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_testkit::process::{must_happen, wait_until};
use holdfast_testkit::{Prng, Restic, Tree};
use serde_json::{Value, json};

use crate::scene::{Databases, Scene, hosts};
use crate::workers::Worker;

/// So often it is killed; `HOLDFAST_KILLS` says otherwise.
const KILLS: u64 = 8;

pub(crate) fn whenever_a_server_is_killed_no_job_is_stuck_and_no_run_is_lost(databases: &Databases) {
    let Some(hosts) = hosts() else { return };
    let kills = std::env::var("HOLDFAST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let seed = std::env::var("HOLDFAST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_124);
    println!("seed {seed}, {kills} kills");
    let mut random = Prng::new(seed);
    let scene = Scene::new(databases);
    let tree = Tree::create(scene.dir.path().join("source"));
    for nth in 0..40 {
        tree.file(format!("directory {}/file {nth}", nth % 7), random.bytes(30_000));
    }
    let names = ["one", "two", "three"];
    for (name, sshd) in names.iter().zip(&hosts) {
        scene.enrol(sshd, name);
    }
    scene.make("schedules", json!({"name": "hourly", "cron": "0 * * * *"}));
    scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [scene.path("source")]}, "repository": "main",
            "schedule": "hourly", "clients": names, "retention": {"last": 3},
            "retries": {"count": 200, "delay_seconds": 1, "longest_delay_seconds": 1}}),
    );
    // Where others can share the work one does, and is killed as often as the server.
    let mut worker = databases.is_shared().then(|| Worker::start(&scene, "beside", 3));
    scene.put_forward_to("06:00");
    for nth in 0..kills {
        tree.file(format!("changed {}", nth % 5), random.bytes(20_000));
        // Somewhere between the first look at the clock and the last word of the last job.
        wait_until(Duration::from_millis(random.below(2500)), || false);
        // In every fourth case whatever it has started dies with it.
        let with_all = nth % 4 == 3;
        match worker.take() {
            Some(victim) if random.below(2) == 0 => {
                victim.kill(with_all);
                scene.put_forward(3600);
                worker = Some(Worker::start(&scene, "beside", 3));
            }
            alive => {
                worker = alive;
                scene.kill(with_all);
                scene.put_forward(3600);
                scene.start();
            }
        }
    }
    // The last hour is due now; whoever lives looks for that in a moment.
    let hour = scene.hour();
    must_happen("the last hour is accounted for", || accounted(&scene).as_deref() == Some(hour.as_str()));
    // Leases run out, and whatever is tried again has its time.
    for _ in 0..10 {
        wait_until(Duration::from_secs(3), || open(&scene).is_empty());
        scene.put_forward(60);
    }
    scene.comes_to_rest();
    every_run_is_accounted_for_once(&scene, &names, kills);
    let repository = scene.get("/api/v1/repositories")["items"][0]["id"].as_str().unwrap().to_owned();
    let check = format!("/api/v1/repositories/{repository}/check");
    scene.job_of(scene.send("POST", &check, json!({"read_data": true})), "succeeded");
    if let Some(restic) = Restic::new(scene.dir.path().join("repository"), "correct horse") {
        restic.check_read_data();
    }
}

/// Up to when the policy is accounted for.
fn accounted(scene: &Scene) -> Option<String> {
    scene.get("/api/v1/policies")["items"][0]["status"]["accounted"].as_str().map(str::to_owned)
}

fn open(scene: &Scene) -> Vec<Value> {
    let open = scene.get("/api/v1/jobs?status=queued&status=blocked&status=running&limit=500");
    open["items"].as_array().unwrap().clone()
}

/// For each time that was due and each client there is one success, or a reason why there is none; and never two.
fn every_run_is_accounted_for_once(scene: &Scene, names: &[&str], kills: u64) {
    let mut runs: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = scene.get(&format!("/api/v1/jobs?kind=backup&limit=500{cursor}"));
        for job in page["items"].as_array().unwrap() {
            let text = |name: &str| job[name].as_str().unwrap().to_owned();
            assert!(!job["finished"].is_null(), "{job:#}");
            runs.entry((text("due"), text("client"))).or_default().push(text("status"));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let successes = |statuses: &[String]| statuses.iter().filter(|status| *status == "succeeded").count();
    let bad: Vec<_> = runs
        .iter()
        .filter(|(_, statuses)| successes(statuses) != 1 && !statuses.iter().any(|status| status == "skipped"))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    // A run is made for all clients or for none: an hour in which no server lived long enough is made up for by the next.
    let mut hours: BTreeMap<&String, usize> = BTreeMap::new();
    for (due, _) in runs.keys() {
        *hours.entry(due).or_default() += 1;
    }
    let uneven: Vec<_> = hours.iter().filter(|(_, clients)| **clients != names.len()).collect();
    assert!(uneven.is_empty(), "{uneven:?}");
    assert!(hours.len() as u64 > kills / 2, "{} hours of {kills}", hours.len());
    assert_eq!(accounted(scene).as_ref(), hours.last_key_value().map(|(due, _)| *due), "all is accounted for");
    println!("{} runs, {} jobs", runs.len(), runs.values().map(Vec::len).sum::<usize>());
}
