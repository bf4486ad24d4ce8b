//! Objects are made, read, replaced and removed.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::Scene;

/// A spec of each kind, in an order in which what is named is there.
fn specs() -> [(&'static str, Value); 5] {
    [
        ("tenants", json!({"name": "Smith & Sons", "overlap": "tenant"})),
        ("clients", json!({"hostname": "web1", "tags": ["web"]})),
        ("repositories", json!({"name": "main", "uri": "/srv/backup", "password": "file:/etc/holdfast/main"})),
        ("schedules", json!({"name": "nightly", "cron": "30 2 * * *"})),
        (
            "policies",
            json!({
                "name": "web", "work": {"type": "folders", "paths": ["/srv"]}, "repository": "main",
                "schedule": "nightly", "clients": ["web1"],
            }),
        ),
    ]
}

#[tokio::test]
async fn each_kind_is_made_read_replaced_and_removed() {
    let scene = Scene::new().await;
    let mut places = Vec::new();
    for (kind, spec) in specs() {
        let made = scene.post(&format!("/api/v1/{kind}"), json!({"spec": spec})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let place = made.header("location").to_owned();
        assert_eq!((made.header("etag"), place.starts_with(&format!("/api/v1/{kind}/"))), ("\"1\"", true));
        let read = scene.get(&place).await;
        assert_eq!((read.status, read.header("etag"), read.json()), (StatusCode::OK, "\"1\"", made.json()));
        let object = read.json();
        assert_eq!(object["created"], object["modified"]);
        assert!(object["status"].is_object() && place.ends_with(object["id"].as_str().unwrap()), "{object}");
        let owner = if kind == "tenants" { &object["id"] } else { &json!(scene.tenant) };
        assert_eq!(&object["tenant"], owner);

        let mut spec = object["spec"].clone();
        spec["enabled"] = json!(false);
        scene.put_forward(60);
        let body = json!({"spec": spec}).to_string();
        let replaced = scene.send(Method::PUT, &place, &[("if-match", "\"1\"")], &body).await;
        assert_eq!((replaced.status, replaced.header("etag")), (StatusCode::OK, "\"2\""), "{replaced:?}");
        assert_eq!((&replaced.json()["spec"], &replaced.json()["revision"]), (&spec, &json!(2)));
        assert_ne!(replaced.json()["modified"], object["modified"]);
        places.push(place);
    }
    for place in places.iter().rev() {
        assert_eq!(scene.send(Method::DELETE, place, &[], "").await.status, StatusCode::NO_CONTENT);
        assert_eq!(scene.get(place).await.code(), (404, "not_found".into()));
        assert_eq!(scene.send(Method::DELETE, place, &[], "").await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn only_the_revision_that_was_read_is_replaced() {
    let scene = Scene::new().await;
    let place = scene.make_client("web1").await;
    let body = json!({"spec": {"hostname": "web1", "description": "new"}}).to_string();
    let put = async |tag: Option<&str>| {
        let headers: Vec<_> = tag.map(|tag| ("if-match", tag)).into_iter().collect();
        scene.send(Method::PUT, &place, &headers, &body).await
    };
    assert_eq!(put(None).await.code(), (428, "precondition_required".into()));
    for stale in ["\"2\"", "W/\"1\"", "\"x\""] {
        assert_eq!(put(Some(stale)).await.code(), (412, "changed".into()), "{stale}");
    }
    assert_eq!(put(Some("1")).await.code(), (400, "invalid_header".into()));
    assert_eq!(put(Some("\"1\"")).await.header("etag"), "\"2\"");
    assert_eq!(put(Some("\"1\"")).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(put(Some("*")).await.header("etag"), "\"2\"", "nothing is changed by the same once more");
    let delete = async |tag| scene.send(Method::DELETE, &place, &[("if-match", tag)], "").await.status;
    assert_eq!(delete("\"1\"").await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(delete("\"2\"").await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_is_in_use_stays_and_what_uses_it_is_named() {
    let scene = Scene::new().await;
    let mut places = Vec::new();
    for (kind, spec) in specs() {
        places.push(scene.make(kind, spec).await);
    }
    let refused = scene.send(Method::DELETE, &places[1], &[], "").await;
    assert_eq!(refused.code(), (409, "in_use".into()));
    assert_eq!(refused.json()["needed_by"], json!(["policy web"]));
    let tenant = scene.send(Method::DELETE, &format!("/api/v1/tenants/{}", scene.tenant), &[], "").await;
    assert_eq!(tenant.code(), (409, "in_use".into()));
    let renamed = json!({"spec": {"hostname": "web2"}}).to_string();
    scene.send(Method::PUT, &places[1], &[("if-match", "*")], &renamed).await;
    let policy = scene.get(&places[4]).await;
    assert_eq!(policy.json()["spec"]["clients"], json!(["web2"]), "it is followed to its new name");
    assert_eq!(policy.header("etag"), "\"2\"");
}

#[tokio::test]
async fn a_name_is_given_once_and_names_what_is_there() {
    let scene = Scene::new().await;
    scene.make_client("web1").await;
    let again = scene.post("/api/v1/clients", json!({"spec": {"hostname": "web1"}})).await;
    assert_eq!(again.code(), (409, "name_taken".into()));
    let again = scene.post("/api/v1/tenants", json!({"spec": {"name": "default"}})).await;
    assert_eq!(again.code(), (409, "name_taken".into()), "of all tenants there is one of a name");
    let policy = specs()[4].1.clone();
    let (status, code, detail) = scene.post("/api/v1/policies", json!({"spec": policy})).await.problem();
    assert_eq!((status, code.as_str()), (422, "dangling"));
    assert!(detail.contains("schedule nightly"), "{detail}");
    let list = scene.get("/api/v1/policies").await.json();
    assert_eq!(list["items"], json!([]), "nothing was kept");
}

#[tokio::test]
async fn a_repository_without_an_address_is_where_its_tenants_template_says() {
    let scene = Scene::new().await;
    let template = json!({"name": "Smith & Sons", "repository_template": "/srv/{tenant}/{resource}"});
    let smith = scene.make("tenants", template).await.rsplit('/').next().unwrap().to_owned();
    let secret = json!({"name": "Jones", "repository_template": "rest:https://ann:hunter2@store/{tenant}/"});
    let jones = scene.make("tenants", secret).await.rsplit('/').next().unwrap().to_owned();
    let spec = json!({"name": "web 1", "password": "env:P"});
    let made = scene.post("/api/v1/repositories", json!({"tenant": smith, "spec": spec})).await;
    assert_eq!(made.json()["spec"]["uri"], "/srv/Smith___Sons/web_1", "{made:?}");
    let said = json!({"name": "mail", "password": "env:P", "uri": "/mnt/mail"});
    let made = scene.post("/api/v1/repositories", json!({"tenant": smith, "spec": said})).await;
    assert_eq!(made.json()["spec"]["uri"], "/mnt/mail", "what is said counts");
    for (tenant, why) in [(&scene.tenant, "repository_template"), (&jones, "credentials")] {
        let refused = scene.post("/api/v1/repositories", json!({"tenant": tenant, "spec": spec})).await;
        assert_eq!(refused.code(), (422, "invalid_body".into()));
        assert_eq!(refused.json()["errors"][0]["field"], "spec.uri");
        assert!(refused.text.contains(why) && !refused.text.contains("hunter2"), "{refused:?}");
    }
}

#[tokio::test]
async fn the_hot_part_of_a_repository_is_another_place_and_holds_no_password() {
    let scene = Scene::new().await;
    let spec = |hot: &str| json!({"name": "main", "uri": "/srv/backup", "hot": hot, "password": "env:P"});
    for (hot, says) in [
        ("", "be left out"),
        ("/srv/backup", "another place than `uri`"),
        ("ftp:store", "is no kind of storage"),
        ("rest:https://ann:hunter2@store/", "credentials"),
    ] {
        let refused = scene.post("/api/v1/repositories", json!({"spec": spec(hot)})).await;
        assert_eq!(refused.code(), (422, "invalid_body".into()), "{hot}");
        assert_eq!(refused.json()["errors"][0]["field"], "spec.hot", "{refused:?}");
        assert!(refused.text.contains(says) && !refused.text.contains("hunter2"), "{refused:?}");
    }
    let made = scene.post("/api/v1/repositories", json!({"spec": spec("s3:https://s3.example.net/hot")})).await;
    assert_eq!(made.json()["spec"]["hot"], "s3:https://s3.example.net/hot", "{made:?}");
    let without = json!({"spec": {"name": "other", "uri": "/srv/other", "password": "env:P"}});
    assert!(scene.post("/api/v1/repositories", without).await.json()["spec"]["hot"].is_null());
}

#[tokio::test]
async fn what_belongs_to_a_tenant_is_said_or_the_default_tenants() {
    let scene = Scene::new().await;
    let tenant = scene.make("tenants", json!({"name": "Smith"})).await;
    let id = tenant.rsplit('/').next().unwrap();
    let body = json!({"tenant": id, "spec": {"hostname": "web1"}});
    assert_eq!(scene.post("/api/v1/clients", body).await.json()["tenant"], id);
    scene.make_client("web1").await;
    let nobody = "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41";
    let body = json!({"tenant": nobody, "spec": {"hostname": "web2"}});
    assert_eq!(scene.post("/api/v1/clients", body).await.code(), (422, "dangling".into()));
    let body = json!({"tenant": id, "spec": {"name": "other"}});
    assert_eq!(scene.post("/api/v1/tenants", body).await.code(), (422, "invalid_body".into()));
    let again = holdfast_server::ensure_default_tenant(&scene.server).await.unwrap();
    assert_eq!(again.uid.to_string(), scene.tenant, "it is made once");
    // Under another name it is no longer the default, and one of two that look for it at once makes it anew.
    let place = format!("/api/v1/tenants/{}", scene.tenant);
    let renamed = json!({"spec": {"name": "Jones"}}).to_string();
    scene.send(Method::PUT, &place, &[("if-match", "*")], &renamed).await;
    let none = scene.post("/api/v1/clients", json!({"spec": {"hostname": "web3"}})).await;
    assert_eq!(none.json()["errors"][0]["field"], "tenant");
    let ensure = || holdfast_server::ensure_default_tenant(&scene.server);
    let (one, other) = tokio::join!(ensure(), ensure());
    assert_eq!(one.unwrap().uid, other.unwrap().uid);
}

#[tokio::test]
async fn each_change_is_told_of_once() {
    let scene = Scene::new().await;
    let place = scene.make_client("web1").await;
    let body = json!({"spec": {"hostname": "web2"}}).to_string();
    for _ in 0..2 {
        scene.send(Method::PUT, &place, &[("if-match", "*")], &body).await;
    }
    scene.post("/api/v1/clients", json!({"spec": {"hostname": "web2"}})).await;
    scene.send(Method::DELETE, &place, &[], "").await;
    let events = scene.database.read().await.unwrap().events_after(0, 10).await.unwrap();
    let told: Vec<_> = events.iter().map(|event| (&*event.event.topic, &event.event.body["change"])).collect();
    let (created, changed, removed) = (json!("created"), json!("changed"), json!("removed"));
    assert_eq!(told, [("client", &created), ("client", &changed), ("client", &removed)]);
    assert!(events.iter().all(|event| place.ends_with(&event.event.subject)));
}
