//! What an older release has kept is there after an update, all of it.

use std::collections::{BTreeMap, HashMap};

use holdfast_db::{Database, DbErrorKind, JobFilter, JobPage, LastBackup, Level, ObjectFilter, Options, SnapshotQuery};
use holdfast_model::Time;
use holdfast_model::client::ClientSpec;
use holdfast_model::job::{Cause, JobKind, JobStatus};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row, TypeInfo, ValueRef};

use super::scene::{Scene, name, time};

const STEPS: [&str; 8] = [
    include_str!("../../src/migrations/0001.sql"),
    include_str!("../../src/migrations/0002.sql"),
    include_str!("../../src/migrations/0003.sql"),
    include_str!("../../src/migrations/0004.sql"),
    include_str!("../../src/migrations/0005.sql"),
    include_str!("../../src/migrations/0006.sql"),
    include_str!("../../src/migrations/0007.sql"),
    include_str!("../../src/migrations/0008.sql"),
];
const ROWS: &str = include_str!("../testdata/0001-rows.sql");

fn statements(step: &str) -> Vec<String> {
    let code: Vec<&str> = step.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    code.join("\n").split(';').map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// The tables that a step makes, in order.
fn tables(step: &str) -> Vec<String> {
    let table = |line: &str| Some(line.strip_prefix("CREATE TABLE ")?.split(' ').next()?.to_owned());
    step.lines().filter_map(table).collect()
}

/// The tables that there are after some steps, in the order in which they were made.
fn tables_after(steps: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for step in steps {
        all.extend(tables(step));
        let gone: Vec<&str> = step.lines().filter_map(|line| line.strip_prefix("DROP TABLE ")).collect();
        all.retain(|table| !gone.iter().any(|line| line.trim_end_matches(';') == table));
    }
    all
}

/// The database as the first release has left it, with rows in every table.
async fn as_of_the_first_release(scene: &Scene) {
    let mut connection = AnyConnection::connect(&scene.address).await.unwrap();
    let all = tables_after(&STEPS);
    for table in all.iter().rev() {
        connection.execute(AssertSqlSafe(format!("DROP TABLE {table}"))).await.unwrap();
    }
    for statement in statements(STEPS[0]).into_iter().chain(statements(ROWS)) {
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    connection.execute("UPDATE schema_version SET version = 1").await.unwrap();
    connection.close().await.unwrap();
    for (table, rows) in rows(scene, &tables(STEPS[0])).await {
        assert!(!rows.is_empty(), "{table} has no rows to be looked after");
    }
}

/// All rows of tables, as texts in order.
async fn rows(scene: &Scene, tables: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut connection = AnyConnection::connect(&scene.address).await.unwrap();
    let mut all = BTreeMap::new();
    for table in tables {
        let select = AssertSqlSafe(format!("SELECT * FROM {table}"));
        let rows = sqlx::query(select).fetch_all(&mut connection).await.unwrap();
        let text = |row: &sqlx::any::AnyRow| {
            let cell = |at: usize| {
                let value = row.try_get_raw(at).unwrap();
                match (value.is_null(), value.type_info().name().to_uppercase().as_str()) {
                    (true, _) => "-".to_owned(),
                    (false, "BIGINT" | "INTEGER" | "INT8") => row.get::<i64, _>(at).to_string(),
                    _ => row.get::<String, _>(at),
                }
            };
            (0..row.len()).map(cell).collect::<Vec<_>>().join("|")
        };
        let mut texts: Vec<String> = rows.iter().map(text).collect();
        texts.sort();
        all.insert(table.clone(), texts);
    }
    connection.close().await.unwrap();
    all
}

async fn open(scene: &Scene) -> Database {
    Database::open(&Options { address: scene.address.clone(), connections: 2 }).await.unwrap()
}

pub(crate) async fn all_that_the_first_release_has_kept_is_read_by_this_one(scene: &Scene) {
    as_of_the_first_release(scene).await;
    let db = open(scene).await;
    let mut reader = db.read().await.unwrap();
    let all = ObjectFilter::default();
    macro_rules! only {
        ($spec:ty) => {{
            let read = reader.all_objects::<$spec>(&all).await.unwrap();
            assert!(read.unreadable.is_empty(), "{:?}", read.unreadable);
            assert_eq!(read.objects.len(), 1);
            read.objects.into_iter().next().unwrap()
        }};
    }
    let (tenant, client, repository) = (only!(TenantSpec), only!(ClientSpec), only!(RepositorySpec));
    let (schedule, policy) = (only!(ScheduleSpec), only!(PolicySpec));
    assert_eq!((tenant.uid, tenant.spec.name.as_str()), (scene.tenant, "default"));
    assert_eq!((client.spec.quota_bytes, client.status.ready_since), (Some(5_000_000_000), Some(time(2))));
    assert!(client.spec.connection.sudo && client.revision == 1 && client.created == time(1));
    assert_eq!((repository.spec.uri.as_str(), repository.spec.maintenance.check.is_some()), ("/srv/backup", true));
    assert_eq!(schedule.spec.cron.to_string(), "30 2 * * *");
    assert_eq!((&policy.spec.schedule, &policy.spec.clients), (&Some(name("nightly")), &[name("web1")].into()));

    let page = JobPage { oldest_first: true, ..JobPage::newest(10) };
    let jobs = reader.jobs(&JobFilter::default(), &page).await.unwrap();
    let shown: Vec<_> = jobs.iter().map(|job| (job.kind, job.status)).collect();
    assert_eq!(shown, [(JobKind::Backup, JobStatus::Failed), (JobKind::Forget, JobStatus::Blocked)]);
    let error = jobs[0].outcome.error.as_ref().unwrap();
    assert_eq!((error.cause, error.message.as_str(), jobs[0].outcome.files), (Cause::Full, "no room", 5));
    assert_eq!(reader.jobs_after(jobs[0].uid).await.unwrap(), [jobs[1].uid]);
    let log = reader.log(jobs[0].uid, 1, 10).await.unwrap();
    assert_eq!((log.len(), log[0].1.level, log[0].1.text.as_str()), (1, Level::Error, "no room"));
    let query = SnapshotQuery { client: Some(client.uid), limit: 10, ..SnapshotQuery::default() };
    let snapshots = reader.snapshots(&query).await.unwrap();
    assert_eq!((snapshots.len(), snapshots[0].policy, snapshots[0].at), (1, Some(policy.uid), time(7)));
    assert_eq!((snapshots[0].details.bytes, snapshots[0].details.added), (Some(700), None));
    assert_eq!(reader.bytes_added(repository.uid, client.uid).await.unwrap(), 0, "it does not say");
    let last = LastBackup { newest: Some(time(7)), failed: None };
    assert_eq!(reader.last_backups(None).await.unwrap(), [(policy.uid, [(client.uid, last)].into())].into());
    assert_eq!(reader.event_numbers().await.unwrap().1, 1);
    assert_eq!(reader.events_after(0, 10).await.unwrap()[0].event.subject, jobs[0].uid.to_string());
    assert_eq!(reader.sealed("main").await.unwrap().as_deref(), Some("sealed text"));
    assert_eq!(reader.settings().await.unwrap().jobs_at_once.get(), 3);
    drop(reader);
    let mut writer = db.write().await.unwrap();
    assert!(!writer.hold("scheduler", "two", time(10), time(40)).await.unwrap(), "one holds it");
    let needed = writer.remove::<ClientSpec>(client.uid, None).await.unwrap_err();
    assert_eq!(needed.kind(), DbErrorKind::InUse, "the policy names it");
    drop(writer);
    db.close().await;
}

pub(crate) async fn an_update_keeps_every_row_and_happens_once(scene: &Scene) {
    as_of_the_first_release(scene).await;
    let old = tables(STEPS[0]);
    let before = rows(scene, &old).await;
    open(scene).await.close().await;
    assert_eq!(rows(scene, &old).await, before);
    let mut all = tables_after(&STEPS);
    all.push("schema_version".to_owned());
    let updated = rows(scene, &all).await;
    open(scene).await.close().await;
    assert_eq!(rows(scene, &all).await, updated);
}

/// Both how backups failed and which snapshots there are have come into one table with step 0007.
pub(crate) async fn how_clients_stood_is_kept(scene: &Scene) {
    as_of_the_first_release(scene).await;
    let mut connection = AnyConnection::connect(&scene.address).await.unwrap();
    for statement in STEPS[1..6].iter().flat_map(|step| statements(step)) {
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let known =
        "SELECT client, policy, 9000001, 'full' FROM snapshots UNION SELECT client, id, 9000001, 'full' FROM snapshots";
    let failures = format!("INSERT INTO failures (client, policy, at, cause) {known}");
    connection.execute(AssertSqlSafe(failures)).await.unwrap();
    connection.execute("UPDATE failures SET policy = client WHERE policy LIKE '0909%'").await.unwrap();
    connection.execute("UPDATE schema_version SET version = 6").await.unwrap();
    connection.close().await.unwrap();
    let db = open(scene).await;
    let mut clients: Vec<LastBackup> = db
        .read()
        .await
        .unwrap()
        .last_backups(None)
        .await
        .unwrap()
        .into_values()
        .flat_map(HashMap::into_values)
        .collect();
    clients.sort_by_key(|last| last.newest);
    let failed = Some((Time::from_microsecond(9_000_001).unwrap(), Cause::Full));
    assert_eq!(clients, [None, Some(time(7))].map(|newest| LastBackup { newest, failed }));
    db.close().await;
}
