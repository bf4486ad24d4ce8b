//! A database with a tenant, and ids and times to use in it.

use std::sync::atomic::{AtomicU8, Ordering};

use holdfast_db::{Database, Options};
use holdfast_model::client::ClientSpec;
use holdfast_model::job::{Job, JobKind, Launch, NewJob};
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{
    ClientUid, JobUid, Name, PolicyUid, RepositoryUid, RunUid, ScheduleUid, TenantUid, Time, Timestamp,
};
use holdfast_testkit::{Postgres, TempDir, temp_dir};

/// A database of one test.
pub(crate) struct Scene {
    pub(crate) db: Database,
    pub(crate) address: String,
    pub(crate) tenant: TenantUid,
    next: AtomicU8,
    _dir: Option<TempDir>,
}

macro_rules! new_uids {
    ($($method:ident: $uid:ident)*) => {$(
        pub(crate) fn $method(&self) -> $uid {
            $uid::new(self.next_time(), [7; 10])
        }
    )*};
}

impl Scene {
    pub(crate) async fn sqlite() -> Self {
        let dir = temp_dir();
        let address = format!("sqlite:{}", dir.path().join("a folder/holdfast.db").display());
        Self::new(address, Some(dir)).await
    }

    pub(crate) async fn postgres(server: &Postgres, claim: &str) -> Self {
        Self::new(server.new_database(&claim[..claim.len().min(60)]), None).await
    }

    async fn new(address: String, dir: Option<TempDir>) -> Self {
        let db = Database::open(&Options { address: address.clone(), connections: 4 }).await.unwrap();
        let tenant = TenantUid::new(Timestamp::from(time(0)), [1; 10]);
        let mut writer = db.write().await.unwrap();
        writer.create(tenant, tenant, TenantSpec::new(name("default")), time(0)).await.unwrap();
        writer.commit().await.unwrap();
        Self { db, address, tenant, next: AtomicU8::new(1), _dir: dir }
    }

    new_uids! {
        client_uid: ClientUid
        repository_uid: RepositoryUid
        schedule_uid: ScheduleUid
        policy_uid: PolicyUid
        tenant_uid: TenantUid
        run_uid: RunUid
        job_uid: JobUid
    }

    fn next_time(&self) -> Timestamp {
        Timestamp::from(time(self.next.fetch_add(1, Ordering::Relaxed).into()))
    }

    /// A queued job of the scene's tenant, later than all before it.
    pub(crate) fn job(&self, kind: JobKind) -> Job {
        let uid = self.job_uid();
        let new = NewJob {
            uid,
            tenant: self.tenant,
            kind,
            run: self.run_uid(),
            launch: Launch::Scheduled,
            launched_by: "scheduler".into(),
            now: time(5),
        };
        new.queued()
    }

    pub(crate) async fn add_jobs(&self, jobs: &[Job]) {
        let mut writer = self.db.write().await.unwrap();
        for job in jobs {
            writer.add_job(job).await.unwrap();
        }
        writer.commit().await.unwrap();
    }

    /// Keeps a client of this name.
    pub(crate) async fn add_client(&self, hostname: &str) -> ClientUid {
        let uid = self.client_uid();
        let mut writer = self.db.write().await.unwrap();
        writer.create(uid, self.tenant, ClientSpec::new(name(hostname)), time(1)).await.unwrap();
        writer.commit().await.unwrap();
        uid
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// So many seconds and a microsecond after some morning.
pub(crate) fn time(second: i64) -> Time {
    Time::from_microsecond((1_800_000_000 + second) * 1_000_000 + 1).unwrap()
}
