//! What is wrong with a body is told by the name of the field.

use axum::http::Method;
use serde_json::{Value, json};

use super::scene::Scene;

async fn refused(scene: &Scene, kind: &str, spec: Value) -> (String, String, Value) {
    let answer = scene.post(&format!("/api/v1/{kind}"), json!({"spec": spec})).await;
    assert_eq!(answer.code(), (422, "invalid_body".into()), "{answer:?}");
    let error = answer.json()["errors"][0].clone();
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    (text("field"), text("message"), error["suggestion"].clone())
}

#[tokio::test]
async fn an_unknown_field_is_named_with_the_one_that_was_meant() {
    let scene = Scene::new().await;
    let (field, _, meant) = refused(&scene, "clients", json!({"hostname": "web1", "quota": 5})).await;
    assert_eq!((field.as_str(), meant), ("spec.quota", json!("quota_bytes")));
    let (field, _, meant) = refused(&scene, "clients", json!({"hostname": "web1", "connection": {"prot": 22}})).await;
    assert_eq!((field.as_str(), meant), ("spec.connection.prot", json!("port")));
    let policy = json!({"name": "x", "repository": "main", "work": {"type": "folders", "path": ["/srv"]}});
    let (field, message, meant) = refused(&scene, "policies", policy).await;
    assert_eq!((field.as_str(), meant), ("spec.work.path", json!("paths")), "{message}");
    let (field, message, meant) = refused(&scene, "clients", json!({"hostname": "web1", "zzz": 5})).await;
    assert_eq!((field.as_str(), meant), ("spec.zzz", Value::Null));
    assert!(message.contains("hostname, connection"), "{message}");
    let answer = scene.post("/api/v1/clients", json!({"specs": {}})).await;
    assert_eq!(answer.json()["errors"][0]["suggestion"], "spec");
}

#[tokio::test]
async fn a_field_that_is_missing_or_wrong_is_named() {
    let scene = Scene::new().await;
    for (kind, spec, wrong) in [
        ("clients", json!({}), "spec.hostname"),
        ("clients", json!({"hostname": ""}), "spec.hostname"),
        ("clients", json!({"hostname": "web1", "tags": ["a", "b c"]}), "spec.tags.1"),
        ("clients", json!({"hostname": "web1", "connection": {"port": 0}}), "spec.connection.port"),
        ("clients", json!({"hostname": "web1", "quota_bytes": -1}), "spec.quota_bytes"),
        ("clients", json!({"hostname": "-oProxyCommand=x"}), "spec.connection"),
        ("clients", json!({"hostname": "x", "connection": {"ssh_options": {"ProxyCommand": "x"}}}), "spec.connection"),
        ("schedules", json!({"name": "n", "cron": "61 * * * *"}), "spec.cron"),
        ("schedules", json!({"name": "n", "cron": "@daily", "time_zone": "Berlin"}), "spec.time_zone"),
        ("repositories", json!({"name": "m", "uri": "", "password": "env:P"}), "spec.uri"),
        ("repositories", json!({"name": "m", "uri": "ftp:store", "password": "env:P"}), "spec.uri"),
        ("repositories", json!({"name": "m", "uri": "rel/repo", "password": "env:P"}), "spec.uri"),
        ("repositories", json!({"name": "m", "uri": "/srv", "hot": "hot", "password": "env:P"}), "spec.hot"),
        ("repositories", json!({"name": "m", "uri": "rclone::local:/srv", "password": "env:P"}), "spec.uri"),
        ("policies", json!({"name": "p", "repository": "m", "work": {"type": "floppy"}}), "spec.work.type"),
        (
            "policies",
            json!({"name": "p", "repository": "m", "work": {"type": "folders", "paths": []}}),
            "spec.work.paths",
        ),
        (
            "policies",
            json!({"name": "p", "repository": "m", "work": {"type": "rootfs"}, "retention": {}}),
            "spec.retention",
        ),
        (
            "policies",
            json!({"name": "p", "repository": "m", "work": {"type": "mail"}, "on_missed": "ignore"}),
            "spec.on_missed",
        ),
    ] {
        let (field, message, _) = refused(&scene, kind, spec.clone()).await;
        assert_eq!(field, wrong, "{spec}: {message}");
    }
}

#[tokio::test]
async fn a_password_in_the_place_of_its_source_is_not_repeated() {
    let scene = Scene::new().await;
    for password in [json!("hunter2"), json!(["hunter2"])] {
        let spec = json!({"name": "m", "uri": "/srv", "password": password});
        let answer = scene.post("/api/v1/repositories", json!({"spec": spec})).await;
        assert_eq!(answer.json()["errors"][0]["field"], "spec.password");
        assert!(!answer.text.contains("hunter2"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_password_within_an_address_is_refused_and_not_repeated() {
    let scene = Scene::new().await;
    let spec = |uri: &str| json!({"name": "m", "uri": uri, "password": "env:P"});
    let place = scene.make("repositories", spec("backup@store:/srv")).await;
    let bad = json!({"spec": spec("rest:https://ann:hunter2@store/")});
    let made = scene.post("/api/v1/repositories", bad.clone()).await;
    let replaced = scene.send(Method::PUT, &place, &[("if-match", "*")], &bad.to_string()).await;
    for answer in [made, replaced] {
        assert_eq!((answer.code().0, &answer.json()["errors"][0]["field"]), (422, &json!("spec.uri")));
        assert!(answer.text.contains("credentials") && !answer.text.contains("hunter2"), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_no_json_is_told_apart_from_what_says_the_wrong_thing() {
    let scene = Scene::new().await;
    let post = async |content_type: &str, body: String| {
        scene.send(Method::POST, "/api/v1/clients", &[("content-type", content_type)], &body).await
    };
    let deep = "[".repeat(100_000);
    for body in ["{", "{\"spec\": }", "nonsense", "{} {}", &deep, "{\"spec\": {\"quota_bytes\": 1e999}}"] {
        assert_eq!(scene.send(Method::POST, "/api/v1/clients", &[], body).await.code(), (400, "malformed_body".into()));
    }
    for body in ["[]", "null", "5", "\"x\"", "{}", "{\"spec\": null}"] {
        assert_eq!(scene.send(Method::POST, "/api/v1/clients", &[], body).await.code(), (422, "invalid_body".into()));
    }
    let none = scene.send(Method::POST, "/api/v1/clients", &[], "").await;
    assert_eq!(none.code(), (415, "unsupported_media_type".into()));
    let body = json!({"spec": {"hostname": "web1"}}).to_string();
    // Sent twice: the header of `send` stands first, and is the one that counts.
    let form = axum::http::Request::post("/api/v1/clients").header("content-type", "text/plain");
    let form = scene.ask(form.body(body.clone().into()).unwrap()).await;
    assert_eq!(form.code(), (415, "unsupported_media_type".into()), "a page from elsewhere could send that");
    let large = json!({"spec": {"hostname": "web1", "description": "x".repeat(1 << 20)}}).to_string();
    assert_eq!(post("application/json", large).await.code(), (413, "body_too_large".into()));
}

#[tokio::test]
async fn an_object_is_read_by_the_names_of_its_fields_alone() {
    let scene = Scene::new().await;
    let spec = serde_json::json!({"spec": {"hostname": "web1", "connection": [null, "root"]}});
    let (status, code, detail) = scene.post("/api/v1/clients", spec).await.problem();
    assert_eq!((status, code.as_str()), (422, "invalid_body"), "{detail}");
    assert!(detail.contains("it must be an object"), "{detail}");
}
