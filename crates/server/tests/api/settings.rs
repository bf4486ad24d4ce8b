//! Settings are read with where they come from, and changed one by one.

use axum::http::Method;
use serde_json::{Value, json};

use super::scene::{Answer, Scene};

async fn change(scene: &Scene, body: Value) -> Answer {
    scene.send(Method::PATCH, "/api/v1/settings", &[], &body.to_string()).await
}

#[tokio::test]
async fn a_setting_says_where_it_comes_from_and_can_be_taken_back() {
    let scene = Scene::new().await;
    let read = async || scene.get("/api/v1/settings").await.json()["settings"].clone();
    let defaults = read().await;
    assert_eq!(defaults["jobs_at_once"], json!({"value": 8, "default": 8, "origin": "default"}));
    let changed = change(&scene, json!({"jobs_at_once": 4, "catalog": false})).await;
    assert_eq!(changed.json()["settings"], read().await);
    assert_eq!(read().await["jobs_at_once"], json!({"value": 4, "default": 8, "origin": "made"}));
    change(&scene, json!({"jobs_at_once": null})).await;
    assert_eq!(read().await["jobs_at_once"], defaults["jobs_at_once"]);
    assert_eq!(read().await["catalog"]["value"], false, "what is not named stays as it is");
    let told = scene.get("/api/v1/events?after=0&topic=setting").await.json();
    let told: Vec<_> = told["events"].as_array().unwrap().iter().map(|event| event["subject"].clone()).collect();
    assert_eq!(told, ["catalog", "jobs_at_once", "jobs_at_once"], "of each change once, and of nothing else");
}

#[tokio::test]
async fn a_setting_that_is_wrong_changes_nothing() {
    let scene = Scene::new().await;
    let before = scene.get("/api/v1/settings").await.text;
    for (body, field) in [
        (json!({"jobs_at_once": 4, "catalogue": false}), "catalogue"),
        (json!({"catalogue": null}), "catalogue"),
        (json!({"jobs_at_once": 0}), "jobs_at_once"),
        (json!({"retention": {}}), "retention"),
        (json!({"retention": {"dayly": 5}}), "retention.dayly"),
        (json!({"time_zone": "Berlin"}), "time_zone"),
        (json!([]), ""),
        (json!(null), ""),
    ] {
        let answer = change(&scene, body.clone()).await;
        assert_eq!(answer.code(), (422, "invalid_body".into()), "{body}");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
    }
    let near = change(&scene, json!({"catalogue": true})).await.json();
    assert_eq!(near["errors"][0]["suggestion"], "catalog");
    assert_eq!(scene.get("/api/v1/settings").await.text, before);
}
