//! Restores are asked for, and refused with the field that is wrong.

use holdfast_db::{KnownSnapshot, SnapshotDetails};
use holdfast_model::{SnapshotId, Time};
use serde_json::{Value, json};

use super::scene::Scene;

/// A client, and a repository with a snapshot of it: their ids.
async fn furnish(scene: &Scene) -> (String, String) {
    let id = |place: String| place.rsplit('/').next().unwrap().to_owned();
    let client = id(scene.make_client("web1").await);
    let spec = json!({"name": "main", "uri": "/srv/backup", "password": "file:/etc/holdfast/main"});
    let repository = id(scene.make("repositories", spec).await);
    let snapshot = KnownSnapshot {
        repository: repository.parse().unwrap(),
        id: SnapshotId::new([7; 32]),
        tenant: scene.tenant.parse().unwrap(),
        client: Some(client.parse().unwrap()),
        policy: None,
        job: None,
        at: Time::from_second(1_795_000_000).unwrap(),
        complete: true,
        hostname: "web1".into(),
        details: SnapshotDetails::default(),
    };
    let mut writer = scene.database.write().await.unwrap();
    writer.add_snapshot(&snapshot).await.unwrap();
    writer.commit().await.unwrap();
    (client, repository)
}

#[tokio::test]
async fn a_restore_becomes_a_job_that_says_all_that_was_decided() {
    let scene = Scene::new().await;
    let (client, repository) = furnish(&scene).await;
    let asked = json!({
        "source": {"client": client}, "select": {"paths": ["/etc//nginx/", r"/srv/\xff"]},
        "target": {"to": "client", "client": client, "path": "/srv/back"}, "manner": {"overwrite": "if_newer"},
    });
    let made = scene.post("/api/v1/restores", asked.clone()).await;
    assert_eq!(made.status, 202, "{made:?}");
    let job = made.json();
    assert_eq!(scene.get(made.header("location")).await.json(), job);
    assert_eq!((&job["kind"], &job["status"], &job["launch"]), (&json!("restore"), &json!("queued"), &json!("api")));
    assert_eq!((&job["client"], &job["repository"]), (&json!(client), &json!(repository)));
    let told = &job["parameters"];
    assert_eq!(told["snapshot"], "07".repeat(32));
    assert_eq!(told["select"]["paths"], json!(["/etc/nginx", r"/srv/\xff"]));
    assert_eq!(told["manner"]["overwrite"], "if_newer");

    let again = scene.post("/api/v1/restores", asked).await;
    assert_eq!(again.code(), (409, "in_use".into()));
    assert_eq!(again.json()["needed_by"], json!([job["id"]]));
}

#[tokio::test]
async fn what_must_not_be_restored_is_refused_with_the_field_that_is_wrong() {
    let scene = Scene::new().await;
    let (client, repository) = furnish(&scene).await;
    let theirs = scene.make("tenants", json!({"name": "theirs"})).await;
    let theirs = theirs.rsplit('/').next().unwrap();
    let foreign = scene.post("/api/v1/clients", json!({"spec": {"hostname": "db1"}, "tenant": theirs})).await;
    let foreign = foreign.json()["id"].as_str().unwrap().to_owned();
    let nobody = "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41";
    let to = |client: &str, path: &str| json!({"to": "client", "client": client, "path": path});
    let source = json!({"client": client});
    let field = |body: &Value| body["errors"][0]["field"].clone();
    for (body, wrong) in [
        (json!({"source": source, "target": to(&client, "/")}), "in_place"),
        (json!({"source": source, "target": to(&foreign, "/srv")}), "target.client"),
        (json!({"target": to(&client, "/srv")}), "source"),
        (json!({"source": {"repository": repository}, "target": to(&client, "/srv")}), "source"),
        (json!({"source": source, "target": to(&client, "/srv"), "select": {"include": ["["]}}), "select"),
        (json!({"source": source, "target": to(&client, "/srv"), "plan": nobody, "dry_run": true}), "plan"),
        (json!({"source": source, "target": to(&client, "srv")}), "target"),
        (json!({"source": source, "target": {"to": "directory", "path": "../etc"}}), "target"),
        (json!({"source": source, "target": {"to": "moon"}}), "target.to"),
        (json!({"source": source, "target": to(&client, "/srv"), "select": {"paths": ["etc"]}}), "select.paths.0"),
        (json!({"source": source, "target": to(&client, "/srv"), "overwrite": "never"}), "overwrite"),
    ] {
        let answer = scene.post("/api/v1/restores", body.clone()).await;
        assert_eq!(answer.code(), (422, "invalid_body".into()), "{body}");
        assert_eq!(field(&answer.json()), wrong, "{body}: {answer:?}");
    }
    for body in [
        json!({"source": source, "target": to(nobody, "/srv")}),
        json!({"source": {"client": nobody}, "target": to(&client, "/srv")}),
        json!({"source": {"repository": nobody, "snapshot": "07".repeat(32)}, "target": to(&client, "/srv")}),
        json!({"source": source, "target": to(&client, "/srv"), "plan": nobody}),
    ] {
        assert_eq!(scene.post("/api/v1/restores", body.clone()).await.code(), (422, "dangling".into()), "{body}");
    }
    assert_eq!(scene.get("/api/v1/jobs").await.json()["items"], json!([]), "none of them has become a job");
}
