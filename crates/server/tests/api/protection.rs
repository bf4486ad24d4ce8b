//! How well clients are protected, and what a retention keeps.

use holdfast_db::{KnownSnapshot, SnapshotDetails};
use holdfast_model::Time;
use holdfast_model::job::Cause;
use serde_json::{Value, json};

use super::scene::Scene;

fn id_of(address: &str) -> &str {
    address.rsplit('/').next().unwrap()
}

/// A server with clients web1 and web2, a policy that is due at two each night, and the addresses of all.
async fn furnished(scene: &Scene) -> (String, String, String) {
    let (client, _) = (scene.make_client("web1").await, scene.make_client("web2").await);
    let repository =
        scene.make("repositories", json!({"name": "main", "uri": "/srv/backup", "password": "env:P"})).await;
    scene.make("schedules", json!({"name": "nightly", "cron": "0 2 * * *"})).await;
    let policy = json!({"name": "web", "work": {"type": "config"}, "repository": "main", "schedule": "nightly",
        "clients": ["web1", "web2"], "retention": {"daily": 2}});
    (client, repository, scene.make("policies", policy).await)
}

async fn note_snapshot(scene: &Scene, (client, repository, policy): &(String, String, String), at: &str) {
    let at: Time = at.parse().unwrap();
    let snapshot = KnownSnapshot {
        repository: id_of(repository).parse().unwrap(),
        id: format!("{:064x}", at.as_second()).parse().unwrap(),
        tenant: scene.tenant.parse().unwrap(),
        client: Some(id_of(client).parse().unwrap()),
        policy: Some(id_of(policy).parse().unwrap()),
        job: None,
        at,
        complete: true,
        hostname: "web1".into(),
        details: SnapshotDetails::default(),
    };
    let mut writer = scene.database.write().await.unwrap();
    writer.add_snapshot(&snapshot).await.unwrap();
    writer.commit().await.unwrap();
}

async fn protection(scene: &Scene, query: &str) -> Vec<(String, String)> {
    let page = scene.get(&format!("/api/v1/protection?{query}")).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| (text(&item["client"]["name"]), text(&item["protection"]))).collect()
}

fn pair(client: &str, protection: &str) -> (String, String) {
    (client.to_owned(), protection.to_owned())
}

#[tokio::test]
async fn whoever_looks_sees_the_worst_first_and_by_when_a_backup_is_expected() {
    let scene = Scene::new().await;
    let all = furnished(&scene).await;
    assert_eq!(protection(&scene, "").await, [pair("web1", "never"), pair("web2", "never")]);
    note_snapshot(&scene, &all, "2026-11-24T12:00:00Z").await;
    assert_eq!(protection(&scene, "").await, [pair("web2", "never"), pair("web1", "protected")]);
    assert_eq!(protection(&scene, "protection=protected").await, [pair("web1", "protected")]);
    // Past the night, and past the time that a backup may take.
    scene.put_forward(16 * 3600 + 1);
    let page = scene.get("/api/v1/protection?limit=1").await.json();
    assert_eq!(page["items"][0]["protection"], "overdue");
    assert_eq!(page["items"][0]["expected_by"], "2026-11-25T04:00:00Z");
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(protection(&scene, &format!("limit=1&cursor={next}")).await, [pair("web2", "overdue")]);
    let mut writer = scene.database.write().await.unwrap();
    let (client, policy) = (id_of(&all.0).parse().unwrap(), id_of(&all.2).parse().unwrap());
    let at = "2026-11-25T02:10:00Z".parse().unwrap();
    writer.note_end(client, policy, at, Some(Cause::LoginRefused)).await.unwrap();
    writer.commit().await.unwrap();
    let failing = scene.get(&format!("/api/v1/protection?client={}", id_of(&all.0))).await.json();
    let failing = &failing["items"][0];
    assert_eq!((&failing["protection"], &failing["cause"]), (&json!("failing"), &json!("login_refused")));
    assert!(failing["fix"].as_str().unwrap().contains("authorized_keys"));
}

