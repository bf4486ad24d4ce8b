//! Names in snapshots are found, page by page, and so are the versions of one file.

use axum::http::StatusCode;
use holdfast_db::catalog::{Begun, Entry, Listing, State};
use holdfast_db::{KnownSnapshot, SnapshotDetails};
use holdfast_model::{ClientUid, EntryKind, RepositoryUid, SnapshotId, Time, TreeId};
use serde_json::{Value, json};

use super::scene::Scene;

fn time(day: i64) -> Time {
    Time::from_second(1_795_521_600 + day * 86_400).unwrap()
}

fn id_of<U: std::str::FromStr<Err: std::fmt::Debug>>(address: &str) -> U {
    address.rsplit('/').next().unwrap().parse().unwrap()
}

/// A client with three snapshots: of ten files in the root, of which one is larger each day.
async fn cataloged(scene: &Scene) -> (ClientUid, RepositoryUid) {
    let client = id_of(&scene.make("clients", json!({"hostname": "web1"})).await);
    let spec = json!({"name": "main", "uri": "/srv/backup", "password": "file:/etc/p"});
    let repository = id_of(&scene.make("repositories", spec).await);
    for day in 0..3_u8 {
        let snapshot = KnownSnapshot {
            repository,
            id: SnapshotId::new([day + 1; 32]),
            tenant: scene.tenant.parse().unwrap(),
            client: Some(client),
            policy: None,
            job: None,
            at: time(day.into()),
            complete: true,
            hostname: "web1".into(),
            details: SnapshotDetails::default(),
        };
        let mut writer = scene.database.write().await.unwrap();
        writer.add_snapshot(&snapshot).await.unwrap();
        writer.commit().await.unwrap();
        let times = (time(0), time(100));
        let Begun::Ready(mut cataloging) = scene.database.begin_catalog(&snapshot, "job", times).await.unwrap() else {
            panic!("nobody else is there")
        };
        let entry = |nth: u8| Entry {
            name: if nth == 0 { "app.log".to_owned() } else { format!("Report {nth}.pdf") },
            kind: EntryKind::File,
            size: if nth == 0 { 100 + i64::from(day) } else { 5 },
            modified: time(0).as_microsecond(),
            content: 0,
            tree: None,
        };
        let tree = TreeId::new([day + 1; 32]);
        let listing = Listing {
            directory: cataloging.root(tree).unwrap(),
            state: State::Tree(tree),
            is_first: true,
            is_last: true,
            entries: (0..10).map(entry).collect(),
        };
        assert!(cataloging.keep(times, &[listing]).await.unwrap().is_empty());
        cataloging.finish(times).await.unwrap();
    }
    (client, repository)
}

async fn paths(scene: &Scene, query: &str) -> (Vec<String>, Value) {
    let answer = scene.get(&format!("/api/v1/find?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let page = answer.json();
    let items = page["items"].as_array().unwrap();
    (items.iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect(), page["next_cursor"].clone())
}

#[tokio::test]
async fn names_are_found_by_a_part_a_glob_and_an_expression() {
    let scene = Scene::new().await;
    let (client, repository) = cataloged(&scene).await;
    let item = scene.get("/api/v1/find?q=APP.LOG".to_lowercase().as_str()).await.json()["items"][0].clone();
    assert_eq!((&item["path"], &item["type"], &item["size"]), (&json!("/app.log"), &json!("file"), &json!(102)));
    assert_eq!((&item["client"], &item["repository"]), (&json!(client), &json!(repository)));
    assert_eq!((&item["versions"], &item["hostname"]), (&json!(3), &json!("web1")));
    assert_eq!(item["first"], json!({"id": SnapshotId::new([1; 32]), "time": time(0)}));
    assert_eq!(item["last"]["time"], json!(time(2)));
    for (query, count) in [
        ("q=report", 9),
        ("q=REPORT", 0),
        ("q=Report&mode=substring", 9),
        ("q=*.pdf&mode=glob", 9),
        ("q=*.PDF&mode=glob", 0),
        ("q=%5Erep.*+%5B1-3%5D&mode=regex", 3),
        (&format!("q=a&client={client}"), 1),
        (&format!("q=a&client={repository}"), 0),
        (&format!("q=.&tenant={}&repository={repository}", scene.tenant), 10),
    ] {
        assert_eq!(paths(&scene, query).await.0.len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_list_of_what_was_found_goes_on_where_it_ended() {
    let scene = Scene::new().await;
    cataloged(&scene).await;
    let (whole, end) = paths(&scene, "q=o").await;
    assert_eq!((whole.len(), end), (10, Value::Null));
    let (mut found, mut query) = (Vec::new(), "q=o&limit=3".to_owned());
    loop {
        let (page, cursor) = paths(&scene, &query).await;
        assert!(page.len() <= 3);
        found.extend(page);
        match cursor.as_str() {
            Some(cursor) => query = format!("q=o&limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(found, whole);
}

#[tokio::test]
async fn all_versions_of_a_file_are_listed_the_newest_first() {
    let scene = Scene::new().await;
    let (client, _) = cataloged(&scene).await;
    let ask = |rest: &str| format!("/api/v1/find/versions?client={client}&path=%2Fapp.log{rest}");
    let page = scene.get(&ask("")).await.json();
    let sizes: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["size"].clone()).collect();
    assert_eq!(sizes, [102, 101, 100]);
    let first = scene.get(&ask("&limit=2")).await.json();
    let rest = scene.get(&ask(&format!("&cursor={}", first["next_cursor"].as_str().unwrap()))).await.json();
    assert_eq!((&rest["items"][0], &rest["next_cursor"]), (&page["items"][2], &Value::Null));
    let report = format!("/api/v1/find/versions?client={client}&path=%2FReport+1.pdf");
    let report = scene.get(&report).await.json();
    assert_eq!(report["items"].as_array().unwrap().len(), 1);
    assert_eq!(report["items"][0]["snapshots"].as_array().unwrap().len(), 3);
    let nothing = scene.get(&format!("/api/v1/find/versions?client={client}&path=/a/b/c")).await.json();
    assert_eq!(nothing, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn what_makes_no_sense_is_said_in_one_sentence() {
    let scene = Scene::new().await;
    let (client, _) = cataloged(&scene).await;
    for (path, field) in [
        ("find", "q"),
        ("find?q=", "q"),
        ("find?q=etc/hosts", "q"),
        ("find?q=(&mode=regex", "q"),
        ("find?q=[&mode=glob", "q"),
        ("find?q=a&mode=exact", "mode"),
        ("find?q=a&limit=0", "limit"),
        ("find/versions?path=/x", "client"),
        (&format!("find/versions?client={client}"), "path"),
        (&format!("find/versions?client={client}&path=x"), "path"),
    ] {
        let answer = scene.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{path}");
    }
    for path in ["find?q=a&cursor=x", "find?q=a&cursor=WyJmaW5kIiwieCIsInkiXQ"] {
        assert_eq!(scene.get(&format!("/api/v1/{path}")).await.json()["code"], "invalid_cursor", "{path}");
    }
}
