//! Opening, leases, secrets, settings.

use holdfast_db::{Database, DbErrorKind, Options};
use holdfast_model::Settings;
use holdfast_model::client::ClientSpec;
use serde_json::json;

use super::scene::{Scene, time};

pub(crate) async fn why_a_backup_failed_is_known_until_one_ends_well(scene: &Scene) {
    use holdfast_model::job::Cause;
    let (client, policy) = (scene.client_uid(), scene.policy_uid());
    let note = async |second, cause| {
        let mut writer = scene.db.write().await.unwrap();
        writer.note_end(client, policy, time(second), cause).await.unwrap();
        writer.commit().await.unwrap();
        scene.db.read().await.unwrap().last_backups(None).await.unwrap()[&policy][&client].failed
    };
    assert_eq!(note(1, Some(Cause::Full)).await, Some((time(1), Cause::Full)));
    assert_eq!(note(2, Some(Cause::Unreachable)).await, Some((time(2), Cause::Unreachable)));
    assert_eq!(note(3, None).await, None);
}

pub(crate) async fn opening_again_changes_nothing(scene: &Scene) {
    let uid = scene.add_client("web1").await;
    scene.db.ping().await.unwrap();
    let options = Options { address: scene.address.clone(), connections: 2 };
    // Two at once, as a server and its worker do.
    let (one, two) = tokio::join!(Database::open(&options), Database::open(&options));
    for db in [one.unwrap(), two.unwrap()] {
        assert_eq!(db.read().await.unwrap().object::<ClientSpec>(uid).await.unwrap().uid, uid);
        db.close().await;
    }
}

pub(crate) async fn a_database_of_an_older_release_is_brought_up_to_date(scene: &Scene) {
    use sqlx::{AssertSqlSafe, Connection, Executor};
    let uid = scene.add_client("web1").await;
    let mut connection = sqlx::AnyConnection::connect(&scene.address).await.unwrap();
    // As the first release has left it.
    let catalog = ["chains", "snapshots", "names", "directories", "entries"].map(|table| format!("catalog_{table}"));
    for table in catalog.into_iter().chain(["last_backups", "answers", "repository_sizes"].map(str::to_owned)) {
        connection.execute(AssertSqlSafe(format!("DROP TABLE {table}"))).await.unwrap();
    }
    for index in ["jobs_unfinished_by_policy", "snapshots_by_time"] {
        connection.execute(AssertSqlSafe(format!("DROP INDEX {index}"))).await.unwrap();
    }
    connection.execute("UPDATE schema_version SET version = 1").await.unwrap();
    let db = Database::open(&Options { address: scene.address.clone(), connections: 1 }).await.unwrap();
    let mut reader = db.read().await.unwrap();
    assert_eq!(reader.object::<ClientSpec>(uid).await.unwrap().uid, uid);
    assert!(reader.catalog_names(0, 10).await.unwrap().is_none());
    drop(reader);
    db.close().await;
}

pub(crate) async fn a_database_of_a_newer_release_is_refused(scene: &Scene) {
    let mut connection = sqlx::AnyConnection::connect(&scene.address).await.unwrap();
    use sqlx::{Connection, Executor};
    connection.execute("UPDATE schema_version SET version = 1000").await.unwrap();
    let error = Database::open(&Options { address: scene.address.clone(), connections: 1 }).await.unwrap_err();
    assert_eq!(error.kind(), DbErrorKind::Version);
    assert!(error.to_string().contains("version 1000"), "{error}");
}

pub(crate) async fn one_holds_a_lease_at_a_time(scene: &Scene) {
    let mut writer = scene.db.write().await.unwrap();
    assert!(writer.hold("scheduler", "one", time(0), time(30)).await.unwrap());
    assert!(!writer.hold("scheduler", "two", time(10), time(40)).await.unwrap());
    assert!(writer.hold("scheduler", "one", time(20), time(50)).await.unwrap(), "who holds it keeps it");
    assert!(!writer.hold("scheduler", "two", time(50), time(80)).await.unwrap());
    assert!(writer.hold("scheduler", "two", time(51), time(80)).await.unwrap(), "it had run out");
    writer.let_go("scheduler", "one").await.unwrap();
    assert!(!writer.hold("scheduler", "one", time(60), time(90)).await.unwrap(), "that was another's");
    writer.let_go("scheduler", "two").await.unwrap();
    assert!(writer.hold("scheduler", "one", time(60), time(90)).await.unwrap());
    writer.commit().await.unwrap();
}

pub(crate) async fn secrets_and_settings_are_replaced_and_taken_back(scene: &Scene) {
    let mut writer = scene.db.write().await.unwrap();
    for sealed in ["one", "two"] {
        writer.set_sealed("main", sealed).await.unwrap();
        assert_eq!(writer.sealed("main").await.unwrap().as_deref(), Some(sealed));
    }
    writer.remove_sealed("main").await.unwrap();
    assert_eq!(writer.sealed("main").await.unwrap(), None);
    assert_eq!(writer.settings().await.unwrap(), Settings::default());
    writer.set_setting("catalog", Some(&json!(false))).await.unwrap();
    writer.set_setting("jobs_at_once", Some(&json!(3))).await.unwrap();
    writer.set_setting("jobs_at_once", Some(&json!(5))).await.unwrap();
    let settings = writer.settings().await.unwrap();
    assert_eq!((settings.catalog, settings.jobs_at_once.get()), (false, 5));
    writer.set_setting("catalog", None).await.unwrap();
    assert!(writer.settings().await.unwrap().catalog);
    writer.set_setting("catalog", Some(&json!("perhaps"))).await.unwrap();
    assert_eq!(writer.settings().await.unwrap_err().kind(), DbErrorKind::Corrupt);
    writer.commit().await.unwrap();
}
