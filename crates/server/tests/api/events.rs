//! What happens is told to those who watch, and to those who come back.

use futures_util::{SinkExt, StreamExt};
use holdfast_db::{Level, LogLine};
use holdfast_model::job::{JobKind, Launch, NewJob};
use holdfast_model::{JobUid, RunUid, Time, Timestamp};
use holdfast_server::serve;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::scene::Scene;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The API on a socket of its own.
async fn served(scene: &Scene) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, scene.router.clone(), std::future::pending()));
    format!("ws://{address}/api/v1/events")
}

async fn told(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn whoever_watches_hears_what_happens_and_whoever_comes_back_what_has() {
    let scene = Scene::new().await;
    let address = served(&scene).await;
    scene.make_client("before").await;
    let (mut socket, _) = connect_async(format!("{address}?topic=client")).await.unwrap();
    let hello = told(&mut socket).await;
    assert_eq!(hello, json!({"type": "hello", "newest": 1, "is_incomplete": false}));
    scene.make("schedules", json!({"name": "nightly", "cron": "@daily"})).await;
    scene.make_client("after").await;
    let event = told(&mut socket).await;
    assert_eq!((&event["number"], &event["topic"]), (&json!(3), &json!("client")), "{event}");
    assert_eq!((&event["body"]["change"], &event["body"]["name"]), (&json!("created"), &json!("after")));
    socket.close(None).await.unwrap();
    let (mut socket, _) = connect_async(format!("{address}?after=1")).await.unwrap();
    assert_eq!(told(&mut socket).await["newest"], 3, "what was missed follows");
    let topics = [told(&mut socket).await["topic"].clone(), told(&mut socket).await["topic"].clone()];
    assert_eq!(topics, [json!("schedule"), json!("client")]);
    socket.send(Message::Text("whatever".into())).await.unwrap();
    scene.make_client("later").await;
    assert_eq!(told(&mut socket).await["number"], 4);
}

#[tokio::test]
async fn how_far_a_job_is_and_what_it_says_is_told_to_who_asked_for_it() {
    let scene = Scene::new().await;
    let address = served(&scene).await;
    let at = |second: i64| Timestamp::from(Time::from_second(1_795_521_600 + second).unwrap());
    let job = NewJob {
        uid: JobUid::new(at(0), [1; 10]),
        tenant: scene.tenant.parse().unwrap(),
        kind: JobKind::Backup,
        run: RunUid::new(at(0), [1; 10]),
        launch: Launch::Manual,
        launched_by: "ann".into(),
        now: at(0).to_time(),
    };
    let job = job.queued();
    let write = async |text: &str, number| {
        let line = LogLine { at: at(1).to_time(), level: Level::Info, text: text.into() };
        let mut writer = scene.database.write().await.unwrap();
        if number == 1 {
            writer.add_job(&job).await.unwrap();
        }
        writer.add_log(job.uid, number, &[line]).await.unwrap();
        writer.commit().await.unwrap();
    };
    write("one", 1).await;
    let (mut socket, _) = connect_async(format!("{address}?log={}", job.uid)).await.unwrap();
    assert_eq!(told(&mut socket).await["type"], "hello");
    let log = told(&mut socket).await;
    assert_eq!((&log["type"], &log["lines"][0]["text"]), (&json!("log"), &json!("one")));
    write("two", 2).await;
    scene.database.say(json!({"topic": "log", "job": job.uid}).to_string()).await.unwrap();
    let log = told(&mut socket).await;
    assert_eq!((&log["lines"][0]["line"], &log["lines"][0]["text"]), (&json!(2), &json!("two")));
    scene.database.say("no words at all".into()).await.unwrap();
    let words = json!({"topic": "progress", "job": job.uid, "progress": {"bytes_done": 5}});
    scene.database.say(words.to_string()).await.unwrap();
    let progress = told(&mut socket).await;
    assert_eq!((&progress["type"], &progress["job"]), (&json!("progress"), &json!(job.uid)));
    assert_eq!(progress["progress"]["bytes_done"], 5);
    assert_eq!(progress["progress"]["seconds_left"], Value::Null, "what nobody knows is not told");
}

#[tokio::test]
async fn whoever_was_away_too_long_is_told_that_something_is_missing() {
    let scene = Scene::new().await;
    for name in ["one", "two", "three"] {
        scene.make_client(name).await;
        scene.put_forward(60);
    }
    let mut writer = scene.database.write().await.unwrap();
    writer.forget_events("2026-11-24T12:01:30Z".parse().unwrap()).await.unwrap();
    writer.commit().await.unwrap();
    let list = async |query: &str| scene.get(&format!("/api/v1/events?{query}")).await.json();
    let missing = list("after=0").await;
    assert_eq!((missing["events"].as_array().unwrap().len(), &missing["is_incomplete"]), (1, &json!(true)));
    assert_eq!(list("after=2").await["is_incomplete"], false);
    assert_eq!(list("").await, json!({"events": [], "last": 3, "is_incomplete": false}));
    assert_eq!(list("after=99").await["last"], 3, "a number that was never given out");
    let wrong = scene.get("/api/v1/events?topic=jobs").await;
    assert_eq!(
        (wrong.code(), &wrong.json()["errors"][0]["suggestion"]),
        ((400, "invalid_query".into()), &json!("job"))
    );
}
