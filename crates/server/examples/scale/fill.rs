//! Makes clients, policies, jobs and snapshots, as many as are asked for.

use std::time::Instant;

use holdfast_db::{Database, KnownSnapshot, Options, SnapshotDetails};
use holdfast_model::client::{ClientSpec, ClientStatus, Facts, FileSystem};
use holdfast_model::job::{Job, JobKind, JobStatus, Launch, NewJob, Outcome};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, RunUid, ScheduleUid, TenantUid, Time, Timestamp};
use serde_json::{Value, json};

pub(crate) const POLICIES: usize = 200;
const REPOSITORIES: usize = 20;
const SCHEDULES: usize = 20;
/// Rows that are written in one transaction.
const AT_ONCE: usize = 5000;

/// Ids and times that are never the same twice.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, seconds: i64) -> (Timestamp, [u8; 10]) {
        self.0 += 1;
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.0.to_be_bytes());
        (Timestamp { seconds, nanoseconds: 0 }, bytes)
    }
}

macro_rules! made {
    ($writer:ident, $numbers:ident, $uid:ident, $spec:ty, $tenant:expr, $json:expr) => {{
        let spec: $spec = serde_json::from_value($json).unwrap();
        let (now, bytes) = $numbers.next(BEGIN);
        $writer.create($uid::new(now, bytes), $tenant, spec, now.to_time()).await.unwrap().uid
    }};
}

/// 2026-01-01T00:00:00Z
const BEGIN: i64 = 1_767_225_600;

pub(crate) async fn fill(address: &str, clients: usize, jobs: usize, snapshots: usize) -> Value {
    let began = Instant::now();
    let db = Database::open(&Options { address: address.to_owned(), connections: 4 }).await.unwrap();
    let mut numbers = Numbers(0);
    let mut writer = db.write().await.unwrap();
    let (now, bytes) = numbers.next(BEGIN);
    let tenant = TenantUid::new(now, bytes);
    writer.create(tenant, tenant, TenantSpec::new("default".parse().unwrap()), now.to_time()).await.unwrap();
    let mut repositories: Vec<RepositoryUid> = Vec::new();
    for nth in 0..REPOSITORIES {
        let json = json!({"name": format!("repository {nth}"), "uri": format!("/srv/{nth}"), "password": "env:P"});
        repositories.push(made!(writer, numbers, RepositoryUid, RepositorySpec, tenant, json));
    }
    for nth in 0..SCHEDULES {
        let json = json!({"name": format!("schedule {nth}"), "cron": format!("{} {} * * *", nth * 3, nth), "time_zone":
            "Europe/Berlin"});
        made!(writer, numbers, ScheduleUid, ScheduleSpec, tenant, json);
    }
    let mut policies: Vec<PolicyUid> = Vec::new();
    for nth in 0..POLICIES {
        let json = json!({"name": format!("policy {nth}"), "work": {"type": "rootfs"},
            "repository": format!("repository {}", nth % REPOSITORIES), "schedule": format!("schedule {}", nth % SCHEDULES),
            "client_tags": [format!("group{nth}")], "retention": {"daily": 14, "weekly": 8}});
        policies.push(made!(writer, numbers, PolicyUid, PolicySpec, tenant, json));
    }
    writer.commit().await.unwrap();
    let mut hosts: Vec<ClientUid> = Vec::new();
    for from in (0..clients).step_by(AT_ONCE) {
        let mut writer = db.write().await.unwrap();
        for nth in from..clients.min(from + AT_ONCE) {
            let json = json!({"hostname": format!("host{nth:05}.example.net"), "description": "a machine of many",
                "tags": [format!("group{}", nth % POLICIES), "production"], "connection": {"user": "backup", "sudo": true}});
            let uid = made!(writer, numbers, ClientUid, ClientSpec, tenant, json);
            writer.set_status::<ClientSpec>(uid, &ready(now.to_time())).await.unwrap();
            hosts.push(uid);
        }
        writer.commit().await.unwrap();
    }
    for from in (0..jobs).step_by(AT_ONCE) {
        let mut writer = db.write().await.unwrap();
        for nth in from..jobs.min(from + AT_ONCE) {
            let at = BEGIN + (nth as i64) * 28_000_000 / jobs as i64;
            let host = nth % hosts.len();
            let policy = host % POLICIES;
            let (now, bytes) = numbers.next(at);
            let kind = [JobKind::Backup, JobKind::Catalog, JobKind::Forget][nth / hosts.len() % 3];
            let new = NewJob {
                uid: JobUid::new(now, bytes),
                tenant,
                kind,
                run: RunUid::new(now, bytes),
                launch: Launch::Scheduled,
                launched_by: "scheduler".into(),
                now: now.to_time(),
            };
            let job = new.queued().for_policy(
                Some(policies[policy]),
                Some(hosts[host]),
                Some(repositories[policy % REPOSITORIES]),
            );
            writer.add_job(&ended(job, at, nth)).await.unwrap();
        }
        writer.commit().await.unwrap();
    }
    for from in (0..snapshots).step_by(AT_ONCE) {
        let mut writer = db.write().await.unwrap();
        for nth in from..snapshots.min(from + AT_ONCE) {
            let host = nth % hosts.len();
            let policy = host % POLICIES;
            let at = BEGIN + (nth as i64) * 28_000_000 / snapshots as i64;
            let snapshot = KnownSnapshot {
                repository: repositories[policy % REPOSITORIES],
                id: format!("{nth:064x}").parse().unwrap(),
                tenant,
                client: Some(hosts[host]),
                policy: Some(policies[policy]),
                job: None,
                at: Time::from_second(at).unwrap(),
                complete: true,
                hostname: format!("host{host:05}.example.net"),
                details: SnapshotDetails { paths: vec!["/".into()], ..SnapshotDetails::default() },
            };
            writer.add_snapshot(&snapshot).await.unwrap();
        }
        writer.commit().await.unwrap();
    }
    db.close().await;
    json!({"clients": clients, "jobs": jobs, "snapshots": snapshots, "seconds": began.elapsed().as_secs_f64()})
}

fn ended(mut job: Job, at: i64, nth: usize) -> Job {
    let time = |second| Time::from_second(at + second).unwrap();
    job.begin("server", time(1), time(31)).unwrap();
    let outcome = Outcome { files: 120_000, bytes: 40_000_000_000, bytes_added: 80_000_000, ..Outcome::default() };
    let status = if nth.is_multiple_of(50) { JobStatus::Warning } else { JobStatus::Succeeded };
    job.end(status, outcome, time(90)).unwrap();
    job
}

fn ready(now: Time) -> ClientStatus {
    let disk = |mount: &str| FileSystem {
        mount_point: mount.into(),
        kind: "ext4".into(),
        size_bytes: 1 << 40,
        free_bytes: 1 << 39,
    };
    let facts = Facts {
        found: Some(now),
        addresses: vec!["192.0.2.1".into(), "2001:db8::1".into()],
        os: "Debian GNU/Linux 13 (trixie)".into(),
        architecture: "x86_64".into(),
        kernel: "6.12.48+deb13-amd64".into(),
        processors: 8,
        memory_bytes: 32 << 30,
        file_systems: vec![disk("/"), disk("/var"), disk("/srv")],
        ..Facts::default()
    };
    ClientStatus { ready_since: Some(now), facts: Some(facts), ..ClientStatus::default() }
}
