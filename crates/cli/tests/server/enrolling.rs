//! From nothing to backups that run by themselves.

use holdfast_testkit::{Restic, Sshd, Tree};
use serde_json::json;

use crate::scene::{Databases, Scene, hosts};

pub(crate) fn hosts_are_enrolled_prepared_and_backed_up_when_it_is_time(databases: &Databases) {
    let Some([one, two, three]) = hosts() else { return };
    let scene = Scene::new(databases);
    let tree = Tree::create(scene.dir.path().join("source"));
    tree.file("etc/hosts", "127.0.0.1 localhost\n");
    let [web1, ..] = [("web1", &one), ("web2", &two), ("web3", &three)].map(|(name, host)| scene.enrol(host, name));
    let facts = scene.get(&web1)["status"]["facts"].clone();
    assert!(facts["memory_bytes"].as_u64().unwrap() > 0 && !facts["kernel"].as_str().unwrap().is_empty(), "{facts}");
    scene.make("schedules", json!({"name": "hourly", "cron": "0 * * * *"}));
    scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [scene.path("source")]}, "repository": "main",
            "schedule": "hourly", "clients": ["web1", "web2", "web3"]}),
    );
    let protection = || {
        let page = scene.get("/api/v1/protection");
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["protection"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(protection(), ["never"; 3]);
    scene.put_forward_to("06:00");
    scene.comes_to("backup", &["succeeded"; 3]);
    scene.comes_to_rest();
    assert_eq!(protection(), ["protected"; 3]);
    for job in scene.jobs("backup") {
        assert_eq!((&job["launch"], job["due"].as_str().unwrap().ends_with("T06:00:00Z")), (&json!("scheduled"), true));
        let log = scene.get(&format!("/api/v1/jobs/{}/log", job["id"].as_str().unwrap()));
        assert!(log.is_null(), "a log is text");
    }
    let Some(restic) = Restic::new(scene.dir.path().join("repository"), "correct horse") else { return };
    restic.check_read_data();
    assert_eq!(crate::scene::snapshots(&restic), 3);
}

pub(crate) fn a_repository_that_restic_has_written_is_adopted(databases: &Databases) {
    let scene = Scene::new(databases);
    let Some(restic) = Restic::new(scene.dir.path().join("theirs"), "battery staple") else { return };
    let tree = Tree::create(scene.dir.path().join("source"));
    tree.file("etc/hosts", "127.0.0.1 localhost\n");
    restic.ok(["init"]);
    restic.ok(["backup", &scene.path("source"), "--host", "old"]);
    scene.send("PUT", "/api/v1/secrets/theirs", json!({"secret": "battery staple"}));
    let theirs =
        scene.make("repositories", json!({"name": "theirs", "uri": scene.path("theirs"), "password": "sealed:theirs"}));
    let job = scene.send("POST", &format!("{theirs}/prepare"), json!({}));
    assert_eq!(scene.job_of(job, "succeeded")["outcome"]["files"], 1, "one snapshot was not known");
    let status = scene.get(&theirs)["status"].clone();
    assert_eq!((&status["size"]["snapshots"], &status["problem"]), (&json!(1), &json!(null)), "{status}");
    let Some(sshd) = Sshd::start() else { return };
    scene.enrol(&sshd, "old");
    let policy = scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [scene.path("source")]}, "repository": "theirs",
            "clients": ["old"]}),
    );
    scene.send("POST", &format!("{policy}/run"), json!({}));
    scene.comes_to("backup", &["succeeded"]);
    scene.comes_to_rest();
    restic.check_read_data();
    assert_eq!(crate::scene::snapshots(&restic), 2);
}

pub(crate) fn a_host_that_lets_nobody_in_is_told_with_the_line_that_it_needs(databases: &Databases) {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::new(databases);
    let mut spec = crate::scene::client(&sshd, "web1");
    spec["connection"]["identity_file"].take();
    let client = scene.make("clients", spec);
    let prepare = || scene.send("POST", &format!("{client}/prepare"), json!({}));
    scene.job_of(prepare(), "failed");
    let offered = scene.get(&client)["status"]["host_keys"]["offered"].clone();
    scene.send("POST", &format!("{client}/accept-host-keys"), json!({"keys": offered}));
    let refused = scene.job_of(prepare(), "failed");
    assert_eq!(refused["outcome"]["error"]["cause"], "login_refused", "{refused:#}");
    let key = std::fs::read_to_string(scene.dir.path().join("data/ssh/id_ed25519.pub")).unwrap();
    let checklist = scene.get(&client)["status"]["checklist"].clone();
    let login = checklist.as_array().unwrap().iter().find(|one| one["step"] == "login").unwrap().clone();
    assert_eq!(login["found"], "bad");
    assert!(login["fix"].as_str().unwrap().contains(key.trim()), "{login}");
}
