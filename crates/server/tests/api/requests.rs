//! What holds for every request.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use super::scene::Scene;

#[tokio::test]
async fn an_unknown_path_and_a_wrong_method_are_problems_too() {
    let scene = Scene::new().await;
    for path in [
        "/index.html",
        "/api/",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v1/clients/",
        "/api/v1/clients/a/b",
        "/api/v1/%ff%00",
    ] {
        assert_eq!(scene.get(path).await.code(), (404, "no_such_path".into()), "{path}");
    }
    let answer = scene.send(Method::DELETE, "/api/v1/clients", &[], "").await;
    assert_eq!(answer.code(), (405, "method_not_allowed".into()));
    let mut allowed: Vec<&str> = answer.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    let answer = scene.get("/api/v1/schedules/preview").await;
    assert_eq!((answer.code().0, answer.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn what_is_no_id_is_told_apart_from_what_is_not_there() {
    let scene = Scene::new().await;
    for id in ["1", "web1", "0198C6A2-7B1E-7C3A-9F00-3D2B8A6E5C41", "%ff", "%00", "..%2f"] {
        for kind in ["tenants", "clients", "repositories", "schedules", "policies", "jobs"] {
            assert_eq!(scene.get(&format!("/api/v1/{kind}/{id}")).await.code(), (400, "invalid_id".into()), "{id}");
        }
    }
    let schedule = scene.make("schedules", json!({"name": "n", "cron": "@daily"})).await;
    let id = schedule.rsplit('/').next().unwrap();
    assert_eq!(scene.get(&format!("/api/v1/clients/{id}")).await.code(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_request_has_an_id_which_may_be_given() {
    let scene = Scene::new().await;
    let ask = async |id: &str| {
        let request = Request::get("/health/live").header("x-request-id", id).body(Body::empty()).unwrap();
        scene.ask(request).await.header("x-request-id").to_owned()
    };
    assert_eq!(ask("trace-1.2_x").await, "trace-1.2_x");
    for unfit in ["", "a b", "a\"b", &"x".repeat(65)] {
        let id = ask(unfit).await;
        assert!(id != unfit && id.len() == 20, "{id}");
    }
    assert_ne!(ask("").await, ask("").await);
}

#[tokio::test]
async fn a_request_that_was_sent_to_another_name_is_refused() {
    let scene = Scene::new().await;
    let ask = async |host: &str| {
        let request = Request::get("/api/v1/clients").header("host", host).body(Body::empty()).unwrap();
        scene.ask(request).await.status
    };
    assert_eq!(ask("localhost:8420").await, StatusCode::OK);
    assert_eq!(ask("rebound.example").await, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn health_is_answered_and_goes_when_the_database_goes() {
    let scene = Scene::new().await;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(scene.get(path).await.json(), json!({"status": "ok"}));
    }
    scene.database.close().await;
    assert_eq!(scene.get("/health/live").await.status, StatusCode::OK);
    let request = Request::get("/health/ready").body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(scene.router.clone(), request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}
