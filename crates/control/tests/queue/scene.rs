//! A server's database with tenants, clients and policies, and a worker that does what a test says.

use std::sync::Arc;
use std::time::Duration;

use holdfast_control::Control;
use holdfast_db::{Database, JobFilter, JobPage, Options};
use holdfast_model::client::{ClientSpec, ClientStatus};
use holdfast_model::job::{Cause, Job, JobError, JobKind, JobStatus, Outcome};
use holdfast_model::object::Spec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{Clock, Name, TenantUid, Time, Timestamp};
use holdfast_testkit::{FakeClock, TempDir, temp_dir};
use serde_json::{Value, json};

/// Everything that a test works with.
pub(crate) struct Scene<C = FakeClock> {
    pub(crate) control: Control,
    pub(crate) db: Database,
    pub(crate) clock: Arc<C>,
    _dir: TempDir,
}

impl Scene {
    /// A server whose clock shows this time, with one tenant `default`.
    pub(crate) async fn at(time: &str) -> Self {
        let dir = temp_dir();
        let address = format!("sqlite:{}", dir.path().join("holdfast.db").display());
        let db = Database::open(&Options { address, connections: 4 }).await.unwrap();
        let clock = Arc::new(FakeClock::at(Timestamp::from(time.parse::<Time>().unwrap())));
        Self { _dir: dir, ..Self::over(db, clock) }
    }

    /// Minutes go by.
    pub(crate) fn minutes(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }

    pub(crate) fn set(&self, time: &str) {
        self.clock.set(Timestamp::from(time.parse::<Time>().unwrap()));
    }
}

impl<C: Clock + 'static> Scene<C> {
    /// A server over a database and a clock.
    pub(crate) fn over(db: Database, clock: Arc<C>) -> Self {
        let control = Control::new(db.clone(), clock.clone());
        Self { control, db, clock, _dir: temp_dir() }
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now().to_time()
    }

    fn random(&self) -> [u8; 10] {
        // Whatever is made at the same time must differ.
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&std::hash::RandomState::new_bytes());
        bytes
    }

    pub(crate) async fn add_tenant(&self, spec: Value) -> TenantUid {
        let spec: TenantSpec = serde_json::from_value(spec).unwrap();
        let uid = TenantUid::new(self.clock.now(), self.random());
        let mut writer = self.db.write().await.unwrap();
        writer.create(uid, uid, spec, self.now()).await.unwrap();
        writer.commit().await.unwrap();
        uid
    }

    /// A tenant with a repository `main`, a schedule `schedule`, clients that are ready, and a policy for all of them.
    pub(crate) async fn furnish(&self, tenant: TenantUid, cron: &str, clients: &[&str], policy: Value) {
        let mut writer = self.db.write().await.unwrap();
        let now = self.clock.now();
        macro_rules! create {
            ($spec:ty, $json:expr) => {{
                let spec: $spec = serde_json::from_value($json).unwrap();
                let uid = <$spec as Spec>::Uid::new(now, self.random());
                writer.create(uid, tenant, spec, self.now()).await.unwrap()
            }};
        }
        create!(
            RepositorySpec,
            json!({"name": "main", "uri": "/srv/backup", "password": "file:/etc/p", "concurrency": 50})
        );
        create!(ScheduleSpec, json!({"name": "schedule", "cron": cron}));
        for client in clients {
            let client = create!(ClientSpec, json!({"hostname": client}));
            let ready = ClientStatus { ready_since: Some(self.now()), ..ClientStatus::default() };
            writer.set_status::<ClientSpec>(client.uid, &ready).await.unwrap();
        }
        let mut spec = json!({"name": "policy", "work": {"type": "config"}, "repository": "main", "schedule": "schedule",
            "clients": clients});
        spec.as_object_mut().unwrap().extend(policy.as_object().unwrap().clone());
        create!(PolicySpec, spec);
        writer.commit().await.unwrap();
        // Nothing is owed from before.
        self.control.launch_due().await.unwrap();
    }

    /// One look of the scheduler and one of a worker; gives what began.
    pub(crate) async fn tick(&self) -> Vec<Job> {
        self.control.launch_due().await.unwrap();
        self.control.begin_jobs("worker", 50).await.unwrap()
    }

    /// Ends a job well.
    pub(crate) async fn succeed(&self, job: &Job) -> Job {
        self.control.end_job(job.uid, "worker", JobStatus::Succeeded, Outcome::default()).await.unwrap()
    }

    pub(crate) async fn fail(&self, job: &Job, cause: Cause) -> Job {
        let error = Some(JobError { cause, message: "as the test says".into() });
        let outcome = Outcome { error, ..Outcome::default() };
        self.control.end_job(job.uid, "worker", JobStatus::Failed, outcome).await.unwrap()
    }

    /// Ends well whatever begins, until nothing does.
    pub(crate) async fn work_off(&self) {
        loop {
            let begun = self.tick().await;
            if begun.is_empty() {
                return;
            }
            for job in begun {
                self.succeed(&job).await;
            }
        }
    }

    /// All jobs of a kind, the oldest first.
    pub(crate) async fn jobs(&self, kind: JobKind) -> Vec<Job> {
        let filter = JobFilter { kinds: vec![kind], ..JobFilter::default() };
        let page = JobPage { oldest_first: true, ..JobPage::newest(10_000) };
        self.db.read().await.unwrap().jobs(&filter, &page).await.unwrap()
    }

    pub(crate) async fn statuses(&self, kind: JobKind) -> Vec<JobStatus> {
        self.jobs(kind).await.into_iter().map(|job| job.status).collect()
    }

    /// Enables an object, or disables it.
    pub(crate) async fn enable<S: Spec>(
        &self,
        tenant: TenantUid,
        named: &str,
        on: bool,
        set: impl FnOnce(&mut S, bool),
    ) {
        let mut writer = self.db.write().await.unwrap();
        let mut object = writer.object_named::<S>(tenant, &name(named)).await.unwrap();
        set(&mut object.spec, on);
        writer.update(object.uid, None, object.spec, self.now()).await.unwrap();
        writer.commit().await.unwrap();
    }

    pub(crate) async fn set_setting(&self, name: &str, value: Value) {
        let mut writer = self.db.write().await.unwrap();
        writer.set_setting(name, Some(&value)).await.unwrap();
        writer.commit().await.unwrap();
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Random bytes from the standard library alone.
trait NewBytes {
    fn new_bytes() -> [u8; 10];
}

impl NewBytes for std::hash::RandomState {
    fn new_bytes() -> [u8; 10] {
        use std::hash::{BuildHasher, Hasher};
        let bytes = Self::new().build_hasher().finish().to_le_bytes();
        let [a, b, c, d, e, f, g, h] = bytes;
        [a, b, c, d, e, f, g, h, a ^ c, b ^ d]
    }
}
