//! What fails, is cancelled or interrupted.

use holdfast_testkit::Sshd;
use holdfast_testkit::process::must_happen;
use serde_json::json;

use crate::scene::{Databases, Gate, Scene};

pub(crate) fn what_may_pass_is_tried_again_until_it_works(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::new(databases);
    let paths = scene.source();
    let client = scene.enrol(&sshd, "web1");
    let policy = scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [paths]}, "repository": "main",
            "clients": ["web1"], "retries": {"count": 2, "delay_seconds": 600}}),
    );
    let right = scene.get(&client)["spec"].clone();
    let mut wrong = right.clone();
    // Nothing listens on the port of echo.
    wrong["connection"]["port"] = json!(7);
    scene.send("PUT", &client, json!({"spec": wrong}));
    scene.send("POST", &format!("{policy}/run"), json!({}));
    scene.comes_to("backup", &["failed", "queued"]);
    let (first, second) = (scene.jobs("backup")[0].clone(), scene.jobs("backup")[1].clone());
    assert_eq!(first["outcome"]["error"]["cause"], "unreachable");
    assert!(first["fix"].as_str().unwrap().contains("SSH port"));
    assert_eq!((&second["retry_of"], &second["launch"]), (&first["id"], &json!("retry")));
    assert_eq!(scene.statuses("forget"), ["blocked"], "what follows waits for the next try");
    scene.send("PUT", &client, json!({"spec": right}));
    scene.put_forward(700);
    scene.comes_to("backup", &["failed", "succeeded"]);
    scene.comes_to("forget", &["succeeded"]);
}

/// A server with a backup that runs, and is held up until the gate opens.
fn held_up(databases: &Databases, sshd: &Sshd) -> (Scene, Gate) {
    let scene = Scene::new(databases);
    let (paths, gate) = (scene.source(), scene.gate());
    scene.enrol(sshd, "web1");
    let policy = scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [paths]}, "repository": "main",
            "clients": ["web1"], "hooks": {"client": {"before": [gate.hook()]}}}),
    );
    gate.close();
    scene.send("POST", &format!("{policy}/run"), json!({}));
    scene.comes_to("backup", &["running"]);
    (scene, gate)
}

pub(crate) fn a_job_that_runs_is_cancelled_and_what_follows_it_too(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let (scene, gate) = held_up(databases, &sshd);
    let id = scene.jobs("backup")[0]["id"].as_str().unwrap().to_owned();
    scene.send("POST", &format!("/api/v1/jobs/{id}/cancel"), json!({}));
    scene.comes_to("backup", &["cancelled"]);
    scene.comes_to("forget", &["cancelled"]);
    must_happen("nothing is left on the host", || sshd.session_processes().is_empty());
    gate.open();
    let again = scene.send("POST", &format!("/api/v1/jobs/{id}/retry"), json!({}));
    scene.job_of(again, "succeeded");
}

pub(crate) fn a_server_that_is_interrupted_goes_on_where_it_was(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let (scene, gate) = held_up(databases, &sshd);
    scene.stop();
    gate.open();
    scene.start();
    scene.comes_to("backup", &["succeeded"]);
    scene.comes_to_rest();
    assert_eq!(scene.jobs("backup")[0]["retries"], 0, "it is the same job");
}
