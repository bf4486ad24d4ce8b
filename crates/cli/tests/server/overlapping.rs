//! What is due when, and what keeps it from starting.

use holdfast_testkit::Sshd;
use serde_json::{Value, json};

use crate::scene::{Databases, Scene, client};

pub(crate) fn a_run_that_meets_the_one_before_is_skipped_and_no_other_tenant_is_touched(databases: &Databases) {
    let (Some(one), Some(two)) = (Sshd::start(), Sshd::start()) else { return };
    let scene = Scene::new(databases);
    let (paths, gate) = (scene.source(), scene.gate());
    scene.send("PATCH", "/api/v1/settings", json!({"catalog": false, "forget_after_backup": false}));
    let mut tenants = Vec::new();
    for (name, sshd, hooks) in [("one", &one, json!({"client": {"before": [gate.hook()]}})), ("two", &two, json!({}))] {
        let tenant = scene.make("tenants", json!({"name": name, "overlap": "tenant"}));
        let password = json!({"name": "main", "uri": scene.path(&format!("of {name}")), "password": "sealed:main"});
        let repository = scene.make_for(&tenant, "repositories", password);
        scene.job_of(scene.send("POST", &format!("{repository}/prepare"), json!({"create": true})), "succeeded");
        scene.believe(&scene.make_for(&tenant, "clients", client(sshd, name)));
        scene.make_for(&tenant, "schedules", json!({"name": "hours", "cron": "0 8,9,10 * * *"}));
        let policy = json!({"name": "files", "work": {"type": "folders", "paths": [paths]}, "repository": "main",
            "schedule": "hours", "clients": [name], "hooks": hooks});
        scene.make_for(&tenant, "policies", policy);
        tenants.push(tenant.rsplit('/').next().unwrap().to_owned());
    }
    let of = |tenant: &String| -> Vec<String> {
        let of_tenant = |job: &&Value| job["tenant"] == json!(tenant);
        scene.jobs("backup").iter().filter(of_tenant).map(|job| job["status"].as_str().unwrap().to_owned()).collect()
    };
    let come_to = |one: &[&str], two: &[&str]| {
        let what = format!("{one:?} and {two:?}");
        holdfast_testkit::process::must_happen(&what, || of(&tenants[0]) == one && of(&tenants[1]) == two);
    };
    gate.close();
    scene.put_forward_to("08:00");
    come_to(&["running"], &["succeeded"]);
    scene.put_forward_to("09:00");
    come_to(&["running", "skipped"], &["succeeded", "succeeded"]);
    let skipped = scene.jobs("backup").into_iter().find(|job| job["status"] == "skipped").unwrap();
    assert!(skipped["waiting_text"].as_str().unwrap().contains("the run before has not ended"), "{skipped}");
    gate.open();
    come_to(&["succeeded", "skipped"], &["succeeded", "succeeded"]);
    scene.put_forward_to("10:00");
    come_to(&["succeeded", "skipped", "succeeded"], &["succeeded", "succeeded", "succeeded"]);
}

pub(crate) fn what_was_missed_while_the_server_was_away_is_made_up_for_once(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::new(databases);
    let paths = scene.source();
    scene.enrol(&sshd, "web1");
    scene.make("schedules", json!({"name": "hourly", "cron": "0 * * * *"}));
    for (name, on_missed) in [("caught up", "catch-up"), ("skipped", "skip")] {
        scene.make(
            "policies",
            json!({"name": name, "work": {"type": "folders", "paths": [paths]}, "repository": "main",
                "schedule": "hourly", "clients": ["web1"], "on_missed": on_missed}),
        );
    }
    scene.put_forward_to("06:00");
    scene.comes_to("backup", &["succeeded", "succeeded"]);
    scene.comes_to_rest();
    scene.stop();
    scene.put_forward_to("11:30");
    scene.start();
    holdfast_testkit::process::must_happen("both are accounted for", || scene.jobs("backup").len() == 4);
    scene.comes_to_rest();
    let mut later: Vec<_> = scene.jobs("backup")[2..]
        .iter()
        .map(|job| (job["launch"].as_str().unwrap().to_owned(), job["status"].as_str().unwrap().to_owned()))
        .collect();
    later.sort();
    assert_eq!(
        later,
        [("catch-up".to_owned(), "succeeded".to_owned()), ("scheduled".to_owned(), "skipped".to_owned())]
    );
    let skipped = scene.jobs("backup").into_iter().find(|job| job["status"] == "skipped").unwrap();
    assert!(skipped["waiting_text"].as_str().unwrap().starts_with("missed 5 times"), "{skipped}");
}

pub(crate) fn a_job_waits_for_its_window(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::new(databases);
    let paths = scene.source();
    scene.enrol(&sshd, "web1");
    let policy = scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [paths]}, "repository": "main",
            "clients": ["web1"], "windows": {"start": ["22:00-23:00"]}}),
    );
    scene.send("POST", &format!("{policy}/run"), json!({}));
    holdfast_testkit::process::must_happen("it says what it waits for", || {
        scene.jobs("backup")[0]["waiting_text"].as_str().is_some_and(|text| text.contains("waits for its window"))
    });
    scene.put_forward_to("22:00");
    scene.comes_to("backup", &["succeeded"]);
}
