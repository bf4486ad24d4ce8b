//! What is asked for becomes a job, or is so at once.

use axum::body::Body;
use axum::http::{Method, Request};
use holdfast_model::ClientUid;
use holdfast_model::client::{ClientSpec, ClientStatus, ReadyToken};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::scene::Scene;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH0123456789abcdefghijklmnopqrstuvwxyzABCD";

async fn furnished(scene: &Scene) -> (String, String, String) {
    let client = scene.make_client("web1").await;
    let repository =
        scene.make("repositories", json!({"name": "main", "uri": "/srv/backup", "password": "sealed:main"})).await;
    let policy = json!({"name": "web", "work": {"type": "config"}, "repository": "main", "clients": ["web1"]});
    (client, repository, scene.make("policies", policy).await)
}

#[tokio::test]
async fn what_takes_long_is_a_job_that_is_made_once() {
    let scene = Scene::new().await;
    let (client, repository, _) = furnished(&scene).await;
    let answer = scene.post(&format!("{client}/prepare"), json!({})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let job = answer.json();
    assert_eq!((&job["kind"], &job["status"], &job["launch"]), (&json!("prepare"), &json!("queued"), &json!("api")));
    assert_eq!(answer.header("location"), format!("/api/v1/jobs/{}", job["id"].as_str().unwrap()));
    let again = scene.post(&format!("{client}/prepare"), json!({})).await.json();
    assert_eq!(again["id"], job["id"], "it has not begun yet");
    for (action, body, kind) in [
        ("prepare", json!({"create": true}), "prepare"),
        ("check", json!({"read_data": true}), "check"),
        ("prune", json!({}), "prune"),
        ("catalog", json!({}), "catalog"),
        ("verify", json!({}), "verify"),
    ] {
        let job = scene.post(&format!("{repository}/{action}"), body).await.json();
        assert_eq!(job["kind"], kind);
        assert_eq!(job["repository"].as_str().unwrap(), repository.rsplit('/').next().unwrap());
    }
    assert_eq!(scene.post(&format!("{repository}/check"), json!({"raed": 1})).await.code().0, 422);
}

#[tokio::test]
async fn a_body_that_may_say_nothing_can_be_left_out() {
    let scene = Scene::new().await;
    let (client, repository, policy) = furnished(&scene).await;
    let plain = [("content-type", "text/plain")];
    for action in [format!("{policy}/run"), format!("{repository}/check"), format!("{repository}/prepare")] {
        assert_eq!(scene.send(Method::POST, &action, &[], "").await.status, 202, "{action}");
        assert_eq!(scene.send(Method::POST, &action, &plain, "").await.status, 202, "{action}");
        let request = Request::post(&action).header("content-type", "text/plain").body(Body::from("{}")).unwrap();
        assert_eq!(scene.ask(request).await.code(), (415, "unsupported_media_type".into()), "{action}");
    }
    let needed = scene.send(Method::POST, &format!("{client}/accept-host-keys"), &[], "").await;
    assert_eq!(needed.code().0, 415, "it says which");
}

#[tokio::test]
async fn a_policy_runs_when_it_is_asked_to_and_a_second_time_only_when_the_first_has_ended() {
    let scene = Scene::new().await;
    let (_, _, policy) = furnished(&scene).await;
    let kinds = |answer: Value| -> Vec<(String, String)> {
        let jobs = answer["jobs"].as_array().unwrap().iter();
        jobs.map(|job| (job["kind"].as_str().unwrap().into(), job["status"].as_str().unwrap().into())).collect()
    };
    let first = scene.post(&format!("{policy}/run"), json!({"clients": ["web1"]})).await;
    assert_eq!(first.status, 202);
    let backup = first.json()["jobs"][1]["id"].as_str().unwrap().to_owned();
    let pair = |kind: &str, status: &str| (kind.to_owned(), status.to_owned());
    assert_eq!(kinds(first.json())[..2], [pair("prepare", "queued"), pair("backup", "blocked")]);
    let second = scene.post(&format!("{policy}/run"), json!({})).await;
    assert_eq!(kinds(second.json()), [pair("backup", "skipped")]);
    let (status, _, detail) = scene.post(&format!("{policy}/run"), json!({"clients": ["web2"]})).await.problem();
    assert_eq!(status, 422);
    assert!(detail.contains("none of these is a client"), "{detail}");

    let again = format!("/api/v1/jobs/{backup}/retry");
    assert_eq!(scene.send(Method::POST, &again, &[], "").await.code(), (409, "wrong_state".into()));
    let prepare = first.json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    let cancelled = scene.send(Method::POST, &format!("/api/v1/jobs/{prepare}/cancel"), &[], "").await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    assert_eq!(scene.get(&format!("/api/v1/jobs/{backup}")).await.json()["status"], "cancelled", "what waits for it");
    let retried = scene.send(Method::POST, &again, &[], "").await;
    assert_eq!((retried.status.as_u16(), &retried.json()["kind"]), (202, &json!("backup")));
    assert_ne!(retried.json()["id"].as_str().unwrap(), backup);
}

#[tokio::test]
async fn a_host_key_is_believed_when_somebody_said_so() {
    let scene = Scene::new().await;
    let client = scene.make_client("web1").await;
    let accepted = scene.post(&format!("{client}/accept-host-keys"), json!({"keys": [KEY]})).await;
    assert_eq!(accepted.json()["status"]["host_keys"], json!({"accepted": [KEY], "offered": []}));
    assert_eq!(scene.post(&format!("{client}/accept-host-keys"), json!({"keys": []})).await.code().0, 422);
    assert_eq!(scene.post(&format!("{client}/accept-host-keys"), json!({"keys": ["x"]})).await.code().0, 422);
    let events = scene.get("/api/v1/events?after=0&topic=client").await.json();
    let last = events["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["body"]["change"], &last["body"]["by"]),
        (&json!("host keys accepted"), &json!("local administrator"))
    );
}

#[tokio::test]
async fn a_client_says_that_it_is_ready_with_a_token_that_works_once() {
    let scene = Scene::new().await;
    let client = scene.make_client("web1").await;
    let uid: ClientUid = client.rsplit('/').next().unwrap().parse().unwrap();
    let ready = format!("{client}/ready");
    let wrong = async |body: Value| scene.post(&ready, body).await.code();
    assert_eq!(wrong(json!({"token": ""})).await, (403, "wrong_token".into()), "none was given out");
    let digest: String = Sha256::digest(b"open sesame").iter().map(|byte| format!("{byte:02x}")).collect();
    let give = async |good_until: &str| {
        let token = ReadyToken { sha256: digest.clone(), good_until: good_until.parse().unwrap() };
        let status = ClientStatus { ready_by: Some(token), ..ClientStatus::default() };
        let mut writer = scene.database.write().await.unwrap();
        writer.set_status::<ClientSpec>(uid, &status).await.unwrap();
        writer.commit().await.unwrap();
    };
    give("2026-11-24T12:00:00Z").await;
    assert_eq!(wrong(json!({"token": "open sesame"})).await, (403, "wrong_token".into()), "it is too old");
    give("2026-11-24T12:00:01Z").await;
    assert_eq!(wrong(json!({"token": "open barley"})).await, (403, "wrong_token".into()));
    let said = scene.post(&ready, json!({"token": "open sesame", "host_keys": [KEY]})).await;
    assert_eq!(said.status, 204, "{said:?}");
    let status = scene.get(&client).await.json()["status"].clone();
    assert_eq!(status["ready_since"], "2026-11-24T12:00:00Z");
    assert_eq!(status["host_keys"]["accepted"], json!([KEY]));
    assert_eq!(wrong(json!({"token": "open sesame"})).await, (403, "wrong_token".into()));
}

#[tokio::test]
async fn a_secret_is_sealed_and_never_shown_and_stays_as_long_as_it_is_needed() {
    let scene = Scene::new().await;
    let (_, repository, _) = furnished(&scene).await;
    let put = async |body: Value| scene.send(Method::PUT, "/api/v1/secrets/main", &[], &body.to_string()).await;
    assert_eq!(put(json!({"secret": "hunter2"})).await.status, 204);
    let refused = put(json!({"secret": "two\nlines of it"})).await;
    assert_eq!(refused.status, 422);
    assert!(!refused.text.contains("lines of it"), "{refused:?}");
    assert_eq!(scene.get("/api/v1/secrets").await.json(), json!({"secrets": ["main"]}));
    let sealed = scene.database.read().await.unwrap().sealed("main").await.unwrap().unwrap();
    assert!(!sealed.contains("hunter2"));
    let remove = async || scene.send(Method::DELETE, "/api/v1/secrets/main", &[], "").await;
    assert_eq!(remove().await.json()["needed_by"], json!(["repository main"]));
    let policies = scene.get("/api/v1/policies").await.json();
    let policy = format!("/api/v1/policies/{}", policies["items"][0]["id"].as_str().unwrap());
    for address in [policy, repository] {
        assert_eq!(scene.send(Method::DELETE, &address, &[], "").await.status, 204);
    }
    assert_eq!(remove().await.status, 204);
    assert_eq!(remove().await.code().0, 404);
    let odd = scene.send(Method::PUT, "/api/v1/secrets/..%2Fmain", &[], r#"{"secret": "x"}"#).await;
    assert_eq!(odd.code(), (400, "invalid_id".into()));
}

#[tokio::test]
async fn a_page_from_elsewhere_cannot_have_anything_done() {
    let scene = Scene::new().await;
    let client = scene.make_client("web1").await;
    let headers = [("host", "localhost:8420"), ("origin", "https://elsewhere.example")];
    let refused = scene.send(Method::POST, &format!("{client}/prepare"), &headers, "").await;
    assert_eq!(refused.code(), (403, "forbidden".into()));
}

#[tokio::test]
async fn a_repository_is_copied_to_another_of_the_same_tenant() {
    let scene = Scene::new().await;
    let spec = |name: &str| json!({"name": name, "uri": format!("/srv/{name}"), "password": "env:P"});
    let from = scene.make("repositories", spec("main")).await;
    let to = scene.make("repositories", spec("offsite")).await.rsplit('/').next().unwrap().to_owned();
    let tenant = scene.make("tenants", json!({"name": "Smith"})).await.rsplit('/').next().unwrap().to_owned();
    let foreign = json!({"tenant": tenant, "spec": spec("theirs")});
    let foreign = scene.post("/api/v1/repositories", foreign).await.json()["id"].as_str().unwrap().to_owned();
    let client = json!({"tenant": tenant, "spec": {"hostname": "web1"}});
    let client = scene.post("/api/v1/clients", client).await.json()["id"].as_str().unwrap().to_owned();
    let copy = async |body| scene.post(&format!("{from}/copy"), body).await;
    let job = copy(json!({"to": "offsite", "newest": true})).await;
    assert_eq!((job.status.as_u16(), &job.json()["kind"]), (202, &json!("copy")));
    assert_eq!(job.json()["parameters"], json!({"to": to, "client": null, "newest": true}));
    assert_eq!(copy(json!({"to": to, "newest": true})).await.json()["id"], job.json()["id"], "it is asked for already");
    assert_eq!(copy(json!({"to": "main"})).await.code(), (422, "invalid_body".into()));
    for body in [
        json!({"to": "theirs"}),
        json!({"to": foreign}),
        json!({"to": "offsite", "client": client}),
        json!({"to": "offsite", "client": to}),
    ] {
        assert_eq!(copy(body.clone()).await.code(), (422, "dangling".into()), "{body}");
    }
}
