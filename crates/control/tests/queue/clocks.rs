//! Machines whose clocks are wrong, over one PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use holdfast_control::{Control, DatabaseClock};
use holdfast_db::{Database, Options};
use holdfast_model::job::{JobStatus, Launch};
use holdfast_model::policy::PolicySpec;
use holdfast_model::{Clock, SystemClock, Timestamp};
use holdfast_testkit::{FakeClock, Postgres, temp_dir};
use serde_json::json;

use super::scene::{Scene, name};

async fn open(address: &str) -> Database {
    Database::open(&Options { address: address.to_owned(), connections: 2 }).await.unwrap()
}

#[tokio::test]
async fn a_machine_whose_clock_is_ahead_takes_nobodys_jobs() {
    let Some(server) = Postgres::start() else { return };
    let address = server.new_database("clocks");
    let db = open(&address).await;
    let right = Arc::new(SystemClock);
    let scene = Scene::over(db, right.clone());
    let tenant = scene.add_tenant(json!({"name": "default"})).await;
    scene.furnish(tenant, "0 2 * * *", &["web1"], json!({})).await;
    let policy = scene.db.read().await.unwrap().object_named::<PolicySpec>(tenant, &name("policy")).await.unwrap();
    scene.control.launch_policy(policy.uid, None, Launch::Manual, "ann").await.unwrap();
    let begun = scene.control.begin_jobs("worker", 1).await.unwrap();
    assert_eq!(begun.len(), 1);

    let ahead = Arc::new(FakeClock::at(right.now()));
    ahead.advance(Duration::from_secs(120));
    let db = open(&address).await;
    // By its own clock the lease has run out long ago.
    let clock = DatabaseClock::over(ahead.clone(), &db).await.unwrap();
    let other = Control::new(db.clone(), clock.clone());
    assert!(other.adopt_abandoned("other").await.unwrap().is_empty());
    assert_eq!(scene.statuses(begun[0].kind).await, [JobStatus::Running]);

    // Somebody sets it even more wrong, and nobody has asked since.
    ahead.set(Timestamp { seconds: ahead.now().seconds + 3600, ..ahead.now() });
    assert!(other.adopt_abandoned("other").await.unwrap().is_empty());
    let apart = clock.now().to_time().duration_since(right.now().to_time()).abs();
    assert!(apart.as_secs() < 10, "{apart:?}");
}

#[tokio::test]
async fn a_database_of_one_process_has_no_clock_of_its_own() {
    let dir = temp_dir();
    let db = open(&format!("sqlite:{}", dir.path().join("holdfast.db").display())).await;
    let own = Arc::new(FakeClock::at_seconds(1_000));
    let clock = DatabaseClock::over(own.clone(), &db).await.unwrap();
    assert_eq!(clock.now(), own.now());
}
