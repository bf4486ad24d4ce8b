//! A request with a key is carried out once.

use axum::http::Method;
use holdfast_db::JobFilter;
use serde_json::json;

use super::scene::{Answer, Scene};

async fn post(scene: &Scene, path: &str, key: &str, body: &str) -> Answer {
    scene.send(Method::POST, path, &[("idempotency-key", key)], body).await
}

fn client(hostname: &str) -> String {
    json!({"spec": {"hostname": hostname}}).to_string()
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_answered_the_same_and_not_done_again() {
    let scene = Scene::new().await;
    let first = post(&scene, "/api/v1/clients", "one", &client("web1")).await;
    assert_eq!(first.status, 201);
    let again = post(&scene, "/api/v1/clients", "one", &client("web1")).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    for header in ["location", "etag", "content-type"] {
        assert_eq!(again.header(header), first.header(header));
    }
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert!(!first.headers.contains_key("idempotency-replayed"));

    let prepare = format!("{}/prepare", first.header("location"));
    let job = post(&scene, &prepare, "two", "").await;
    assert_eq!(job.status, 202);
    let cancel = format!("/api/v1/jobs/{}/cancel", job.json()["id"].as_str().unwrap());
    assert!(scene.send(Method::POST, &cancel, &[], "").await.status.is_success());
    assert_eq!(post(&scene, &prepare, "two", "").await.text, job.text, "it is what was answered, not what is");
    let jobs = async || {
        let page = holdfast_db::JobPage::newest(10);
        scene.database.read().await.unwrap().jobs(&JobFilter::default(), &page).await.unwrap().len()
    };
    assert_eq!(jobs().await, 1);
    post(&scene, &prepare, "three", "").await;
    assert_eq!(jobs().await, 2, "another key is another request");

    scene.put_forward(24 * 3600 + 1);
    let late = post(&scene, "/api/v1/clients", "one", &client("web1")).await;
    assert_eq!(late.code(), (409, "name_taken".into()), "after a day nobody remembers");
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let scene = Scene::new().await;
    assert_eq!(post(&scene, "/api/v1/clients", "one", &client("web1")).await.status, 201);
    let tenants = json!({"spec": {"name": "web1"}}).to_string();
    for (path, body) in
        [("/api/v1/clients", client("web2")), ("/api/v1/clients?x=1", client("web1")), ("/api/v1/tenants", tenants)]
    {
        assert_eq!(post(&scene, path, "one", &body).await.code(), (422, "key_reused".into()), "{path}");
    }
    // What was refused has done nothing: its key is free.
    assert_eq!(post(&scene, "/api/v1/clients", "two", "{}").await.code(), (422, "invalid_body".into()));
    assert_eq!(post(&scene, "/api/v1/clients", "two", &client("web2")).await.status, 201);
    let long = "x".repeat(201);
    for key in ["", " ", "a b", "\u{e9}", long.as_str()] {
        assert_eq!(post(&scene, "/api/v1/clients", key, &client("web3")).await.code(), (400, "invalid_header".into()));
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let refused = scene.send(Method::POST, "/api/v1/clients", &twice, &client("web3")).await;
    assert_eq!(refused.code(), (400, "invalid_header".into()));
    assert_eq!(post(&scene, "/api/v1/clients", &long[..200], &client("web3")).await.status, 201);
    let large = client(&"x".repeat(1 << 20));
    assert_eq!(post(&scene, "/api/v1/clients", "three", &large).await.code(), (413, "body_too_large".into()));
}

#[tokio::test]
async fn of_many_that_come_at_once_one_is_carried_out() {
    let scene = Scene::new().await;
    let body = client("web1");
    let all = futures_util::future::join_all((0..8).map(|_| post(&scene, "/api/v1/clients", "one", &body))).await;
    let made = all.iter().filter(|answer| answer.status == 201).collect::<Vec<_>>();
    assert!(!made.is_empty());
    assert!(made.iter().all(|answer| answer.text == made[0].text));
    let first = made.iter().filter(|answer| !answer.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(first, 1);
    for answer in all.iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.code(), (409, "wrong_state".into()));
    }
    assert_eq!(post(&scene, "/api/v1/clients", "one", &body).await.text, made[0].text);
}
