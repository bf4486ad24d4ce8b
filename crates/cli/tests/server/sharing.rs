//! A server and workers that share a PostgreSQL share its work.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_testkit::process::must_happen;
use holdfast_testkit::{Sshd, Tree};
use serde_json::json;

use crate::scene::{Databases, Scene, client};
use crate::workers::Worker;

/// As many hosts, which are one in truth.
const CLIENTS: usize = 8;

/// A server with a few places, and a policy that backs up all clients as soon as the gate is open.
fn scene(databases: &Databases, sshd: &Sshd) -> (Scene, String) {
    let scene = Scene::with_jobs(databases, 3);
    scene.send("PATCH", "/api/v1/settings", json!({"catalog": false, "forget_after_backup": false}));
    // Nothing but places are to be scarce.
    let main = scene.get("/api/v1/repositories")["items"][0].clone();
    let mut spec = main["spec"].clone();
    spec["concurrency"] = json!(20);
    scene.send("PUT", &format!("/api/v1/repositories/{}", main["id"].as_str().unwrap()), json!({"spec": spec}));
    let tree = Tree::create(scene.dir.path().join("source"));
    tree.file("file", "content");
    let names: Vec<String> = (0..CLIENTS).map(|nth| format!("web{nth}")).collect();
    // They all have the key that the first one has shown: they are one host.
    let first = scene.enrol(sshd, &names[0]);
    let keys = scene.get(&first)["status"]["host_keys"]["accepted"].clone();
    for name in &names[1..] {
        let made = scene.make("clients", client(sshd, name));
        scene.send("POST", &format!("{made}/accept-host-keys"), json!({"keys": keys}));
    }
    let policy = scene.make(
        "policies",
        json!({"name": "files", "repository": "main", "clients": names,
            "work": {"type": "folders", "paths": [scene.path("source")]},
            "hooks": {"client": {"before": [scene.gate().hook()]}},
            "retries": {"count": 20, "delay_seconds": 1, "longest_delay_seconds": 1}}),
    );
    (scene, policy)
}

/// How many backups have this status, by the process that has them, whose name is without what is random.
fn by_process(scene: &Scene, status: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for job in scene.jobs("backup").iter().filter(|job| job["status"] == status) {
        let worker = job["worker"].as_str().unwrap();
        let name = if worker.starts_with("second-") || worker.starts_with("third-") { worker } else { "server-" };
        *counts.entry(name.split('-').next().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// Waits until each process has as much at work as it has places.
fn all_are_at_work(scene: &Scene, places: &[(&str, usize)]) {
    let wanted = places.iter().map(|(name, places)| ((*name).to_owned(), *places)).collect();
    must_happen(&format!("{places:?} are at work"), || by_process(scene, "running") == wanted);
}

/// There is one success for each client, and a snapshot of it.
fn each_has_succeeded_once(scene: &Scene) {
    let mut successes: BTreeMap<String, usize> = BTreeMap::new();
    for job in scene.jobs("backup").iter().filter(|job| job["status"] == "succeeded") {
        *successes.entry(job["client"].to_string()).or_default() += 1;
    }
    assert_eq!(successes.len(), CLIENTS);
    assert!(successes.values().all(|count| *count == 1), "{successes:?}");
    let snapshots = scene.get("/api/v1/snapshots?limit=500")["items"].as_array().unwrap().clone();
    let by_jobs: BTreeSet<_> = snapshots.iter().map(|snapshot| snapshot["job"].to_string()).collect();
    assert!(by_jobs.len() >= CLIENTS, "{} snapshots", snapshots.len());
}

pub(crate) fn a_server_and_a_worker_each_do_as_much_as_they_have_places_for(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let (scene, policy) = scene(databases, &sshd);
    let _worker = Worker::start(&scene, "second", 3);
    scene.gate().close();
    scene.send("POST", &format!("{policy}/run"), json!({}));
    all_are_at_work(&scene, &[("server", 3), ("second", 3)]);
    scene.gate().open();
    scene.comes_to_rest();
    each_has_succeeded_once(&scene);
}

pub(crate) fn when_a_worker_is_killed_the_others_finish_what_it_began(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let (scene, policy) = scene(databases, &sshd);
    let (second, _third) = (Worker::start(&scene, "second", 3), Worker::start(&scene, "third", 1));
    scene.gate().close();
    scene.send("POST", &format!("{policy}/run"), json!({}));
    all_are_at_work(&scene, &[("server", 3), ("second", 3), ("third", 1)]);
    second.kill(false);
    scene.gate().open();
    // What the others have at work they finish; then the leases of the one that is gone run out.
    must_happen("nothing else is left", || {
        by_process(&scene, "running") == BTreeMap::from([("second".to_owned(), 3)])
            && scene.statuses("backup").iter().all(|status| status != "queued")
    });
    scene.put_forward(60);
    must_happen("they are found to be lost", || {
        scene.statuses("backup").iter().filter(|status| *status == "lost").count() == 3
    });
    scene.comes_to_rest();
    each_has_succeeded_once(&scene);
    assert!(!by_process(&scene, "succeeded").contains_key("second"));
}
