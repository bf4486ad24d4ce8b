//! Lists are filtered, sorted, and go on where they ended.

use serde_json::{Value, json};

use super::scene::Scene;

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["spec"]["hostname"].as_str().unwrap()).collect()
}

/// All pages of a list, and how many there are.
async fn walk(scene: &Scene, path: &str) -> (Vec<String>, usize) {
    let (mut found, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = scene.get(&format!("{path}{cursor}")).await.json();
        found.extend(names(&page).into_iter().map(str::to_owned));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (found, pages),
        }
    }
}

#[tokio::test]
async fn a_list_goes_on_where_it_ended_in_every_order() {
    let scene = Scene::new().await;
    let made = ["delta", "alpha", "größer", "charlie", "bravo"];
    for hostname in made {
        scene.make_client(hostname).await;
        scene.put_forward(1);
    }
    let by_name = ["alpha", "bravo", "charlie", "delta", "größer"];
    let turned = |names: [&'static str; 5]| names.into_iter().rev().collect::<Vec<_>>();
    for (sort, expected) in [
        ("name", by_name.to_vec()),
        ("-name", turned(by_name)),
        ("created", made.to_vec()),
        ("-created", turned(made)),
        ("-modified", turned(made)),
    ] {
        let (found, pages) = walk(&scene, &format!("/api/v1/clients?limit=2&sort={sort}")).await;
        assert_eq!((found, pages), (expected.into_iter().map(str::to_owned).collect(), 3), "{sort}");
    }
    assert_eq!(walk(&scene, "/api/v1/clients?limit=5").await.1, 1, "a last page that is full says that it is the last");
}

#[tokio::test]
async fn all_that_is_said_of_a_list_must_hold() {
    let scene = Scene::new().await;
    let smith = scene.make("tenants", json!({"name": "Smith"})).await;
    let smith = smith.rsplit('/').next().unwrap();
    scene.make("clients", json!({"hostname": "web1", "tags": ["web", "prod"]})).await;
    scene.make("clients", json!({"hostname": "web2", "tags": ["web"], "enabled": false})).await;
    scene.make("clients", json!({"hostname": "db_1", "tags": ["db"]})).await;
    scene.post("/api/v1/clients", json!({"tenant": smith, "spec": {"hostname": "WEB3"}})).await;
    let list = async |query: &str| {
        let page = scene.get(&format!("/api/v1/clients?{query}")).await.json();
        names(&page).join(" ")
    };
    assert_eq!(list("tag=web").await, "web1 web2");
    assert_eq!(list("tag=prod&tag=db").await, "db_1 web1");
    assert_eq!(list("enabled=false").await, "web2");
    assert_eq!(list("q=WEB&enabled=true").await, "WEB3 web1");
    assert_eq!(list("q=b_").await, "db_1");
    assert_eq!(list(&format!("tenant={smith}")).await, "WEB3");
    assert_eq!(list("q=nothing").await, "");
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_in_one_sentence() {
    let scene = Scene::new().await;
    scene.make_client("web1").await;
    scene.make_client("web2").await;
    let cursor = scene.get("/api/v1/clients?limit=1").await.json()["next_cursor"].as_str().unwrap().to_owned();
    for (query, code) in [
        ("limit=0", "invalid_query"),
        ("limit=501", "invalid_query"),
        ("limit=-1", "invalid_query"),
        ("limit=x", "invalid_query"),
        ("limit=", "invalid_query"),
        ("limit=99999999999999999999", "invalid_query"),
        ("limit=1&limit=2", "invalid_query"),
        ("enabled=1", "invalid_query"),
        ("sort=size", "invalid_query"),
        ("tenant=default", "invalid_query"),
        ("tag=a%20b", "invalid_query"),
        ("q=%00", "invalid_query"),
        ("q=%ff%00", "invalid_query"),
        ("cursor=", "invalid_cursor"),
        ("cursor=AAAA", "invalid_cursor"),
        (&format!("cursor={cursor}&sort=-name"), "invalid_cursor"),
        ("cursor=WyJjbGllbnQgbmFtZSIsIngiLCJ5Il0", "invalid_cursor"),
    ] {
        let answer = scene.get(&format!("/api/v1/clients?{query}")).await;
        assert_eq!(answer.code(), (400, code.into()), "{query}");
    }
    let answer = scene.get(&format!("/api/v1/schedules?cursor={cursor}")).await;
    assert_eq!(answer.code(), (400, "invalid_cursor".into()), "it is of another list");
    let unknown = scene.get("/api/v1/clients?tags=web").await.json();
    assert_eq!(
        unknown["errors"][0],
        json!({
            "field": "tags", "suggestion": "tag",
            "message": "there is no such parameter; there are tenant, enabled, tag, q, sort, limit, cursor",
        })
    );
}