/// Whatever becomes of the row that a page ends with, the next begins behind where it stood.
#[tokio::test]
async fn the_list_goes_on_where_the_page_ended() {
    for change in ["better", "worse", "other", "gone"] {
        let scene = Scene::new().await;
        let all = furnished(&scene).await;
        let third = scene.make_client("web0").await;
        let query = match change {
            "other" => "protection=never&limit=2",
            "gone" => "limit=1",
            _ => "limit=2",
        };
        let first = scene.get(&format!("/api/v1/protection?{query}")).await.json();
        let names: Vec<_> = first["items"].as_array().unwrap().iter().map(|item| &item["client"]["name"]).collect();
        assert_eq!(names, ["web0", "web1"][..names.len()]);
        match change {
            "better" | "other" => note_snapshot(&scene, &all, "2026-11-24T12:00:00Z").await,
            "worse" => {
                let mut writer = scene.database.write().await.unwrap();
                let (client, policy) = (id_of(&all.0).parse().unwrap(), id_of(&all.2).parse().unwrap());
                let at = "2026-11-24T12:00:00Z".parse().unwrap();
                writer.note_end(client, policy, at, Some(Cause::LoginRefused)).await.unwrap();
                writer.commit().await.unwrap();
            }
            _ => {
                let gone = scene.send(axum::http::Method::DELETE, &third, &[], "").await;
                assert_eq!(gone.status, 204, "{gone:?}");
            }
        }
        let next = first["next_cursor"].as_str().unwrap();
        let rest = protection(&scene, &format!("{query}&cursor={next}")).await;
        let rest: Vec<_> = rest.iter().map(|(client, _)| client.as_str()).collect();
        // Only what has moved past the end of the page comes again.
        let expected: &[&str] = match change {
            "better" => &["web2", "web1"],
            "gone" => &["web1"],
            _ => &["web2"],
        };
        assert_eq!(rest, expected, "{change}");
    }
    // Exactly as many as there are: nothing comes behind them.
    let scene = Scene::new().await;
    furnished(&scene).await;
    assert_eq!(scene.get("/api/v1/protection?limit=2").await.json()["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_policy_that_will_not_run_says_why() {
    let scene = Scene::new().await;
    let (_, repository, policy) = furnished(&scene).await;
    let outlook = async || scene.get(&policy).await.json()["status"]["outlook"].clone();
    assert_eq!(outlook().await, json!({"clients": 2, "next": "2026-11-25T02:00:00Z", "idle": null}));
    let spec = json!({"spec": {"name": "main", "uri": "/srv/backup", "password": "env:P", "enabled": false}});
    let off = scene.send(axum::http::Method::PUT, &repository, &[("if-match", "*")], &spec.to_string()).await;
    assert_eq!(off.status, 200);
    let page = scene.get("/api/v1/protection").await.json();
    assert_eq!(page["items"][0]["protection"], "paused");
    assert_eq!(page["items"][0]["idle"], "its repository main is disabled");
    let idle = json!({"clients": 2, "next": null, "idle": "its repository main is disabled"});
    assert_eq!(outlook().await, idle);
    assert_eq!(scene.get("/api/v1/policies").await.json()["items"][0]["status"]["outlook"], idle);
    let run = scene.post(&format!("{policy}/run"), json!({})).await;
    assert_eq!(run.code(), (409, "wrong_state".into()), "nothing is written to it by hand either");
}

#[tokio::test]
async fn a_client_in_no_policy_is_not_forgotten() {
    let scene = Scene::new().await;
    furnished(&scene).await;
    let alone = scene.make_client("alone").await;
    let of_it = format!("client={}", id_of(&alone));
    assert_eq!(protection(&scene, &of_it).await, [pair("alone", "never")]);
    let all = protection(&scene, "").await;
    assert_eq!(all.len(), 3);
    assert_eq!(protection(&scene, "sort=client").await[0], pair("alone", "never"));
    assert_eq!(protection(&scene, "q=LON").await, [pair("alone", "never")]);
    assert_eq!(protection(&scene, "q=web2").await, [pair("web2", "never")]);
    let first = scene.get("/api/v1/protection?limit=1&sort=newest").await.json();
    let next = first["next_cursor"].as_str().unwrap();
    assert_eq!(protection(&scene, &format!("sort=newest&cursor={next}")).await.len(), 2);
    assert_eq!(scene.get(&format!("/api/v1/protection?cursor={next}")).await.status, 400, "it is of another order");
    let page = scene.get(&format!("/api/v1/protection?{of_it}")).await.json();
    let item = &page["items"][0];
    assert_eq!(
        (&item["policy"], item["idle"].as_str().unwrap().starts_with("it is in no policy")),
        (&json!(null), true)
    );
}

#[tokio::test]
async fn a_retention_tells_what_it_keeps_before_it_counts() {
    let scene = Scene::new().await;
    let all = furnished(&scene).await;
    for at in ["2026-11-21T02:00:00Z", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z"] {
        note_snapshot(&scene, &all, at).await;
    }
    let asked = json!({"policy": id_of(&all.2), "client": id_of(&all.0)});
    let forecast = scene.post("/api/v1/retention/preview", asked).await.json();
    assert_eq!((&forecast["kept"], &forecast["removed"]), (&json!(2), &json!(1)), "{forecast}");
    assert_eq!(forecast["snapshots"][0]["reasons"], json!(["daily snapshot"]));
    assert_eq!(forecast["snapshots"][0]["goes"], "2026-11-26T02:00:00Z");
    assert_eq!(forecast["snapshots"][2]["goes"], "2026-11-24T12:00:00Z", "at once");
    let draft = json!({"retention": {"last": 1, "monthly": 2}, "cron": "0 2 * * *", "days": 60});
    let forecast = scene.post("/api/v1/retention/preview", draft).await.json();
    assert_eq!((&forecast["kept"], &forecast["removed"]), (&json!(2), &json!(58)));
    assert_eq!(forecast["snapshots"][0]["snapshot"], Value::Null, "it is made up");
    for (wrong, field) in [
        (json!({"cron": "* * * * *"}), "days"),
        (json!({"retention": {"daily": 1}}), "cron"),
        (json!({"retention": {}, "cron": "@daily"}), "retention"),
        (json!({"client": id_of(&all.0)}), "policy"),
    ] {
        let answer = scene.post("/api/v1/retention/preview", wrong).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["field"]), (422, &json!(field)), "{answer:?}");
    }
}
